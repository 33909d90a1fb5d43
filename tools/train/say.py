"""Draws what is said by a network that knows words: a row of samples for each text.

    python3 say.py --run RUN -o SHEET.png [--columns 4] [--steps 20] 'blue panda | fluent-3d' 'octopus with heart eyes' ..."""

import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

import data as datasets
import few
import gelu
import precision
import sample
import words


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--run", required=True, type=pathlib.Path, help="folder with weights, config.json and vocabulary.json")
    a("-o", required=True, metavar="SHEET.png")
    a("--columns", type=int, default=4, help="samples of a text")
    a("--across", type=int, default=4, help="texts in a row of the sheet")
    a("--steps", type=int, default=20)
    a("--guidance", type=float, default=few.GUIDANCE)
    a("--seed", type=int, default=0)
    a("texts", nargs="+", metavar="TEXT")
    args = p.parse_args()
    try:
        network, predict = few.load(args.run, "cpu")
        with datasets.reading(args.run / "vocabulary.json"):
            y = words.prompts(json.loads((args.run / "vocabulary.json").read_text()), args.texts)
    except (datasets.Mistake, OSError) as e:
        sys.exit(f"say: {e}")
    gelu.install()
    guidance = dict(guidance=1) if network.two_times else dict(guidance=args.guidance, guided_above=few.GUIDED_ABOVE)
    with precision.autocast("cpu"):
        images = sample.sample(network, predict, y.repeat_interleave(args.columns, 0), args.steps, seed=args.seed, shift=few.SHIFT, **guidance)
    sample.grid(images, args.o, args.columns * args.across, scale=1)


if __name__ == "__main__":
    main()
