"""What an image is said to be, where data has words: how much each row of the label table weighs, [N, rows + 1], the null row last.
A drawing's condition is the mean of its words' rows and its style's row; where it has no word, the null row is in their place."""

import re
import unicodedata

import torch

import colours
import data as datasets
import wear

STOP = set("a an the of and or with without in on for to at by from s".split())
# Hues, in degrees, of the colours in which drawings are painted anew, and what black becomes where there is little colour.
COLOURS = {"red": (352, (0.87, 0.16, 0.25)), "orange": (30, (0.96, 0.55, 0.05)), "yellow": (48, (0.98, 0.80, 0.20)), "green": (115, (0.25, 0.65, 0.25)),
           "blue": (212, (0.15, 0.45, 0.90)), "purple": (272, (0.50, 0.25, 0.75)), "pink": (328, (0.95, 0.45, 0.70))}


def condition(words, styles, count):
    """The weights of rows for words [N, rows] in {0, 1} and styles [N], as rows, or -1; count is the number of rows with null."""
    n = len(words)
    y = torch.zeros(n, count, device=words.device)
    total = words.sum(1, keepdim=True)
    y[:, :words.shape[1]] = words / total.clamp_min(1)
    y[:, -1] = (total[:, 0] == 0).float()
    y[torch.arange(n, device=words.device), styles] += (styles >= 0).float()
    return y


def tokens(text):
    """The words of a text, as tools/dataset/words.mjs takes them."""
    text = re.sub("[\u0300-\u036f'’.!]", "", unicodedata.normalize("NFD", text.lower()))
    return [w for w in dict.fromkeys(re.split("[^a-z0-9]+", text)) if w and w not in STOP]


def known(vocabulary, token):
    """The words that a token stands for, none if it is not known: itself, a synonym's, or those of a plural's singular."""
    for form in [token] + [token[:-len(end)] + instead for end, instead in (("ies", "y"), ("es", ""), ("s", "")) if token.endswith(end)]:
        if form in vocabulary["words"]:
            return [form]
        if form in vocabulary["synonyms"]:
            return vocabulary["synonyms"][form]
    return []


def prompts(vocabulary, texts):
    """Conditions of texts, each "words" or "words | style"."""
    words, styles = vocabulary["words"], vocabulary["styles"]
    said, style = torch.zeros(len(texts), len(words) + len(styles)), []
    for i, text in enumerate(texts):
        text, _, name = (t.strip() for t in text.partition("|"))
        if name and name not in styles:
            raise datasets.Mistake(f"no style is called {name}, there are: {', '.join(styles)}")
        style.append(len(words) + styles.index(name) if name else -1)
        for token in tokens(text):
            found = known(vocabulary, token)
            for word in found:
                said[i, words.index(word)] = 1
            if not found:
                raise datasets.Mistake(f"{token}, in {text}, is not in the vocabulary")
    return condition(said, torch.tensor(style), said.shape[1] + 1)


def pictures(images, n, painted, wearing, r):
    """n images in [-1, 1], a part of them painted in another colour, a part that wears the face of another: (x, index, the row of the
    colour [N], the class that is worn [N]), or -1."""
    index = pick(images, n, r)
    x = images.images[index].float() / 127.5 - 1
    on = dict(generator=r, device=x.device)
    colour = torch.randint(len(COLOURS), (n,), **on)
    painted = torch.rand(n, **on) < painted
    worn = torch.full_like(index, -1)
    if wearing:
        index, x, worn = wear.put(images, index, x, wearing, r)
        painted &= worn < 0
    x[painted] = paint(x[painted], images.words.hues[index[painted]], colour[painted])
    return x, index, torch.where(painted, images.words.colour_rows[colour], -1), worn


