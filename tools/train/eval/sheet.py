"""A sheet of uncurated samples, as tools/sample makes them: image i has seed i and class i·classes/count, none is chosen.

    python3 sheet.py --sample BIN/sample [--count 64] [--columns 16] -o SHEET.png MODEL.dit8 [OPTION OF SAMPLE ...]"""

import argparse
import io
import subprocess

from PIL import Image


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
    classes = subprocess.run([args.sample, "-model", args.model, "-classes"], check=True, capture_output=True, text=True).stdout.split()
    page = None
    for i in range(args.count):
        command = [args.sample, "-model", args.model, "-class", classes[i * len(classes) // args.count], "-seed", str(i), "-o", "-", *options]
        image = Image.open(io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)).convert("RGB")
        side = image.width * args.scale
        if page is None:
            page = Image.new("RGB", (side * args.columns, side * -(-args.count // args.columns)), "white")
        page.paste(image.resize((side, side), Image.NEAREST), (side * (i % args.columns), side * (i // args.columns)))
    page.save(args.o, optimize=True)


if __name__ == "__main__":
    main()
