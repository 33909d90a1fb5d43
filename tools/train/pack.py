"""Makes a small copy of data with words, to carry it to where it is trained on, which can't fetch anything.

    python3 pack.py [--quality 90] [--tones 2] DATA COPY"""

import argparse
import json
import pathlib

import numpy as np

import data as datasets


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--quality", type=int, default=90, help="of WebP; 100 is without loss")
    a("--tones", type=int, default=2, help="drawings of skin tones that are kept, of five")
    a("data", type=pathlib.Path)
    a("copy", type=pathlib.Path)
    args = p.parse_args()
    images = datasets.load(args.data)
    w = json.loads((args.data / "words.json").read_text())
    # whole classes go: of each five tones in turn, which are neighbours, others, so that all tones are still to be seen
    tones, gone = 0, set()
    for i, share in enumerate(w["shares"]):
        if share < 1:
            if (tones % 5 - tones // 5) % 5 >= args.tones:
                gone.add(i)
            tones += 1
    keep = np.array([int(c) not in gone for c in images.labels])
    index = np.flatnonzero(keep)
    number = {int(i): n for n, i in enumerate(index)}
    args.copy.mkdir(parents=True, exist_ok=True)
    for name in ("labels.npy", "styles.npy"):
        np.save(args.copy / name, np.load(args.data / name)[keep])
    for name in ("classes.json", "styles.json", "vocabulary.json"):
        (args.copy / name).write_text((args.data / name).read_text())
    w |= dict(colours=[w["colours"][i] for i in index], hues=[w["hues"][i] for i in index], held=[number[i] for i in w["held"] if i in number])
    (args.copy / "words.json").write_text(json.dumps(w))
    datasets.pack(np.load(args.data / "images.npy", mmap_mode="r")[keep], args.copy / "images.npz", args.quality)
    print(f"{args.copy}: {len(index)} of {len(keep)} images, {(args.copy / 'images.npz').stat().st_size / 2 ** 20:.1f} MiB")


if __name__ == "__main__":
    main()
