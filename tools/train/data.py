"""Training images: what tools/dataset writes, with words or without, or anybody's folder with one folder of images per class."""

import contextlib
import gzip
import io
import json
import pathlib
import unicodedata

import numpy as np
import torch

FASHION = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}


POINTER = b"version https://git-lfs"
FITS = ("cover", "contain", "stretch")  # a square's middle; the whole picture with white bars; the whole of it, out of shape


class Mistake(ValueError):
    """Of the one who trains, not of the program: train.py says it in one line."""


@contextlib.contextmanager
def reading(path):
    """What fails in the block names the file: at a broken one, readers raise errors of all kinds."""
    try:
        yield
    except Exception as e:
        with contextlib.suppress(OSError), open(path, "rb") as f:
            if f.read(len(POINTER)) == POINTER:
                e = Mistake('a git-lfs pointer, not the file itself: run "git lfs pull"')
        raise Mistake(f"{path} can't be read: {getattr(e, 'strerror', None) or str(e).partition(chr(10))[0] or type(e).__name__}") from e


class Images:
    """images uint8 [N, C, H, W], labels and styles int64 [N], the names of classes and styles, and Words or None. Or images are latents,
    float16, which the autoencoder in the folder vae makes images of."""

    def __init__(self, images, labels, classes, styles=None, style_names=("",), words=None, vae=None):
        self.images, self.labels, self.classes, self.words, self.vae = images, labels, classes, words, vae
        self.styles = torch.zeros_like(labels) if styles is None else styles
        self.style_names = list(style_names)

    def take(self, keep):
        return Images(self.images[keep], self.labels[keep], self.classes, self.styles[keep], self.style_names,
                      self.words and self.words.take(keep), self.vae)

    @property
    def rows(self):
        """The names of the label table's rows, but for the null row: classes, or words and styles."""
        return self.words.rows if self.words else self.classes

    def split(self, held_out):
        """(all but the style called held_out, that style)"""
        if held_out not in self.style_names:
            names = ", ".join(filter(None, self.style_names))
            raise Mistake(f"no style is called {held_out}, " + (f"there are: {names}" if names else "the images have no styles"))
        mask = self.styles == self.style_names.index(held_out)
        if mask.all():
            raise Mistake(f"all images are of the style {held_out}, there is none beside it")
        return self.take(~mask), self.take(mask)


def load(path, size=None, fit="cover"):
    """Reads a folder: images.npy, labels.npy and classes.json, with styles.npy and styles.json or without; or MNIST's files, those
    of training, or DIR:t10k those of the test; or images in one folder per class, turned as their EXIF data say, whose transparent
    parts become white, scaled to squares of size as fit says."""
    folder, _, part = str(path).partition(":")
    if (pathlib.Path(folder) / f"{part or 'train'}-images-idx3-ubyte.gz").exists():
        return load_idx(pathlib.Path(folder), part or "train", size)
    path = pathlib.Path(path)
    if not path.is_dir():
        raise Mistake(f"{path} {'is a file' if path.exists() else 'does not exist'}, allowed: a folder of images")
    if (path / "latents.npy").exists():
        return load_latents(path, size)
    if not (path / "images.npy").exists() and not (path / "images.npz").exists():
        return load_folder(path, size or 32, fit)
    images = array(path / "images.npy") if (path / "images.npy").exists() else unpack(path / "images.npz")
    labels, classes = array(path / "labels.npy"), names(path / "classes.json")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise Mistake(f"{path}/images.npy holds {images.dtype} {images.shape}, wanted is uint8 [N, size, size, channels]")
    check(path, images, labels, classes, size)
    styles, style_names = None, ("",)
    if (path / "styles.npy").exists():
        styles, style_names = array(path / "styles.npy"), names(path / "styles.json")
        if not matches(styles, images, style_names):
            raise Mistake(f"{path}/styles.npy does not fit {len(images)} images of {len(style_names)} styles")
        styles = torch.from_numpy(styles.astype(np.int64))
    words = load_words(path, len(images), len(classes), style_names) if (path / "words.json").exists() else None
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Images(images, torch.from_numpy(labels.astype(np.int64)), classes, styles, style_names, words)


