"""Trains a SiT on images, or on latents of autoencoder.py: flow matching on z = (1-t)·x + t·ε, t = 1 is noise, with velocity v = ε - x.

    python3 train.py --data DIR --out RUN --steps 8000

A run's folder has checkpoint.pt (kept whole, replaced at once), log.csv, samples.png as the training goes, and in the end
model.safetensors, config.json and labels.json for tools/quantize. The same command goes on where a run was stopped, with the
numbers that it would have had: what is random in a step depends on the seed and the step alone. README.md says more."""

import os
import signal

if __name__ == "__main__":  # until the training begins there is nothing that Ctrl-C should save, and torch takes seconds to load
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import contextlib
import copy
import csv
import hashlib
import json
import math
import pathlib
import sys
import time

# Threads that wait sleep: those that spin take the processor from the ones waited for, where others work on it too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

import autoencoder
import data as datasets
import few
import gelu
import model as models
import muon
import precision
import sample
import tensors
import wear
import words

PRESETS = {
    "s": dict(patch_size=4, hidden_size=192, depth=8, num_heads=3),
    "m": dict(patch_size=4, hidden_size=384, depth=12, num_heads=6),
    "words": dict(patch_size=16, hidden_size=192, depth=8, num_heads=3),
    "tiny": dict(patch_size=4, hidden_size=32, depth=2, num_heads=2),
}
# A run is defined by these: another value would go on with another training. The rest may change from call to call.
DEFINING = ("preset", "patch_size", "hidden_size", "depth", "num_heads", "size", "hold_out", "batch", "lr", "optimizer", "warmup",
            "weight_decay", "predict", "t_mean", "t_std", "label_dropout", "shift", "flip", "balance", "ema", "init", "seed", "paint", "wear", "trajectories", "jumps")
# The numbers that flags may have, by what is said of them.
ALLOWED = {
    "1 or more": (lambda v: v >= 1, "steps patch_size hidden_size depth num_heads size batch threads save_every stop_after"),
    "0 or more": (lambda v: v >= 0, "warmup weight_decay t_std shift sheet_every"),
    "more than 0": (lambda v: v > 0, "lr seconds"),
    "0 to 1": (lambda v: 0 <= v <= 1, "decay label_dropout paint wear"),
    "0 to less than 1": (lambda v: 0 <= v < 1, "ema jumps"),
    "0 to 4294967295": (lambda v: 0 <= v < 2 ** 32, "seed"),
    "a number": (lambda v: True, "t_mean"),
}
# How networks of 128×128 are sampled: guidance where shapes are made, as it only makes grain near t = 0.
AT_128 = dict(steps=20, shift=few.SHIFT, guidance=few.GUIDANCE, guided_above=few.GUIDED_ABOVE)
COLUMNS = ["step", "images", "loss", "learning_rate", "images_per_second", "seconds"]


