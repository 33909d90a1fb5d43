"""Training images: what tools/dataset writes, or anybody's folder with one folder of images per class."""

import gzip
import json
import pathlib

import numpy as np
import torch

FASHION = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}


class Images:
    """images uint8 [N, C, H, W], labels and styles int64 [N], and the names of classes and styles."""

    def __init__(self, images, labels, classes, styles=None, style_names=("",)):
        self.images, self.labels, self.classes = images, labels, classes
        self.styles = torch.zeros_like(labels) if styles is None else styles
        self.style_names = list(style_names)

    def take(self, keep):
        return Images(self.images[keep], self.labels[keep], self.classes, self.styles[keep], self.style_names)

    def split(self, held_out):
        """(all but the style called held_out, that style)"""
        if held_out not in self.style_names:
            raise ValueError(f"no style is called {held_out}, there are: {', '.join(self.style_names)}")
        mask = self.styles == self.style_names.index(held_out)
        return self.take(~mask), self.take(mask)


def load(path, size=None):
    """Reads a folder: images.npy, labels.npy and classes.json, with styles.npy and styles.json or without; or MNIST's files, those
    of training, or DIR:t10k those of the test; or images in one folder per class, whose transparent parts become white, cut to
    squares and scaled to size."""
    folder, _, part = str(path).partition(":")
    if (pathlib.Path(folder) / f"{part or 'train'}-images-idx3-ubyte.gz").exists():
        return load_idx(pathlib.Path(folder), part or "train")
    path = pathlib.Path(path)
    if not (path / "images.npy").exists():
        return load_folder(path, size or 32)
    images, labels = (np.load(path / f"{n}.npy") for n in ("images", "labels"))
    classes = json.loads((path / "classes.json").read_text())
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise ValueError(f"{path}/images.npy holds {images.dtype} {images.shape}, wanted is uint8 [N, size, size, channels]")
    if labels.shape != images.shape[:1] or labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"{path}/labels.npy does not fit {len(images)} images of {len(classes)} classes")
    if size not in (None, images.shape[1]):
        raise ValueError(f"{path} has images of size {images.shape[1]}, not {size}")
    styles = names = None
    if (path / "styles.npy").exists():
        styles = torch.from_numpy(np.load(path / "styles.npy")).long()
        names = json.loads((path / "styles.json").read_text())
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Images(images, torch.from_numpy(labels).long(), classes, styles, names or ("",))


def load_idx(path, part):
    """MNIST's format: a magic number, the sizes, big-endian, then bytes."""
    def read(name, dimensions):
        data = gzip.open(path / name).read()
        shape = np.frombuffer(data, ">i4", dimensions, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
    images, labels = read(f"{part}-images-idx3-ubyte.gz", 3), read(f"{part}-labels-idx1-ubyte.gz", 1)
    classes = FASHION if "fashion" in str(path) else [str(i) for i in range(int(labels.max()) + 1)]
    return Images(torch.from_numpy(images)[:, None], torch.from_numpy(labels).long(), classes)


def load_folder(path, size):
    from PIL import Image
    classes = sorted(d.name for d in path.iterdir() if d.is_dir()) if path.is_dir() else []
    files = [(f, i) for i, c in enumerate(classes) for f in sorted((path / c).iterdir()) if f.suffix.lower() in SUFFIXES]
    if not files:
        raise ValueError(f"{path} has neither images.npy nor folders of images ({', '.join(sorted(SUFFIXES))})")
    empty = set(range(len(classes))) - {i for _, i in files}
    if empty:
        raise ValueError(f"{path}/{classes[min(empty)]} has no image")
    images = []
    for f, _ in files:
        try:
            image = Image.open(f).convert("RGBA")
        except OSError as e:
            raise ValueError(f"{f}: {e}") from e
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.BOX if side >= size else Image.BICUBIC)
        images.append(np.asarray(image))
    return Images(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor([i for _, i in files]), classes)


def shift(x, by, fill, within=None):
    """Moves each image of x [N, C, H, W] by its row of by [N, 2], within ±within; what comes in is fill."""
    m = int(by.abs().max()) if within is None else within
    n, c, h, w = x.shape
    padded = torch.nn.functional.pad(x, (m, m, m, m), value=fill)
    rows = (torch.arange(h, device=x.device) + m - by[:, :1])[:, None, :, None]
    columns = (torch.arange(w, device=x.device) + m - by[:, 1:])[:, None, None, :]
    return padded[torch.arange(n, device=x.device)[:, None, None, None], torch.arange(c, device=x.device)[None, :, None, None], rows, columns]