def load_latents(path, size):
    """What autoencoder.py writes: latents.npy, labels.npy, classes.json and the folder vae."""
    latents, labels, classes = array(path / "latents.npy"), array(path / "labels.npy"), names(path / "classes.json")
    if latents.dtype != np.float16 or latents.ndim != 4 or latents.shape[2] != latents.shape[3]:
        raise Mistake(f"{path}/latents.npy holds {latents.dtype} {latents.shape}, wanted is float16 [N, channels, size, size]")
    check(path, latents, labels, classes, size)
    return Images(torch.from_numpy(latents), torch.from_numpy(labels.astype(np.int64)), classes, vae=path / "vae")


class Words:
    """vocabulary is what vocabulary.json says, words, styles and synonyms. Of classes: names and tags, whether a row is a word of a
    name or a further one, bool [classes, rows], and share, how often a class is to be drawn. Of images: colours [N, 2], rows or -1;
    hues [N] in degrees, or -1 where there is little colour; held, whether it is held out."""

    def __init__(self, vocabulary, names, tags, share, colours, hues, held):
        self.vocabulary, self.names, self.tags, self.share = vocabulary, names, tags, share
        self.colours, self.hues, self.held = colours, hues, held
        self.rows = vocabulary["words"] + vocabulary["styles"]

    def take(self, keep):
        return Words(self.vocabulary, self.names, self.tags, self.share, self.colours[keep], self.hues[keep], self.held[keep])

    def to(self, device):
        return Words(self.vocabulary, *(v.to(device) for v in (self.names, self.tags, self.share, self.colours, self.hues, self.held)))


def load_words(path, images, classes, styles):
    with reading(path / "vocabulary.json"):
        vocabulary = json.loads((path / "vocabulary.json").read_text())
        rows = len(vocabulary["words"]) + len(vocabulary["styles"])
    with reading(path / "words.json"):
        w = json.loads((path / "words.json").read_text())
        marks = lambda lists: torch.stack([torch.zeros(rows, dtype=torch.bool).index_fill_(0, torch.tensor(l, dtype=torch.long), True) for l in lists])
        colours = torch.tensor([(c + [-1, -1])[:2] for c in w["colours"]])
        held = torch.zeros(images, dtype=torch.bool).index_fill_(0, torch.tensor(w["held"], dtype=torch.long), True)
        words = Words(vocabulary, marks(w["names"]), marks(w["tags"]), torch.tensor(w["shares"]), colours, torch.tensor(w["hues"]), held)
    if not (len(words.names) == len(words.tags) == len(words.share) == classes and len(colours) == len(words.hues) == images) or \
            list(styles) != vocabulary["styles"]:
        raise Mistake(f"{path}/words.json and vocabulary.json do not fit {images} images of {classes} classes")
    return words


def array(path):
    with reading(path):
        return np.load(path)


def pack(images, path, quality):
    """Writes uint8 [N, H, W, 3] as WebP images in one file, a twentieth as large or less: to be carried elsewhere."""
    from PIL import Image
    files = []
    for image in images:
        out = io.BytesIO()
        Image.fromarray(image).save(out, "webp", **(dict(quality=quality) if quality < 100 else dict(lossless=True)))
        files.append(out.getvalue())
    np.savez(path, bytes=np.frombuffer(b"".join(files), np.uint8), sizes=[len(f) for f in files])


def unpack(path):
    from PIL import Image
    with reading(path):
        packed = np.load(path)
        ends, data = packed["sizes"].cumsum(), packed["bytes"].tobytes()
        return np.stack([np.asarray(Image.open(io.BytesIO(data[e - n:e])).convert("RGB")) for e, n in zip(ends, packed["sizes"])])


def names(path):
    with reading(path):
        classes = list(json.loads(path.read_text("utf-8-sig")))
    return named(classes, path)


