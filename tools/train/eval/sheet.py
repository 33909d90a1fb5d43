"""A sheet of uncurated samples, as tools/sample makes them: image i has seed i and class i·classes/count, none is chosen.

    python3 sheet.py --sample BIN/sample [--count 64] [--columns 16] -o SHEET.png MODEL.dit8 [OPTION OF SAMPLE ...]"""

import argparse
import io

import numpy as np
import torch
from PIL import Image

import evaluate
import sample


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--sample", required=True, help="the program tools/sample")
    a("--count", type=int, default=64)
    a("--columns", type=int, default=16)
    a("--scale", type=int, default=2, help="pixels that a pixel becomes")
    a("-o", required=True, metavar="SHEET.png")
    a("model", metavar="MODEL.dit8")
    args, options = p.parse_known_args()
    classes = evaluate.run(args.sample, args.model, "-classes").decode().split()
    images = []
    for i in range(args.count):
        png = evaluate.run(args.sample, args.model, "-class", classes[i * len(classes) // args.count], "-seed", str(i), "-o", "-", *options)
        images.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")))
    sample.grid(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), args.o, args.columns, args.scale)


if __name__ == "__main__":
    main()
