"""What the default model's choices are worth: short runs on some of its drawings that differ in one thing each, and a table of them.

    python3 ablate_words.py --data DIR --out RUNS [--seconds 180] [--concepts 8] [NAME ...] [-- OPTION OF ALL RUNS ...]

All runs get the same time. Each drawing is asked for by its name and style; a sample is right where the drawing nearest to it is
the one that was asked for, at 32×32 pixels. The table has how many are right, and the median distance to the drawing that was asked
for (root mean square, of 255)."""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

import data as datasets
import few
import gelu
import sample
import words

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "eval"))
import metrics  # noqa: E402

# A network of a sixth of the work, so that pictures are there in minutes of a processor.
BASE = "--preset words --hidden-size 96 --depth 4 --num-heads 3 --predict x0 --t-mean 1.3 --batch 16 --lr 3e-3 --warmup 30"
MANY = {
    "base": "",
    "patch 8": "--patch-size 8",
    "patch 32": "--patch-size 32",
    "less noise": "--t-mean 0.5",
    "velocity": "--predict velocity",
    "wider": "--hidden-size 128 --depth 2 --num-heads 4",
    "deeper": "--hidden-size 64 --depth 9 --num-heads 2",
    "classes": "",  # a row for each drawing, in place of words and styles
    "four times the concepts": "",
}
# Of few steps, each from the base's weights.
FEW = {
    "trajectories": "--trajectories {trajectories}",
    "jumps": "--jumps 0.9",
    "trajectories and jumps": "--trajectories {trajectories} --jumps 0.5",
}


def subset(source, folder, concepts):
    """Writes the drawings of some concepts, spread over all, with words, and once more with a class for each drawing."""
    every = datasets.load(source)
    names = json.loads((source / "words.json").read_text())
    count = len(every.classes)
    chosen = sorted({i * count // concepts for i in range(min(concepts, count))})
    index = [i for i, c in enumerate(every.labels.tolist()) if c in chosen and not every.words.held[i]]
    images, styles = (np.load(source / f"{name}.npy")[index] for name in ("images", "styles"))
    labels = np.array([chosen.index(int(every.labels[i])) for i in index], np.int32)
    classes = [every.classes[c] for c in chosen]
    of_each = [f"{classes[c]} {every.style_names[s]}" for c, s in zip(labels, styles)]
    pairs = list(dict.fromkeys(of_each))
    for out, l, c in ((folder / "words", labels, classes), (folder / "classes", np.array([pairs.index(p) for p in of_each], np.int32), pairs)):
        out.mkdir(parents=True, exist_ok=True)
        np.save(out / "images.npy", images)
        np.save(out / "labels.npy", l)
        (out / "classes.json").write_text(json.dumps(c))
    out = folder / "words"
    np.save(out / "styles.npy", styles)
    for name in ("styles.json", "vocabulary.json"):
        (out / name).write_text((source / name).read_text())
    names |= {k: [names[k][c] for c in chosen] for k in ("names", "tags", "shares")} | {k: [names[k][i] for i in index] for k in ("colours", "hues")}
    (out / "words.json").write_text(json.dumps(names | dict(held=[])))


@torch.no_grad()
def right(run, images, steps):
    """The share of samples that are nearest to the drawing that was asked for, and the median distance to it, as text."""
    network, predict = few.load(run, "cpu")
    if images.words:
        w = images.words
        y = words.condition(w.names[images.labels].float(), len(w.vocabulary["words"]) + images.styles, len(w.rows) + 1)
    else:
        y = images.labels
    guided = dict(guidance=1) if network.two_times else dict(guidance=few.GUIDANCE, guided_above=few.GUIDED_ABOVE)
    drawn = sample.sample(network, predict, y, steps, seed=1, shift=few.SHIFT, **guided)
    drawn, drawings = (metrics.small(x).flatten(1) for x in (drawn, images.images))
    distances = torch.cdist(drawn, drawings) * 127.5 / drawn.shape[1] ** 0.5
    asked = torch.arange(len(y))
    return f"{float((distances.argmin(1) == asked).float().mean()):.0%}, {float(distances[asked, asked].median()):.0f}"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--data", required=True, type=pathlib.Path, help="with words, as tools/dataset --words writes it")
    a("--out", required=True, type=pathlib.Path)
    a("--seconds", type=int, default=180, help="of each run")
    a("--concepts", type=int, default=8)
    a("--trajectories", type=int, default=500)
    a("--threads", type=int, default=os.cpu_count())
    a("names", nargs="*", metavar="NAME", help=f"of: {', '.join([*MANY, *FEW])}; those of few steps need the base")
    argv, common = sys.argv[1:], []
    if "--" in argv:
        argv, common = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    args = p.parse_args(argv)
    torch.set_num_threads(args.threads)
    gelu.install()
    folders = {1: args.out / "data", 4: args.out / "data-4"}
    for times, folder in folders.items():
        if not folder.exists():
            subset(args.data, folder, args.concepts * times)

    def call(program, *options):
        subprocess.run([sys.executable, str(HERE / program), *map(str, options)], check=True, stdout=subprocess.DEVNULL)

    print("| run | options | images | 1 evaluation | 4 | 20 |\n|---|---|---|---|---|---|", flush=True)
    for name in args.names or [*MANY, *FEW]:
        data, out = folders[4 if name.startswith("four") else 1] / ("classes" if name == "classes" else "words"), args.out / name.replace(" ", "-")
        options = (MANY | FEW)[name]
        start = ["--init", args.out / "base/x0.safetensors"] if name in FEW else []
        trajectories = args.out / "stored"
        if "{trajectories}" in options and not (trajectories / "done.json").exists():
            call("few.py", "--model", args.out / "base", "--data", data, "--out", trajectories, "--count", args.trajectories)
        call("train.py", "--data", data, "--out", out, "--seconds", args.seconds, "--sheet-every", 0, "--threads", args.threads, *BASE.split(),
             *start, *common, *options.format(trajectories=trajectories).split())
        with open(out / "log.csv", newline="") as f:
            last = list(csv.DictReader(f))[-1]
        images = datasets.load(data)
        seen = {steps: right(out, images, steps) for steps in ((1, 4) if name in FEW else (4, 20))}
        print("| " + " | ".join([name, options and f"`{options.format(trajectories='…')}`", last["images"], *(seen.get(steps, "") for steps in (1, 4, 20))]) + " |", flush=True)


if __name__ == "__main__":
    main()
