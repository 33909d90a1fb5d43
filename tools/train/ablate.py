"""Short runs of one budget that differ in one thing each, and a table of them.

    python3 ablate.py --data DIR --out RUNS --classifier FILE.pt [--steps 300] [NAME ...] [-- OPTION OF ALL RUNS ...]

The figures are the loss of the averaged weights on the training images without dropout, at fixed noise: the mean over uniform
times, and over thirds of them. Losses of different predictions compare, as all are of the velocity. With a classifier of
eval/evaluate.py also what eval measures of samples: 8 a class, 20 Euler steps, guidance 3."""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import torch

import data as datasets
import model as models
import sample
import tensors
import train

sys.path.insert(0, str(pathlib.Path(__file__).with_name("eval")))
import classifier as classifiers  # noqa: E402
import metrics  # noqa: E402

VARIANTS = {
    "base": "",
    "AdamW": "--optimizer adamw",
    "AdamW, faster": "--optimizer adamw --lr 3e-3",
    "slower": "--lr 0.75e-3",
    "faster": "--lr 3e-3",
    "x0": "--predict x0",
    "more noise": "--t-mean 0.5",
    "wider t": "--t-std 1.5",
    "smaller batch": "--batch 128",
    "larger batch": "--batch 512",
    "shifts": "--shift 1",
    "mirrored": "--flip",
    "balance": "--balance",
    "no EMA": "--ema 0",
    "long EMA": "--ema 0.2",
    "short fall": "--decay 0.2",
    "long fall": "--decay 0.8",
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
    device = next(network.parameters()).device
    for i in range(bins):
        index = torch.randint(len(images.labels), (batch,), generator=r)
        x = images.images[index].float() / 127.5 - 1
        t = ((i + torch.rand(batch, generator=r)) / bins).clamp_min(0.02)
        inputs = x, images.labels[index], t, torch.randn(x.shape, generator=r)
        out.append(float(train.flow_loss(network, predict, *[v.to(device) for v in inputs])))
    return out


def of_samples(network, predict, images, judge, real, per_class=8):
    """(accuracy, Fréchet distance to the features real, median distance of the nearest training image) of samples."""
    labels = torch.arange(len(images.classes)).repeat_interleave(per_class)
    pixels = sample.sample(network, predict, labels, seed=1, batch=512)
    features, classes = classifiers.apply(judge, pixels)
    near, _ = metrics.nearest(pixels, images.images)
    return float((classes == labels).float().mean()), metrics.frechet(real, features), float(near.median())


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=300, help="of batch 64; others have as many images")
    p.add_argument("--hold-out")
    p.add_argument("--classifier", help="file of eval/evaluate.py")
    p.add_argument("--jobs", type=int, default=1, help="runs at a time, where the device has room for them")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(VARIANTS)}")
    argv, common = sys.argv[1:], []
    if "--" in argv:
        argv, common = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    args = p.parse_args(argv)
    images, judge = datasets.load(args.data), None
    if args.hold_out:
        images, _ = images.split(args.hold_out)
    if args.classifier:
        judge = classifiers.load(args.classifier, images)
        real, _ = classifiers.apply(judge, images.images)
    print("| run | options | loss | t < 1/3 | 1/3 to 2/3 | t > 2/3 | accuracy | Fréchet distance | nearest |\n|---|---|---|---|---|---|---|---|---|",
          flush=True)

    def run(name):
        options = VARIANTS[name].split()
        all_options = ["--batch", "64", *common, *options]
        batch = int(all_options[len(all_options) - all_options[::-1].index("--batch")])
        out = pathlib.Path(args.out) / name.replace(" ", "-")
        command = [sys.executable, pathlib.Path(__file__).with_name("train.py"), "--data", args.data, "--out", out, "--steps",
                   args.steps * 64 // batch, "--sheet-every", 0, "--warmup", 30, *all_options]
        if args.hold_out:
            command += ["--hold-out", args.hold_out]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        network, predict = load(out, images)
        network.to(args.device)
        l = losses(network, predict, images)
        third = len(l) // 3
        figures = [f"{sum(v) / len(v):.4f}" for v in (l, l[:third], l[third:-third], l[-third:])]
        if judge:
            accuracy, distance, near = of_samples(network, predict, images, judge, real)
            figures += [f"{accuracy:.1%}", f"{distance:.2f}", f"{near:.1f}"]
        return f"| {name} | {VARIANTS[name] and f'`{VARIANTS[name]}`'} | " + " | ".join(figures) + " |"

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for line in pool.map(run, args.names or VARIANTS):
            print(line, flush=True)


if __name__ == "__main__":
    main()
