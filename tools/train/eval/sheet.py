"""A sheet of uncurated samples, as tools/sample makes them: image i has seed i and class, or text, i·classes/count; none is chosen.
With --styles it has a row for each text, and a column for each style, all of seed 0; with --in-turn as well, image i has style i.

    python3 sheet.py --sample BIN/sample [--count 64] [--columns 16] [--texts FILE [--styles STYLE ... [--in-turn]]] -o SHEET.png -- MODEL.dit8 [OPTION OF SAMPLE ...]"""

import argparse
import json
import pathlib

import numpy as np
import torch

import evaluate
import sample


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--sample", required=True, help="the program tools/sample")
    a("--count", type=int, default=64)
    a("--columns", type=int, default=16)
    a("--scale", type=int, default=2, help="pixels that a pixel becomes")
    a("--texts", type=pathlib.Path, help="of a model that is told words: texts, one a line, or the classes.json of its data")
    a("--styles", nargs="+", help="each text in each of these")
    a("--in-turn", action="store_true", help="one style after the other, not each text in each")
    a("-o", required=True, metavar="SHEET.png")
    a("model", metavar="MODEL.dit8")
    args, options = p.parse_known_args()
    if args.texts:
        said, flag = args.texts.read_text(), "-prompt"
        texts = [t.replace("-", " ") for t in json.loads(said)] if args.texts.suffix == ".json" else said.splitlines()
    else:
        texts, flag = evaluate.run(args.sample, args.model, "-classes").decode().split(), "-class"
    if args.styles and not args.in_turn:
        asked = [(flag, text, "-style", style) for text in texts for style in args.styles]
    else:
        asked = [(flag, texts[i * len(texts) // args.count], "-seed", str(i)) for i in range(args.count)]
    if args.in_turn:
        asked = [(*one, "-style", args.styles[i % len(args.styles)]) for i, one in enumerate(asked)]
    images = []
    for one in asked:
        images.append(evaluate.picture(args.sample, args.model, *one, *options))
    sample.grid(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), args.o, args.columns, args.scale)


if __name__ == "__main__":
    main()
