"""Networks of one to four evaluations without guidance, learned from stored trajectories of a network of many steps.

    python3 few.py --model RUN --data DIR --out TRAJECTORIES --count 8000
    python3 train.py --data DIR --out FEW --predict x0 --init RUN/x0.safetensors --trajectories TRAJECTORIES --lr 1e-3 --batch 32

TRAJECTORIES has z.npy, float16 [count, 13, C, H, W], the points at times(12, shift 3), and y.npy, float16 [count, rows + 1], their
conditions. What is there of them is kept when the same command goes on."""

import argparse
import json
import os
import pathlib

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

import data as datasets
import gelu
import model as models
import precision
import sample
import tensors
import words

STEPS, SHIFT, GUIDANCE, GUIDED_ABOVE = 12, 3.0, 3.0, 0.6
# The jumps that sampling makes, between points, as often as they stand here: of one evaluation, of two, four and three.
JUMPS = torch.tensor([(0, 12)] * 3 + [(0, 6), (6, 12)] * 2 + [(0, 3), (3, 6), (6, 9), (9, 12)] * 2 + [(0, 4), (4, 8), (8, 12)])


def prompts(images, n, r):
    """Conditions as people will ask, most of which no drawing has: the words of a name in any style or in none; with a colour, with
    further words, or with the words of another name."""
    w, rows = images.words, len(images.words.rows)
    labels = images.labels[words.pick(images, n, r)]
    kind = torch.rand(n, 1, generator=r)
    said = w.names[labels].float()
    colour = torch.nn.functional.one_hot(w.colour_rows[torch.randint(len(words.COLOURS), (n,), generator=r)], rows).float()
    more = (w.tags[labels] & (torch.rand(n, rows, generator=r) < 0.3)).float()
    other = w.names[images.labels[words.pick(images, n, r)]].float()
    plain = said * ~w.is_colour
    said = torch.where(kind < 0.2, plain + colour, torch.where(kind < 0.4, said + more, torch.where(kind < 0.7, (said + other).clamp_max(1), said)))
    styles = len(w.vocabulary["words"]) + torch.randint(len(w.vocabulary["styles"]), (n,), generator=r)
    return words.condition(said, torch.where(torch.rand(n, generator=r) < 0.3, -1, styles), rows + 1)


@torch.no_grad()
def trajectory(network, predict, z, y):
    """The points [N, 13, C, H, W] from noise z, by Adams-Bashforth's second order, which begins anew where guidance ends."""
    ts, points, before = sample.times(STEPS, SHIFT), [z], None
    for i, (t, r) in enumerate(zip(ts, ts[1:])):
        guided = t > GUIDED_ABOVE
        v = d = sample.velocity(network, predict, z, t, t, y, GUIDANCE if guided else 1)  # at t, also of a network that knows jumps
        if before and before[2] == guided and i < STEPS - 1:
            d = v + (v - before[0]) * (t - r) / (2 * before[1])
        before = v, t - r, guided
        z = z - (t - r) * d
        points.append(z)
    return torch.stack(points, 1)


def pairs(n, r, device="cpu"):
    """The points between which n jumps are made, [n, 2]: those of sampling, or any, in four cases of ten."""
    on = dict(generator=r, device=device)
    jumps = JUMPS.to(device)[torch.randint(len(JUMPS), (n,), **on)]
    first = torch.randint(STEPS, (n,), **on)
    free = torch.stack([first, first + 1 + (torch.rand(n, **on) * (STEPS - first)).long()], 1)
    return torch.where((torch.rand(n, **on) < 0.6)[:, None], jumps, free)


def jumps(n, r, device):
    """The times (t, r) of n jumps."""
    return torch.tensor(sample.times(STEPS, SHIFT), device=device)[pairs(n, r, device)].unbind(1)


