"""The network in whose features generated images are measured: a small residual network of our own, as drawings are far from what
Inception saw. It works on a grid of 32×32, of pixels or, in larger images, of patches. Trained on the training images under heavy augmentation; what it is worth is its accuracy on a
style, or a split, that it never saw."""

import math
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

FEATURES = 128


def pixels(images):
    """uint8 [N, C, H, W] to [-1, 1]: what the classifier sees."""
    return images.float() / 127.5 - 1


class Residual(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.skip = nn.Identity() if channels == out and stride == 1 else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.skip(x))


class Classifier(nn.Module):
    def __init__(self, channels, classes, patch=1):
        super().__init__()
        self.patch = patch
        self.stem = nn.Conv2d(channels * patch * patch, 32, 3, 1, 1)
        self.blocks = nn.Sequential(Residual(32, 48, 2), Residual(48, 96, 2), Residual(96, FEATURES, 1))
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x):  # [N, C, H, W] in [-1, 1] -> [N, 128]
        return self.blocks(F.relu(self.stem(F.pixel_unshuffle(x, self.patch)))).mean(dim=(2, 3))

    def forward(self, x):
        return self.head(self.features(x))


def augment(x, r, border, much=1.0):
    """Turned by up to 15°, scaled by 0.8 to 1.15, moved by up to 3 pixels of 32, mirrored, in other colours, blurred or noisy, and with a piece
    cut out: what a drawing may go through and still be one of its class. Less of turns, scales, colours and noise where much is below 1."""
    n, c, h, w = x.shape
    on = dict(generator=r, device=x.device)
    rand = lambda *shape: torch.rand(*shape, **on)
    angle, scale = (rand(n) * 2 - 1) * math.radians(15) * much, 1 / (1 + (0.35 * rand(n) - 0.2) * much)
    mirror = torch.where(rand(n) < 0.5, -1.0, 1.0)
    move = (rand(n, 2) * 2 - 1) * 6 / 32
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack([torch.stack([cos * mirror, -sin, move[:, 0]], 1), torch.stack([sin * mirror, cos, move[:, 1]], 1)], 1)
    x = F.grid_sample(x - border, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False) + border
    if c == 3:  # mixes and scales the channels a little
        mix = torch.eye(3, device=x.device) + (rand(n, 3, 3) * 2 - 1) * 0.12 * much
        x = 1 - torch.einsum("nij,njhw->nihw", mix, 1 - x) * (1 + (0.4 * rand(n, 1, 1, 1) - 0.2) * much)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, blurred, rand(n, 1, 1, 1) * (rand(n, 1, 1, 1) < 0.5))
    x = x + 0.15 * much * rand(n, 1, 1, 1) * torch.randn(x.shape, **on)
    top, left = (rand(n, 1) * h).long(), (rand(n, 1) * w).long()
    rows, columns = torch.arange(h, device=x.device)[None], torch.arange(w, device=x.device)[None]
    hole = ((rows >= top) & (rows < top + h // 4))[:, None, :, None] & ((columns >= left) & (columns < left + w // 4))[:, None, None, :]
    return torch.where(hole & (rand(n, 1, 1, 1) < 0.5), torch.full_like(x, border), x).clamp(-1, 1)


def fit(images, steps, batch=128, lr=2e-3, seed=0, border=1.0, log=print, mild=False, device="cpu"):
    """Trains a classifier: AdamW under one cycle, labels smoothed by 0.1."""
    torch.manual_seed(seed)
    network = Classifier(images.images.shape[1], len(images.classes)).to(device)
    shown, labels = images.images.to(device), images.labels.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    r = torch.Generator(device).manual_seed(seed)
    for step in range(steps):
        index = torch.randint(len(labels), (batch,), generator=r, device=device)
        x = pixels(shown[index])
        x = x if mild else augment(x, r, border)
        loss = F.cross_entropy(network(x), labels[index], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            log(f"classifier: step {step + 1}, loss {float(loss):.3f}")
    return network.eval().cpu()


def load(path, images):
    """The classifier of images' classes in a file."""
    network = Classifier(images.images.shape[1], len(images.classes))
    network.load_state_dict(torch.load(path))
    return network.eval()


@torch.no_grad()
def apply(network, images, batch=256):
    """(features [N, 128], classes [N]) of uint8 images."""
    features, classes = [], []
    for x in images.split(batch):
        f = network.features(pixels(x))
        features.append(f)
        classes.append(network.head(f).argmax(1))
    return torch.cat(features), torch.cat(classes)
