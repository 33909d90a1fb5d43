"""Measures a model as it is sampled by dit8: class accuracy, Fréchet distance, precision and recall in the features of a classifier
trained here, and how near images are to training images. Prints Markdown.

    python3 evaluate.py --data DIR [--hold-out STYLE] --classifier FILE.pt --sample BIN/sample MODEL.dit8[:OPTIONS] ...

OPTIONS are those of tools/sample: "weights/default.dit8: -solver ab2 -steps 10"."""

import argparse
import io
import math
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import classifier  # noqa: E402
import data as datasets  # noqa: E402
import metrics  # noqa: E402


def run(sampler, model, *options):
    """What tools/sample writes to its standard output."""
    return subprocess.run([sampler, "-model", model, *options], check=True, capture_output=True).stdout


def picture(sampler, model, *options):
    """The pixels of its PNG, uint8 [H, W, 3]."""
    from PIL import Image
    return np.asarray(Image.open(io.BytesIO(run(sampler, model, *options, "-o", "-"))).convert("RGB"))


def generate(sampler, model, options, all_classes, per_class, channels, seed=1000):
    """uint8 [N, C, H, W] and labels [N], as tools/sample makes them: grids of up to 64 images of a class. Classes that only the model
    or only the data has are left out."""
    from PIL import Image
    known = run(sampler, model, "-classes").decode().split()
    classes = [c for c in all_classes if c in known]
    images, labels = [], []
    for c in classes:
        for first in range(0, per_class, 64):
            n = min(64, per_class - first)
            png = run(sampler, model, "-class", c, "-count", str(n), "-seed", str(seed), "-o", "-", *options)
            seed += n  # of the grid's first image; each further image has the next
            grid = np.asarray(Image.open(io.BytesIO(png)).convert("RGB" if channels == 3 else "L"))
            columns = math.ceil(math.sqrt(n))
            size = grid.shape[1] // columns
            for i in range(n):
                r, k = divmod(i, columns)
                images.append(grid[r * size:(r + 1) * size, k * size:(k + 1) * size].reshape(size, size, channels))
            labels += [all_classes.index(c)] * n
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def cached_classifier(path, images, steps, border, mild, device="cpu"):
    path = pathlib.Path(path)
    if path.exists():
        return classifier.load(path, images)
    network = classifier.fit(images, steps, border=border, mild=mild, device=device, log=lambda s: print(s, file=sys.stderr, flush=True))
    torch.save(network.state_dict(), path)
    return network


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--data", required=True)
    a("--size", type=int)
    a("--hold-out", help="style that neither the model nor the classifier has seen")
    a("--test", help="folder of the test split, where there is one")
    a("--classifier", required=True, help="file to read, or to write after training")
    a("--classifier-steps", type=int, default=1500)
    a("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="that trains the classifier")
    a("--mild", action="store_true", help="train the classifier without augmentation: where images are many")
    a("--sample", help="the program tools/sample")
    a("--per-class", type=int, default=8)
    a("--nearest", type=int, default=1, help="pixels by which training images are moved to find the nearest; -1 leaves it out")
    a("--threads", type=int, default=2)
    a("--worst", type=int, default=0, help="list that many classes of the lowest accuracy")
    a("models", nargs="*", metavar="MODEL[:OPTIONS]")
    args = p.parse_args()
    if args.models and not args.sample:
        p.error("--sample is needed to measure a model")
    torch.set_num_threads(args.threads)
    images, held_out = datasets.load(args.data, args.size), None
    if args.hold_out:
        images, held_out = images.split(args.hold_out)
    if args.test:
        held_out = datasets.load(args.test, args.size)
    border = 1.0 if images.images[:, :, 0, :].float().mean() > 200 else -1.0
    network = cached_classifier(args.classifier, images, args.classifier_steps, border, args.mild, args.device)
    chosen = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))[:10000]
    real, predicted = classifier.apply(network, images.images[chosen])
    real_labels = images.labels[chosen]
    print("| images | N | accuracy | Fréchet distance | precision | recall | nearest training image, median | nearer than 10 |")
    print("|---|---|---|---|---|---|---|---|")

    def row(name, pixels, labels, features=None, predicted=None):
        if features is None:
            features, predicted = classifier.apply(network, pixels)
        like = real[torch.isin(real_labels, labels)]  # training images of the same classes
        precision, recall = metrics.precision_recall(like[:3000], features[:3000])
        near = "|"
        if args.nearest >= 0:
            d, _ = metrics.nearest(pixels[:1000], images.images, args.nearest, 255 if border > 0 else 0)
            near = f"{float(d.median()):.1f} | {float((d < 10).float().mean()):.1%}"
        right = predicted == labels
        print(f"| {name} | {len(labels)} | {float(right.float().mean()):.1%} | {metrics.frechet(like, features):.3f} | {precision:.2f} | {recall:.2f} | "
              f"{near} |", flush=True)
        return right

    if held_out is not None:
        row("held out", held_out.images, held_out.labels)
    print(f"| training | {len(chosen)} | {float((predicted == images.labels[chosen]).float().mean()):.1%} | 0 | 1 | 1 | 0 | |")
    for m in args.models:
        model, _, options = m.partition(":")
        pixels, labels = generate(args.sample, model, shlex.split(options), images.classes, args.per_class, images.images.shape[1])
        right = row(f"{pathlib.Path(model).stem} {options.strip()}".strip(), pixels, labels)
        if args.worst:
            rates = torch.zeros(len(images.classes)).index_add(0, labels, right.float()) / args.per_class
            worst = [i for i in rates.argsort() if i in labels][:args.worst]
            print("\n" + ", ".join(f"{images.classes[i]} {float(rates[i]):.0%}" for i in worst) + "\n")


if __name__ == "__main__":
    main()