class Stored:
    """Trajectories as draw takes them: on disk, or on a GPU."""

    def __init__(self, folder, device="cpu"):
        folder = pathlib.Path(folder)
        with datasets.reading(folder / "done.json"):
            self.count = json.loads((folder / "done.json").read_text())
        with datasets.reading(folder / "z.npy"):
            z, self.y = torch.from_numpy(np.load(folder / "z.npy", mmap_mode="c")), torch.from_numpy(np.load(folder / "y.npy")).to(device)
        self.z = z if device == "cpu" else z[:self.count].to(device)

    def draw(self, args, step, n, device):
        """Of n trajectories z at times t, conditions, t, r, and x as the jump from t to r has it."""
        r = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        index = torch.randint(self.count, (n,), generator=r)
        index, ends = (v[args.rank::args.world].to(device) for v in (index, pairs(n, r)))
        z, to = (self.z[index, e].float() for e in ends.unbind(1))
        t, end = (torch.tensor(sample.times(STEPS, SHIFT), device=device)[e] for e in ends.unbind(1))
        x = z - (t / (t - end))[:, None, None, None] * (z - to)
        return z, self.y[index].float(), t, end, x


def loss(network, z, y, t, r, x):
    """The root of the mean of squares nearly, so that jumps whose ends vary much do not outweigh the others."""
    m = (network(z, t, y, t - r).float() - x).square().mean((1, 2, 3))
    return (m / (m.detach() + 1e-3) ** 0.5).mean()


def load(run, device):
    """(network, prediction) of a run's folder."""
    config = json.loads((run / "config.json").read_text())
    names = ("input_size", "patch_size", "in_channels", "hidden_size", "depth", "num_heads", "mlp_ratio", "num_classes")
    network, predict = models.SiT(**{k: config[k] for k in names}, two_times="two_times" in config), config["prediction"]
    network.load_state_dict({k: v.float() for k, v in tensors.read(run / ("model.safetensors" if predict == "velocity" else f"{predict}.safetensors")).items()})
    return network.to(device).requires_grad_(False), predict


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--model", required=True, type=pathlib.Path, help="a run's folder, with the weights that it wrote")
    a("--data", required=True, help="with words, as tools/dataset --words writes it")
    a("--out", required=True, type=pathlib.Path)
    a("--count", type=int, default=8000)
    a("--batch", type=int, default=64)
    a("--seed", type=int, default=0)
    a("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a("--float32", action="store_true", help="compute in float32, not in bfloat16, as is done where the processor has none")
    args = p.parse_args()
    images = datasets.load(args.data)
    words.prepare(images)
    network, predict = load(args.model, args.device)
    if args.device == "cpu":
        gelu.install()
    shape, rows = (STEPS + 1, *images.images.shape[1:]), len(images.rows) + 1
    args.out.mkdir(parents=True, exist_ok=True)
    done, mode = args.out / "done.json", "r+" if (args.out / "done.json").exists() else "w+"
    count = json.loads(done.read_text()) if mode == "r+" else 0
    z, y = (np.lib.format.open_memmap(args.out / name, mode, np.float16, s) for name, s in (("z.npy", (args.count, *shape)), ("y.npy", (args.count, rows))))
    if len(z) != args.count:
        raise SystemExit(f"few: --count is {args.count}, allowed: {len(z)}, of which {args.out} has {count}")
    while count < args.count:
        n = min(args.batch, args.count - count)
        r = torch.Generator().manual_seed(args.seed * 1_000_003 + count)
        at, noise = prompts(images, n, r), torch.randn(n, *shape[1:], generator=r)
        with precision.autocast(args.device, args.float32):
            points = trajectory(network, predict, noise.to(args.device), at.to(args.device))
        z[count:count + n], y[count:count + n] = points.half().cpu().numpy(), at.half().numpy()
        z.flush(), y.flush()
        count += n
        part = done.with_suffix(".part")
        part.write_text(json.dumps(count))
        os.replace(part, done)
        print(f"{count} of {args.count} trajectories", flush=True)


if __name__ == "__main__":
    main()