def draw(images, index, painted, worn, r, whole=0.0):
    """Conditions of images[index]: most often all words of the name, some of them in other cases; some further ones; its colours now
    and then. Of 100, 8 have neither words nor style, 5 no words, 12 no style, so that guidance works on both. Where painted [N] is a
    row of a colour, and not -1, it is the only colour; where worn [N] is a class, some of its words are said too. Of a part of them, whole,
    always all words of the name and the style."""
    w, n, device = images.words, len(index), index.device
    rand = lambda *shape: torch.rand(*shape, generator=r, device=device)
    names, tags = w.names[images.labels[index]], w.tags[images.labels[index]]
    kind, whole = rand(n, 1), rand(n, 1) < whole if whole else torch.zeros(n, 1, dtype=torch.bool, device=device)
    keep_name = torch.where((kind < 0.7) | whole, 1.0, torch.where(kind < 0.92, 0.6, 0.0))
    keep_tag = torch.where((kind < 0.92) | whole, 0.25 * (rand(n, 1) < 0.5), 0.4)
    said = (names & (rand(*names.shape) < keep_name)) | (tags & (rand(*tags.shape) < keep_tag))
    said = said & ~((painted[:, None] >= 0) & w.is_colour)
    if (worn >= 0).any():
        on = w.names[worn] & ~w.is_face
        some = (on & (rand(*on.shape) < 0.7)) | (w.tags[worn] & (rand(*on.shape) < 0.15))
        said = said | torch.where(some.any(1, keepdim=True), some, on) & (worn >= 0)[:, None]
    colours = torch.where(rand(n, 2) < 0.3, w.colours[index], -1)
    colours = torch.where(painted[:, None] >= 0, painted[:, None], colours)
    said = torch.cat([said, said[:, :1]], 1).scatter_(1, colours % (said.shape[1] + 1), True)[:, :-1]  # -1 is the column too many
    dropped = torch.where(whole[:, 0], 0.5, rand(n))
    said = said & (dropped >= 0.13)[:, None]
    styles = torch.where((dropped < 0.08) | (dropped >= 0.88), -1, len(w.vocabulary["words"]) + images.styles[index])
    return condition(said.float(), styles, said.shape[1] + 1)


def prepare(images):
    """What draw and paint need: marks of the colours' rows, and the sums of shares by which images are drawn."""
    w = images.words
    rows = [w.rows.index(c) for c in COLOURS]
    w.colour_rows = torch.tensor(rows, device=w.hues.device)
    w.is_colour = torch.zeros(len(w.rows), dtype=torch.bool, device=w.hues.device)
    w.is_colour[rows + [w.rows.index(c) for c in ("brown", "black", "white", "gray")]] = True
    w.is_face = torch.tensor([row == "face" for row in w.rows], device=w.hues.device)
    w.sums = w.share[images.labels].double().cumsum(0)


def pick(images, n, r):
    """n images, each as often as its class's share says."""
    sums = images.words.sums
    return torch.searchsorted(sums, torch.rand(n, generator=r, device=sums.device, dtype=torch.float64) * sums[-1]).clamp_max(len(sums) - 1)


def paint(x, hues, colour):
    """x [N, 3, H, W] in [-1, 1] in the colour [N], a number of COLOURS: what has a hue is turned to it, as far as the most of
    the image must; where there is little colour, black becomes it."""
    to = torch.tensor([h for h, _ in COLOURS.values()], device=x.device)[colour]
    ink = torch.tensor([c for _, c in COLOURS.values()], device=x.device)[colour][:, :, None, None]
    x = (x + 1) / 2
    hue, high, low = colours.hue(x)
    hue = hue % 6 + ((to - hues) / 60)[:, None, None, None]
    turned = torch.cat([high - (high - low) * (1 - (torch.remainder(hue + k, 6) - 3).abs().sub(1).clamp(0, 1)) for k in (0, 4, 2)], 1)
    inked = 1 - (1 - high) * (1 - ink)
    return torch.where((hues >= 0)[:, None, None, None], turned, inked) * 2 - 1


def examples(images, n):
    """Conditions of n classes spread over all, by the words of their names, in one style after the other."""
    w = images.words
    whole = (w.share == 1).nonzero()[:, 0]
    labels = whole[torch.arange(n, device=whole.device) * len(whole) // n]
    styles = len(w.vocabulary["words"]) + torch.arange(n, device=whole.device) % len(w.vocabulary["styles"])
    return condition(w.names[labels].float(), styles, len(w.rows) + 1)
