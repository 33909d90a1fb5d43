"""Trains a small autoencoder in TAESD's form, and turns images into its latents, for a SiT that learns them.

    python3 autoencoder.py --data DIR --out RUN --steps 3000

A run's folder has vae/, which is diffusers' AutoencoderTiny and which tools/quantize takes by -vae, and latents/, which train.py
takes by --data. samples.png shows images that were not trained on above what becomes of them. README.md says more."""

import argparse
import json
import os
import pathlib
import shutil
import sys
import time

import numpy as np
import torch
import torch.nn as nn

import data as datasets
import sample
import tensors

CLAMP = 3.0  # the decoder's input is clamped smoothly to ±3 (taesd.py: Clamp)


def conv(inner, outer, **options):
    return nn.Conv2d(inner, outer, 3, padding=1, **options)


class Block(nn.Module):
    """relu(conv(relu(conv(relu(conv(x))))) + x) (taesd.py: Block)"""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, x):
        return torch.relu(self.conv(x) + x)


class Half(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)


class Autoencoder(nn.Module):
    """diffusers' AutoencoderTiny, of any number of levels. Images are from -1 to 1."""

    def __init__(self, image_channels, latent_channels=4, width=32, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1)):
        super().__init__()
        self.config = dict(_class_name="AutoencoderTiny", act_fn="relu", in_channels=image_channels, out_channels=image_channels,
                           latent_channels=latent_channels, encoder_block_out_channels=[width] * len(encoder_blocks),
                           decoder_block_out_channels=[width] * len(decoder_blocks), num_encoder_blocks=list(encoder_blocks),
                           num_decoder_blocks=list(decoder_blocks), upsampling_scaling_factor=2, scaling_factor=1.0)
        down, up = [conv(image_channels, width)], [conv(latent_channels, width), nn.ReLU()]
        for i, n in enumerate(encoder_blocks):
            down += [conv(width, width, stride=2, bias=False)] * (i > 0) + [Block(width) for _ in range(n)]
        for i, n in enumerate(decoder_blocks):
            up += [Block(width) for _ in range(n)]
            if i < len(decoder_blocks) - 1:
                up += [nn.Upsample(scale_factor=2), conv(width, width, bias=False)]
        self.encoder = Half(down + [conv(width, latent_channels)])
        self.decoder = Half(up + [conv(width, image_channels)])
        self.factor = 2 ** (len(encoder_blocks) - 1)

    def encode(self, x):
        return self.encoder.layers((x + 1) / 2)

    def decode(self, z):
        return self.decoder.layers(torch.tanh(z / CLAMP) * CLAMP) * 2 - 1


