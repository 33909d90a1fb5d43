"""The faces of emoji, and a crown, put on animals, fruits and other round things: drawings of what no set has, such as a fox with
sunglasses, so that the words of faces are learned apart from yellow discs."""

import torch
import torch.nn.functional as F

import colours

# What is worn, and where: its size and how far it is moved down, in parts of the picture.
WORN = {name: (0.8, 0.04) for name in (
    "face-with-tears-of-joy", "winking-face", "smiling-face-with-halo", "smiling-face-with-heart-eyes", "star-struck", "kissing-face", "sleeping-face",
    "cowboy-hat-face", "partying-face", "disguised-face", "smiling-face-with-sunglasses", "nerd-face", "crying-face", "angry-face",
    "grinning-squinting-face", "zany-face", "money-mouth-face", "face-with-monocle")} | {"crown": (0.5, -0.28)}
WEARERS = ("skull", "pile-of-poo", "ghost", "alien", "robot", "dog-face", "wolf", "fox", "raccoon", "cat-face", "lion", "tiger-face", "cow-face", "pig-face",
           "mouse-face", "hamster", "rabbit-face", "bear", "koala", "panda", "penguin", "owl", "frog", "octopus", "strawberry", "tomato", "jack-o-lantern",
           "sun", "cloud", "star", "red-heart", "monkey-face", "crescent-moon", "red-apple", "lemon", "peach", "dragon-face", "unicorn")


def features(x):
    """What of faces x [N, 3, H, W] in [0, 1] is no skin, [N, 1, H, W] in [0, 1]: eyes, mouths, tears, hats. Skin is yellow to orange,
    and pink near the rim, as the faces of one set are shaded."""
    hue, high, low = colours.hue(x)
    hue = 60 * hue
    around = surroundings(low)
    grow = lambda mask, by: F.max_pool2d(mask.float(), 2 * by + 1, 1, by) > 0
    coloured = ((high - low) / high.clamp_min(1e-6) > 0.3) & (high > 0.6)
    skin = coloured & (hue > 18) & (hue < 62) | coloured & (hue > -35) & (hue < 62) & grow(around, 18) & ~grow(around, 5)
    edge = (hue > -35) & (hue < 62) & grow(around, 2)
    alpha = (~skin & ~around & ~edge).float()
    alpha = F.max_pool2d(-F.max_pool2d(-alpha, 3, 1, 1), 3, 1, 1)  # without specks
    return F.avg_pool2d(F.max_pool2d(alpha, 3, 1, 1), 3, 1, 1)


def surroundings(low):
    """The white of [N, 1, H, W] that touches the border."""
    white = low > 0.93
    around = F.pad(torch.zeros_like(white)[..., 1:-1, 1:-1], (1, 1, 1, 1), value=True) & white
    while True:
        grown = (F.max_pool2d(around.float(), 3, 1, 1) > 0) & white
        if bool((grown == around).all()):
            return around
        around = grown


def prepare(images):
    """What put needs: the things worn in each style, with alpha, their classes, and the numbers of wearers' drawings."""
    names = images.classes
    is_worn = torch.tensor([n in WORN for n in names])[images.labels.cpu()]
    index = is_worn.nonzero()[:, 0]
    x = images.images[index].float().cpu() / 255
    labels = images.labels[index].cpu()
    crown = torch.tensor([names[l] == "crown" for l in labels.tolist()], dtype=torch.bool)
    alpha = torch.where(crown[:, None, None, None], 1 - surroundings(x.amin(1, keepdim=True)).float(), features(x)) if len(x) else x[:, :1]
    size, down = torch.tensor([WORN[names[l]] for l in labels.tolist()]).reshape(-1, 2).unbind(1)
    at = torch.zeros(len(x), 2, 3)
    at[:, 0, 0] = at[:, 1, 1] = 1 / size
    at[:, 1, 2] = -2 * down / size
    if len(x):
        grid = F.affine_grid(at, x.shape, align_corners=False)
        # colours are multiplied by alpha before, so that nothing of the face comes in at edges
        x = F.grid_sample(torch.cat([x * alpha, alpha], 1), grid, align_corners=False)
    device = images.images.device
    wearer = torch.tensor([n in WEARERS for n in names])[images.labels.cpu()] & torch.isin(images.styles.cpu(), images.styles[index].cpu())
    w = images.words
    w.worn, w.worn_labels, w.worn_styles = x.to(device), labels.to(device), images.styles[index]
    w.wearers = wearer.nonzero()[:, 0].to(device)


def put(images, index, x, part, r):
    """A part of x = images[index] in [-1, 1] becomes wearers of something of their style: (index, x, classes worn [N], or -1)."""
    w, n, on = images.words, len(index), dict(generator=r, device=x.device)
    wears, choice, which = torch.rand(n, **on) < part, torch.rand(n, **on), torch.rand(n, **on)
    if not len(w.wearers):
        return index, x, torch.full_like(index, -1)
    index = torch.where(wears, w.wearers[(choice * len(w.wearers)).long()], index)
    fits = (w.worn_styles[None] == images.styles[index][:, None]).long().cumsum(1)
    thing = torch.searchsorted(fits, (1 + (which * fits[:, -1]).long())[:, None])[:, 0].clamp_max(len(w.worn) - 1)
    over = w.worn[thing[wears]]
    x[wears] = (images.images[index[wears]].float() / 255 * (1 - over[:, 3:]) + over[:, :3]) * 2 - 1
    return index, x, torch.where(wears, w.worn_labels[thing], -1)