def arguments(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--data", required=True, help="folder of tools/dataset, or with one folder of images per class")
    a("--out", required=True, help="the run's folder")
    a("--steps", type=int, default=8000)
    a("--preset", choices=PRESETS, default="s", help="sizes, which the next four may change")
    for name in ("patch_size", "hidden_size", "depth", "num_heads"):
        a("--" + name.replace("_", "-"), type=int)
    a("--size", type=int, help="of the images; default: that of the data, 32 for a folder of images")
    a("--fit", choices=datasets.FITS, default=datasets.FITS[0], help="how images of other shapes in a folder become squares: their middle, all of "
      "them with white bars, or all of them out of shape")
    a("--hold-out", help="style that is not trained on")
    a("--batch", type=int, default=64)
    a("--lr", type=float, default=1.5e-3)
    a("--optimizer", choices=("muon", "adamw"), default="muon")
    a("--warmup", type=int, default=100, help="steps")
    a("--decay", type=float, default=0.4, help="part of the steps, the last ones, in which the learning rate falls to 0; it and "
      "--steps may change until the fall begins")
    a("--seconds", type=float, help="choose --steps and --decay so that the run takes about as long, its start included, and the "
      "learning rate falls in the part of the time that --decay says")
    a("--weight-decay", type=float, default=0.0)
    a("--predict", choices=("velocity", "x0"), default="velocity", help="what the network's output is; the loss is of the velocity")
    a("--t-mean", type=float, default=0.0, help="of the logit of t")
    a("--t-std", type=float, default=1.0)
    a("--label-dropout", type=float, default=0.1)
    a("--shift", type=int, default=0, help="pixels by which images are moved at random")
    a("--flip", action="store_true", help="mirror images at random")
    a("--balance", action="store_true", help="draw all classes equally often, not all images")
    a("--paint", type=float, default=0.1, help="part of the images that is painted in another colour, where the data has words")
    a("--wear", type=float, default=0.0, help="part of the images that wears the face of another, where the data has words")
    a("--ema", type=float, default=0.06, help="length of the average of the weights, as a part of the steps so far; 0 is none")
    a("--init", help="model.safetensors to begin with, with labels.json or vocabulary.json beside it: classes are found by name")
    a("--trajectories", help="folder of few.py: learn few steps from it, in place of flow matching on the images")
    a("--jumps", type=float, default=0.0, help="part of each batch that learns jumps of few steps from whole names in a style, where the data has words")
    a("--seed", type=int, default=0)
    a("--threads", type=int, default=os.cpu_count())
    a("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a("--float32", action="store_true", help="compute in float32, not in bfloat16, as is done where the processor has none")
    a("--compile", action="store_true", help="torch.compile, where torch has it")
    a("--save-every", type=int, default=250, help="steps")
    a("--sheet-every", type=int, default=1000, help="steps; 0 is never")
    a("--stop-after", type=int, help="steps; to go on later")
    args = p.parse_args(argv)
    for name, value in PRESETS[args.preset].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    wrong = mistake(args)
    if wrong:
        p.error(wrong)
    try:
        torch.empty(0, device=args.device), torch.Generator(args.device)
    except (RuntimeError, AssertionError) as e:  # the latter where torch was built without CUDA
        p.error(f"--device is {args.device}, allowed: cpu, or what torch has here: {str(e).splitlines()[0]}")
    if args.seconds:
        args.steps = sys.maxsize  # until it is known how many there is time for
    return args


def mistake(args):
    """What is wrong with the flags, or None. Without --size that can be said in full when the data is read."""
    for allowed, (good, names) in ALLOWED.items():
        for name in names.split():
            value = getattr(args, name)
            if value is not None and not (-math.inf < value < math.inf and good(value)):
                return f"--{name.replace('_', '-')} is {value}, allowed: {allowed}"
    for name, value, divisor, what in (("size", args.size or 0, args.patch_size, " (--patch-size)"),
                                       ("hidden-size", args.hidden_size, args.num_heads, " (--num-heads)"),
                                       ("hidden-size", args.hidden_size, 4, "")):
        if value % divisor:
            return f"--{name} is {value}, allowed: multiples of {divisor}{what}"
    if args.size and args.shift >= args.size:
        return f"--shift is {args.shift}, allowed: less than the images' size {args.size}"


@torch.no_grad()
def initialize(network, path, classes):
    """Takes the weights of a trained network. Classes, or words, that it does not know begin as the mean of those that it does. Of a
    network of other channels, such as of pixels in place of latents, the layers that see them begin anew."""
    with datasets.reading(path):
        state = {k: v.float() for k, v in tensors.read(path).items()}
    labels = pathlib.Path(path).with_name("labels.json")
    if not labels.exists() and labels.with_name("vocabulary.json").exists():
        labels = labels.with_name("vocabulary.json")
    with datasets.reading(labels):
        known = json.loads(labels.read_text())
        if isinstance(known, dict):
            known = known["words"] + known["styles"]
    name = "y_embedder.embedding_table.weight"
    if name not in state:
        raise datasets.Mistake(f"{path} is no SiT, it has no {name}")
    table = state.pop(name)
    if len(table) != len(known) + 1:
        raise datasets.Mistake(f"{path} has {len(table) - 1} classes, {labels.name} beside it {len(known)}")
    rows = {c: table[i] for i, c in enumerate(known)}
    mean = table[:-1].mean(0)
    state[name] = torch.stack([rows.get(c, mean) for c in classes] + [table[-1]])
    if network.two_times and "h_embedder.mlp.0.weight" not in state:  # the features of t, and nothing of them yet
        for k in [k for k in state if k.startswith("t_embedder.")]:
            state[k.replace("t_", "h_", 1)] = torch.zeros_like(state[k]) if ".2." in k else state[k].clone()
    for k, own in network.state_dict().items():
        if k.startswith(("x_embedder.", "final_layer.linear.")) and k in state and state[k].shape != own.shape:
            state[k] = own
    found, wanted = ({k: list(v.shape) for k, v in s.items()} for s in (state, network.state_dict()))
    for k in wanted | found:
        if found.get(k) != wanted.get(k):
            raise datasets.Mistake(f"{path} is of another network: {k} is {found.get(k)}, allowed: {wanted.get(k)}")
    network.load_state_dict(state)


def rate(args, step):
    """The learning rate: it rises in warm-up, stays, and falls along a line."""
    fall = max(args.decay * args.steps, 1)
    return args.lr * min(1, (step + 1) / max(args.warmup, 1), max(args.steps - step, 0) / fall)


def falls(steps, decay, step):
    """Whether the learning rate fell in one of the first steps."""
    return steps - (step - 1) < max(decay * steps, 1)


def draw(args, images, step, device):
    """What is random in a step: x [N, C, H, W] in [-1, 1], labels with dropout, times and noise. All processes draw the same, and
    each takes its part."""
    r = torch.Generator(device).manual_seed(args.seed * 1_000_003 + step)
    n, on = args.batch - jumps(args), dict(generator=r, device=device)
    if images.words:
        x, index, painted, worn = words.pictures(images, n, args.paint, args.wear, r)
    elif args.balance:
        classes = torch.randint(len(images.classes), (n,), **on)
        order, counts = images.order
        index = order[counts.cumsum(0)[classes] - 1 - (torch.rand(n, **on) * counts[classes]).long()]
    else:
        index = torch.randint(len(images.labels), (n,), **on)
    if not images.words:
        x = images.images[index].float()
        x = x if images.vae else x / 127.5 - 1
    if args.shift:
        x = datasets.shift(x, torch.randint(-args.shift, args.shift + 1, (n, 2), **on), images.border, args.shift)
    if args.flip:
        x = torch.where(torch.rand(n, 1, 1, 1, **on) < 0.5, x.flip(-1), x)
    if images.words:
        y = words.draw(images, index, painted, worn, r)
    else:
        y = images.labels[index]
        y = torch.where(torch.rand(n, **on) < args.label_dropout, len(images.classes), y)
    # logit-normal; the batch's times are spread over its quantiles, which lowers the variance of the gradient
    quantile = (torch.arange(n, device=device) + torch.rand(n, **on)) / n
    t = torch.sigmoid(args.t_mean + args.t_std * torch.special.ndtri(quantile.clamp(1e-6, 1 - 1e-6)))
    return [v[args.rank::args.world] for v in (x, y, t, torch.randn(x.shape, **on))]


def jumps(args):
    """How many of a batch learn jumps, as many in each process, and not all."""
    return min(round(args.batch * args.jumps / args.world), args.batch // args.world - 1) * args.world


def draw_jumps(args, images, step, device):
    """z at times t on the way from x to noise, conditions, t, the time r to jump to, and x. Most conditions are whole names in a style, of
    which there is one drawing: its velocity is the average velocity over all of the way. Of the others it is the velocity of Euler's method."""
    r = torch.Generator(device).manual_seed(2 ** 40 + args.seed * 1_000_003 + step)
    n = jumps(args)
    x, index, painted, worn = words.pictures(images, n, args.paint, args.wear, r)
    y = words.draw(images, index, painted, worn, r, whole=0.8)
    t, end = few.jumps(n, r, device)
    s = t[:, None, None, None]
    z = (1 - s) * x + s * torch.randn(x.shape, generator=r, device=device)
    return [v[args.rank::args.world] for v in (z, y, t, end, x)]


def together(network, loss, asked, world):
    """Gives each process the mean gradient of all; returns the mean loss, and whether any was asked to stop."""
    grads = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads] + [loss[None], torch.tensor([float(asked)], device=loss.device)])
    torch.distributed.all_reduce(flat)
    *means, loss, asked = (flat / world).split([g.numel() for g in grads] + [1, 1])
    for g, mean in zip(grads, means):
        g.copy_(mean.view_as(g))
    return loss[0], bool(asked > 0)


def flow_loss(network, predict, x, y, t, noise):
    """The mean of ‖v - (ε - x)‖². A network that predicts x has v = (z - x̂)/t, with t kept from 0."""
    s = t[:, None, None, None]
    z = (1 - s) * x + s * noise
    out = network(z, t, y).float()
    if predict == "x0":
        s = s.clamp_min(0.05)
        out = (z - out) / s
        return (out - (z - x) / s).square().mean()
    return (out - (noise - x)).square().mean()


@torch.no_grad()
def average(ema, network, args, step):
    """The average of the weights over about the last `ema` part of the steps: a power function (Karras et al. 2024)."""
    beta = (1 - 1 / (step + 1)) ** (1 / args.ema) if args.ema and step else 0.0
    torch._foreach_mul_(ema_params := [p for p in ema.parameters() if p.requires_grad], beta)
    torch._foreach_add_(ema_params, [p for p in network.parameters() if p.requires_grad], alpha=1 - beta)


def save(path, **state):
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def of_images(images):
    """What a checkpoint remembers of the images, to see that they are still the same."""
    pixels = hashlib.sha256(images.images.flatten().numpy())
    pixels.update(images.labels.numpy())
    if images.words:
        pixels.update(json.dumps(images.words.vocabulary).encode() + images.words.names.numpy().tobytes() + images.words.tags.numpy().tobytes())
    return dict(counts=torch.bincount(images.labels, minlength=len(images.classes)).tolist(), hash=pixels.hexdigest())


def load(checkpoint, args, defining, seen):
    """What a checkpoint holds, where it is of the same training."""
    with datasets.reading(checkpoint):
        saved = torch.load(checkpoint, map_location=args.device)
        of_train = {"network", "ema", "optimizer", "step", "seconds", "defining"} <= saved.keys()
    if not of_train:
        raise datasets.Mistake(f"{checkpoint} is no checkpoint of a training")
    differ = [k for k in defining if saved["defining"].get(k, defining[k]) != defining[k]]
    if differ:
        raise datasets.Mistake(", ".join(f"{k} is {defining[k]}, in {checkpoint} {saved['defining'].get(k)}" for k in differ))
    before = saved.get("images", seen)  # older checkpoints know neither images nor steps
    for name, now, then in zip(defining["classes"], seen["counts"], before["counts"]):
        if now != then:
            raise datasets.Mistake(f"{name} has {now} images, in {checkpoint} {then}; another --out begins anew")
    if seen["hash"] != before["hash"]:
        raise datasets.Mistake(f"the images are not those of {checkpoint}; another --out begins anew")
    steps, decay = saved.get("steps"), saved.get("decay")
    if steps and falls(steps, decay, saved["step"]):
        if args.seconds:  # it was they that chose
            args.steps, args.decay, args.seconds = steps, decay, None
        if (args.steps, args.decay) != (steps, decay):
            raise datasets.Mistake(f"--steps is {args.steps} and --decay {args.decay}, but in {checkpoint} the learning rate falls already, "
                                   f"allowed: --steps {steps} --decay {decay}")
    return saved


def open_log(path, step):
    """log.csv without what came after a step, as that comes again."""
    rows = []
    if step and path.exists():
        with open(path, newline="", errors="replace") as f:
            rows = [r for r in csv.reader(f) if len(r) == len(COLUMNS) and r[0].isdigit() and int(r[0]) <= step]
    part = path.with_suffix(".part")
    with open(part, "w", newline="") as f:
        csv.writer(f).writerows([COLUMNS, *rows])
    os.replace(part, path)
    return open(path, "a", newline="")


@contextlib.contextmanager
def stopping():
    """A list of the signals that ask for an end, which comes after a whole step."""
    asked = []
    before = {n: signal.signal(n, lambda n, _: asked.append(n)) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def main(argv=None):
    began = time.monotonic()
    try:
        run(arguments(argv), began)
    except (datasets.Mistake, OSError) as e:  # all else is a mistake of the program, which its traceback tells
        sys.exit(f"train: {e}")


def run(args, began):
    torch.set_num_threads(args.threads)
    args.rank, args.world = (int(os.environ.get(v, d)) for v, d in (("RANK", 0), ("WORLD_SIZE", 1)))
    if args.batch % args.world:
        raise datasets.Mistake(f"--batch is {args.batch}, allowed: multiples of {args.world}, the number of processes")
    if args.world > 1 and args.seconds:
        raise datasets.Mistake("--seconds is for one process, of several each has another clock")
    if args.world > 1 and args.device.startswith("cuda"):
        args.device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(args.device)
    if args.world > 1:
        torch.distributed.init_process_group("nccl" if args.device.startswith("cuda") else "gloo")
    chief = args.rank == 0  # who writes
    images = datasets.load(args.data, args.size, args.fit)
    if images.words:
        images = images.take(~images.words.held)
    if args.hold_out:
        images, _ = images.split(args.hold_out)
    for name in ("jumps", "wear"):
        if getattr(args, name) and not images.words:
            raise datasets.Mistake(f"--{name} is {getattr(args, name)}, allowed: 0, as {args.data} has no words")
    if args.jumps and args.predict != "x0":
        raise datasets.Mistake(f"--predict is {args.predict}, allowed: x0, with --jumps")
    if images.vae and (args.shift or args.flip):
        raise datasets.Mistake(f"{args.data} has latents, which --shift and --flip do not move as they do images")
    decode = autoencoder.load(images.vae).to(args.device).decode if images.vae else None
    args.size = images.images.shape[-1]
    wrong = mistake(args)
    if wrong:
        raise datasets.Mistake(wrong)
    seen = of_images(images)
    images.images, images.labels = images.images.to(args.device), images.labels.to(args.device)
    images.order = torch.argsort(images.labels, stable=True), torch.bincount(images.labels, minlength=len(images.classes))
    if images.words:
        images.styles, images.words = images.styles.to(args.device), images.words.to(args.device)
        words.prepare(images)
        if args.wear:
            wear.prepare(images)
            if not len(images.words.wearers):
                raise datasets.Mistake(f"--wear is {args.wear}, allowed: 0, as {args.data} has none of the faces and wearers of wear.py")
    images.border = 1.0 if images.images[:, :, 0, :].float().mean() > 200 else -1.0

    torch.manual_seed(args.seed)
    network = models.SiT(args.size, args.patch_size, images.images.shape[1], args.hidden_size, args.depth, args.num_heads,
                         num_classes=len(images.rows), two_times=bool(args.trajectories or args.jumps)).to(args.device)
    stored = few.Stored(args.trajectories, args.device) if args.trajectories else None
    if args.init:
        initialize(network, args.init, images.rows)
    ema = copy.deepcopy(network).requires_grad_(False)
    for e, p in zip(ema.parameters(), network.parameters()):
        e.requires_grad_(p.requires_grad)
    optimizer = muon.Muon(muon.groups(network, args.optimizer == "muon"), lr=args.lr, weight_decay=args.weight_decay, dtype=precision.dtype(args.device, args.float32))
    out = pathlib.Path(args.out)
    checkpoint, step, seconds = out / "checkpoint.pt", 0, 0.0
    defining = {k: getattr(args, k) for k in DEFINING} | {"classes": images.classes}
    if checkpoint.exists():
        saved = load(checkpoint, args, defining, seen)
        network.load_state_dict(saved["network"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        step, seconds = saved["step"], saved["seconds"]
        began -= seconds
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise datasets.Mistake(f"--out is {out}, allowed: a folder, or where one can be made: {e.strerror}") from e
    fast = args.device == "cpu" and gelu.install()
    forward = torch.compile(network) if args.compile and hasattr(torch, "compile") else network
    count = sum(p.numel() for p in network.parameters())
    print(f"{len(images.labels)} images of {len(images.classes)} classes, {count / 1e6:.2f} M parameters, from step {step} "
          f"to {f'{args.seconds:g} s' if args.seconds else args.steps} on {args.device}{', fast GELU' if fast else ''}", flush=True)

    examples = words.examples(images, 64) if images.words else torch.arange(n := min(64, 2 * len(images.classes))) * len(images.classes) // n

    def keep():
        save(checkpoint, network=network.state_dict(), ema=ema.state_dict(), optimizer=optimizer.state_dict(), step=step,
             seconds=seconds, defining=defining, config=network.config, images=seen, decay=args.decay,
             steps=None if args.seconds else args.steps)

    with stopping() as asked, (open_log(out / "log.csv", step) if chief else open(os.devnull, "w")) as f:
        log = csv.writer(f)
        total, count, last = 0.0, 0, time.monotonic()
        end = min(args.steps, args.stop_after or args.steps)
        while step < end:
            for group in optimizer.param_groups:
                group["lr"] = rate(args, step)
            with precision.autocast(args.device, args.float32):
                loss = few.loss(forward, *stored.draw(args, step, args.batch - jumps(args), args.device)) if stored else \
                    flow_loss(forward, args.predict, *draw(args, images, step, args.device))
                if jumps(args):
                    loss = torch.lerp(loss, few.loss(forward, *draw_jumps(args, images, step, args.device)), jumps(args) / args.batch)
            loss.backward()
            loss = loss.detach()
            if args.world > 1:
                loss, stop = together(network, loss, bool(asked), args.world)
            else:
                stop = bool(asked)
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            average(ema, network, args, step)
            step, total, count = step + 1, total + loss, count + 1
            if stop:
                end = step
            now = time.monotonic()
            if step % 50 == 0 or step == end or args.seconds and now - last > 10:  # where 50 steps take long
                mean, now = float(total) / count, time.monotonic()
                if mean != mean:
                    sys.exit(f"train: the loss is not a number at step {step}; the last checkpoint is from before")
                seconds += now - last
                log.writerow([step, step * args.batch, f"{mean:.5f}", f"{rate(args, step):.3g}", f"{count * args.batch / (now - last):.1f}",
                              f"{seconds:.0f}"])
                f.flush()
                if args.seconds and now - began > (1 - args.decay) * args.seconds:
                    rest = max(round((args.seconds - (now - began)) * count / (now - last)), 1)
                    args.steps, args.decay, args.seconds = step + rest, round(rest / (step + rest), 6), None  # as they are printed
                    end = min(args.steps, args.stop_after or args.steps)
                    print(f"the learning rate falls from here, as with --steps {args.steps} --decay {args.decay:.6f}", flush=True)
                total, count, last = 0.0, 0, now
            if chief and (step % args.save_every == 0 or step == end):
                keep()
            if chief and args.sheet_every and (step % args.sheet_every == 0 or step == args.steps):
                with precision.autocast(args.device, args.float32):
                    if network.two_times:
                        for n in (1, 4):
                            sample.sheet(ema, args.predict, out / f"samples-{n}.png", examples, steps=n, shift=few.SHIFT, guidance=1)
                    else:
                        sample.sheet(ema, args.predict, out / "samples.png", examples, decode=decode, **(AT_128 if images.words else {}))
                export(ema, images, args, out)
                last = time.monotonic()
        if chief and step >= args.steps:
            export(ema, images, args, out)
            print(f"wrote {weights(args, out)}", flush=True)
        elif chief and stop:
            print(f"stopped at step {step}; the same command goes on", flush=True)
            sys.exit(128 + (asked or [signal.SIGTERM])[0])


def weights(args, out):
    return out / ("model.safetensors" if args.predict == "velocity" else f"{args.predict}.safetensors")  # tools/quantize has no convention for others


def export(ema, images, args, out):
    """What tools/quantize takes: parameters in float16 under the official names, and what they don't say."""
    tensors.write(weights(args, out), {k: v.half() for k, v in ema.state_dict().items()})
    config = ema.config | dict(learn_sigma=False, prediction=args.predict, velocity="noise - data",
                               time="t=1 noise, t=0 data, fed unscaled to the embedder")
    if not images.vae:
        config |= dict(pixel_range=[-1, 1])
    if ema.two_times:
        config |= dict(two_times="h_embedder is fed t - r; z_r = z - (t - r)·(z - x)/max(t, 0.05)", guidance=1)
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "labels.json").write_text(json.dumps(images.rows) + "\n")
    if images.words:
        (out / "vocabulary.json").write_text(json.dumps(images.words.vocabulary) + "\n")


if __name__ == "__main__":
    main()