def save(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    tensors.write(folder / "diffusion_pytorch_model.safetensors", {k: v.half() for k, v in model.state_dict().items()})
    (folder / "config.json").write_text(json.dumps(model.config, indent=1) + "\n")


def load(folder):
    """The autoencoder that a run wrote."""
    folder = pathlib.Path(folder)
    with datasets.reading(folder):
        c = json.loads((folder / "config.json").read_text())
        model = Autoencoder(c["in_channels"], c["latent_channels"], c["encoder_block_out_channels"][0], c["num_encoder_blocks"], c["num_decoder_blocks"])
        model.load_state_dict({k: v.float() for k, v in tensors.read(folder / "diffusion_pytorch_model.safetensors").items()})
    return model.eval()


def loss_of(model, x, noise):
    """How far images are from what comes back of latents with some noise, which the decoder learns to bear, as those that a network
    makes are never exact; and how far the latents' channels are from mean 0 and deviation 1, as the SiT's noise has."""
    z = model.encode(x)
    back = model.decode(z + noise * torch.randn_like(z))
    mean, std = z.mean((0, 2, 3)), z.std((0, 2, 3))
    return (back - x).abs().mean() + (back - x).square().mean() + 0.1 * (mean.square() + (std - 1).square()).mean()


@torch.no_grad()
def in_batches(f, x, size=500):
    return torch.cat([f(part) for part in x.split(size)])


def scaled(images):
    return images.float() / 127.5 - 1


def returned(model, images):
    """What comes back of images uint8, in the same numbers."""
    return in_batches(lambda x: (model.decode(model.encode(scaled(x))).clamp(-1, 1) * 127.5 + 127.5).round().byte(), images)


def psnr(model, images):
    """Of images uint8 against what comes back, in dB."""
    return float(10 * torch.log10(255 ** 2 / (returned(model, images).float() - images.float()).square().mean()))


def write_latents(model, images, folder, vae):
    """A folder that data.py reads: latents.npy, labels, names, and the autoencoder that decodes them."""
    folder.mkdir(parents=True, exist_ok=True)
    z = in_batches(lambda x: model.encode(scaled(x)), images.images)
    np.save(folder / "latents.npy", z.numpy().astype(np.float16))
    np.save(folder / "labels.npy", images.labels.numpy())
    (folder / "classes.json").write_text(json.dumps(images.classes) + "\n")
    shutil.copytree(vae, folder / "vae", dirs_exist_ok=True)
    return z


def train(args):
    torch.set_num_threads(args.threads)
    images = datasets.load(args.data, args.size)
    if images.words:
        raise datasets.Mistake("autoencoder.py takes images with classes, these have words")
    torch.manual_seed(args.seed)
    model = Autoencoder(images.images.shape[1], args.latent_channels, args.width, [args.blocks] * args.levels, [args.blocks] * args.levels)
    model = model.to(memory_format=torch.channels_last)
    side = images.images.shape[-1]
    if side % model.factor:
        raise datasets.Mistake(f"the images' size is {side}, allowed: multiples of {model.factor}, of {args.levels} levels")
    order = torch.randperm(len(images.images))
    held = order[:max(1, len(order) // 50)]  # to measure by
    pool = order[len(held):]
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.99), weight_decay=0)
    print(f"{len(pool)} images, {sum(p.numel() for p in model.parameters()) / 1e3:.0f} thousand parameters", flush=True)
    start = time.monotonic()
    for step in range(args.steps):
        for group in optimizer.param_groups:  # a warm-up, then a half-cosine to 0
            group["lr"] = args.lr * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * step / args.steps))
        x = scaled(images.images[pool[torch.randint(len(pool), (args.batch,))]]).contiguous(memory_format=torch.channels_last)
        loss = loss_of(model, x, args.noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 100 == 0:
            if not torch.isfinite(loss):
                sys.exit(f"autoencoder: the loss is not a number at step {step + 1}")
            print(f"step {step + 1} loss {float(loss):.4f} {time.monotonic() - start:.0f} s", flush=True)
    return model, images, held


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--data", required=True, help="folder of images, as train.py takes them")
    a("--out", required=True, help="the run's folder")
    a("--size", type=int, help="as train.py's")
    a("--steps", type=int, default=3000)
    a("--batch", type=int, default=64)
    a("--lr", type=float, default=2e-3)
    a("--width", type=int, default=32, help="channels of all layers")
    a("--levels", type=int, default=3, help="of sizes: 3 makes latents of a quarter of the images' height and width")
    a("--blocks", type=int, default=1, help="in each level")
    a("--latent-channels", type=int, default=4)
    a("--noise", type=float, default=0.15, help="on latents, in training")
    a("--seed", type=int, default=0)
    a("--threads", type=int, default=torch.get_num_threads())
    args = p.parse_args(argv)
    for name in ("steps", "batch", "width", "levels", "blocks", "latent_channels", "threads"):
        if getattr(args, name) < 1:
            p.error(f"--{name.replace('_', '-')} is {getattr(args, name)}, allowed: 1 or more")
    out = pathlib.Path(args.out)
    try:
        model, images, held = train(args)
        save(model, out / "vae")
        model = load(out / "vae")  # with the weights as they are stored
        few = images.images[held[:32]]
        back = returned(model, few)
        sample.grid(torch.cat([t for pair in zip(few.split(16), back.split(16)) for t in pair]), out / "samples.png")
        z = write_latents(model, images, out / "latents", out / "vae")
    except (datasets.Mistake, OSError) as e:
        sys.exit(f"autoencoder: {e}")
    print(f"images that were not trained on come back with {psnr(model, images.images[held]):.2f} dB; latents {list(z.shape[1:])} of mean "
          f"{float(z.mean()):.3f} and deviation {float(z.std()):.3f}; wrote {out / 'vae'} and {out / 'latents'}", flush=True)


if __name__ == "__main__":
    main()