def named(classes, path):
    """The names as quantize takes them: refused before the training, not after it. Decomposed signs, as macOS's folders have, become one."""
    classes = [unicodedata.normalize("NFC", str(c)) for c in classes]
    for i, c in enumerate(classes):
        if not 0 < len(c.encode()) <= 200:
            raise Mistake(f"{path}: the name of class {i} has {len(c.encode())} bytes, allowed 1 to 200")
        if any(unicodedata.category(sign) == "Cc" for sign in c):
            raise Mistake(f"{path}: the name of class {i} has a control character: {c!r}")
        if c in classes[:i]:
            raise Mistake(f"{path}: classes {classes.index(c)} and {i} are both named {c!r}")
    return classes


def matches(numbers, images, names):
    """Whether there is a number for each image, and a name for each number."""
    return numbers.dtype.kind in "iu" and numbers.shape == images.shape[:1] and numbers.min() >= 0 and numbers.max() < len(names)


def check(path, images, labels, classes, size):
    if not images.size:
        raise Mistake(f"{path} has no image")
    if not matches(labels, images, classes):
        raise Mistake(f"the labels in {path} do not fit {len(images)} images of {len(classes)} classes")
    if size not in (None, images.shape[2]):
        raise Mistake(f"{path} has images of size {images.shape[2]}, not {size}")


def load_idx(path, part, size):
    """MNIST's format: a magic number, the sizes, big-endian, then bytes."""
    def read(name, dimensions):
        with reading(path / name):
            data = gzip.open(path / name).read()
            shape = np.frombuffer(data, ">i4", dimensions, 4)
            return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
    images, labels = read(f"{part}-images-idx3-ubyte.gz", 3), read(f"{part}-labels-idx1-ubyte.gz", 1)
    classes = FASHION if "fashion" in str(path) else [str(i) for i in range(int(labels.max(initial=0)) + 1)]
    check(path, images, labels, classes, size)
    return Images(torch.from_numpy(images)[:, None], torch.from_numpy(labels).long(), classes)


def upright(path):
    """A picture in 8-bit RGBA, turned as a camera says; 16 bits of grey are scaled, which convert alone would cut off."""
    from PIL import Image, ImageOps
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image).astype(np.float64)
        top = 65535 if image.mode.startswith("I") else 1 if levels.max(initial=0) <= 1 else 255
        image = Image.fromarray(np.rint(levels.clip(0, top) * (255 / top)).astype(np.uint8))
    return image.convert("RGBA")


def square(image, size, fit):
    """A picture as size×size pixels, as fit says."""
    from PIL import Image
    side = (max if fit == "contain" else min)(image.size)
    if fit == "contain":
        whole = Image.new("RGB", (side, side), "white")
        whole.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = whole
    elif fit == "cover":
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return image.resize((size, size), Image.BOX if side >= size else Image.BICUBIC)


def load_folder(path, size, fit):
    from PIL import Image
    def seen(folder):  # without .cache and what macOS puts beside each file
        return sorted(f for f in folder.iterdir() if not f.name.startswith("."))
    suffixes = ", ".join(sorted(SUFFIXES))
    classes = [d.name for d in seen(path) if d.is_dir()]
    files = [(f, i) for i, c in enumerate(classes) for f in seen(path / c) if f.suffix.lower() in SUFFIXES]
    if not files:
        raise Mistake(f"{path} has neither images.npy nor folders of images ({suffixes})")
    classes = named(classes, path)
    empty = set(range(len(classes))) - {i for _, i in files}
    if empty:
        raise Mistake(f"{path}/{classes[min(empty)]} has no image ({suffixes})")
    images = []
    for f, _ in files:
        with reading(f):
            image = upright(f)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        images.append(np.asarray(square(image, size, fit)))
    return Images(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor([i for _, i in files]), classes)


def shift(x, by, fill, within=None):
    """Moves each image of x [N, C, H, W] by its row of by [N, 2], within ±within; what comes in is fill."""
    m = int(by.abs().max()) if within is None else within
    n, c, h, w = x.shape
    padded = torch.nn.functional.pad(x, (m, m, m, m), value=fill)
    rows = (torch.arange(h, device=x.device) + m - by[:, :1])[:, None, :, None]
    columns = (torch.arange(w, device=x.device) + m - by[:, 1:])[:, None, None, :]
    return padded[torch.arange(n, device=x.device)[:, None, None, None], torch.arange(c, device=x.device)[None, :, None, None], rows, columns]
