"""Short runs of one budget that differ in one thing each, and a table of them.

    python3 ablate.py --data DIR --out RUNS [--steps 300] [NAME ...] [-- OPTION OF ALL RUNS ...]

The figures are the loss of the averaged weights on the training images without dropout, at fixed noise: the mean over uniform
times, and over thirds of them. Losses of different predictions compare, as all are of the velocity."""

import argparse
import json
import pathlib
import subprocess
import sys

import torch

import data as datasets
import model as models
import tensors
import train

VARIANTS = {
    "base": "",
    "AdamW": "--optimizer adamw",
    "AdamW, faster": "--optimizer adamw --lr 3e-3",
    "slower": "--lr 0.75e-3",
    "faster": "--lr 3e-3",
    "x0": "--predict x0",
    "more noise": "--t-mean 0.5",
    "wider t": "--t-std 1.5",
    "batch 32": "--batch 32",
    "batch 128": "--batch 128",
    "shifts": "--shift 1",
    "balance": "--balance",
    "no EMA": "--ema 0",
    "long EMA": "--ema 0.2",
    "late fall": "--decay 0.2",
    "early fall": "--decay 0.8",
}


def load(run, images):
    config = json.loads((run / "config.json").read_text())
    names = ("input_size", "patch_size", "in_channels", "hidden_size", "depth", "num_heads", "mlp_ratio", "num_classes")
    network = models.SiT(**{k: config[k] for k in names})
    predict = config["prediction"]
    file = run / ("model.safetensors" if predict == "velocity" else f"{predict}.safetensors")
    network.load_state_dict({k: v.float() for k, v in tensors.read(file).items()})
    return network.eval(), predict


@torch.no_grad()
def losses(network, predict, images, bins=12, batch=64):
    """The loss in bins of t, each over the same images and noise."""
    out = []
    r = torch.Generator().manual_seed(12345)
    for i in range(bins):
        index = torch.randint(len(images.labels), (batch,), generator=r)
        x = images.images[index].float() / 127.5 - 1
        t = ((i + torch.rand(batch, generator=r)) / bins).clamp_min(0.02)
        out.append(float(train.flow_loss(network, predict, x, images.labels[index], t, torch.randn(x.shape, generator=r))))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=300, help="of batch 64; others have as many images")
    p.add_argument("--hold-out")
    p.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(VARIANTS)}")
    argv, common = sys.argv[1:], []
    if "--" in argv:
        argv, common = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    args = p.parse_args(argv)
    images = datasets.load(args.data)
    if args.hold_out:
        images, _ = images.split(args.hold_out)
    print("| run | options | M parameters | loss | t < 1/3 | 1/3 to 2/3 | t > 2/3 | seconds |\n|---|---|---|---|---|---|---|---|", flush=True)
    for name in args.names or VARIANTS:
        options = VARIANTS[name].split()
        batch = int(options[options.index("--batch") + 1]) if "--batch" in options else 64
        run = pathlib.Path(args.out) / name.replace(" ", "-")
        command = [sys.executable, pathlib.Path(__file__).with_name("train.py"), "--data", args.data, "--out", run, "--steps",
                   args.steps * 64 // batch, "--sheet-every", 100000, "--warmup", 30, *common, *options]
        if args.hold_out:
            command += ["--hold-out", args.hold_out]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        network, predict = load(run, images)
        l = losses(network, predict, images)
        third = len(l) // 3
        seconds = (run / "log.csv").read_text().strip().split("\n")[-1].split(",")[-1]
        count = sum(p.numel() for p in network.parameters()) / 1e6
        means = [sum(v) / len(v) for v in (l, l[:third], l[third:-third], l[-third:])]
        print(f"| {name} | `{VARIANTS[name]}` | {count:.2f} | " + " | ".join(f"{m:.4f}" for m in means) + f" | {seconds} |", flush=True)


if __name__ == "__main__":
    main()
