"""Samples from a network: Euler's method from noise at t = 1 to an image at t = 0, with guidance."""

import numpy as np
import torch


@torch.no_grad()
def sample(network, predict, y, steps=20, guidance=3.0, seed=0, batch=64):
    """uint8 [N, C, H, W] for classes y [N]."""
    device = next(network.parameters()).device
    size, channels = network.config["input_size"], network.config["in_channels"]
    noise = torch.randn(len(y), channels, size, size, generator=torch.Generator().manual_seed(seed))
    out = []
    for z, labels in zip(noise.split(batch), y.split(batch)):
        z, labels = z.to(device), labels.to(device)
        for i in range(steps):
            t = 1 - i / steps
            at = torch.full((len(z),), t, device=device)
            v = network.forward_with_cfg(z, at, labels, guidance)
            z = z - ((z - v) / t if predict == "x0" else v) / steps
        out.append(((z.clamp(-1, 1) + 1) * 127.5).round().byte().cpu())
    return torch.cat(out)


def sheet(network, predict, path, count=64, columns=16, **options):
    """Writes samples of classes spread over all, in their order."""
    classes = network.config["num_classes"]
    y = torch.arange(count) * classes // count
    grid(sample(network, predict, y, **options), path, columns)


def grid(images, path, columns=16, scale=2):
    from PIL import Image
    n, c, h, w = images.shape
    rows = -(-n // columns)
    page = torch.full((rows * columns, c, h, w), 255, dtype=torch.uint8)
    page[:n] = images
    page = page.reshape(rows, columns, c, h, w).permute(0, 3, 1, 4, 2).reshape(rows * h, columns * w, c).numpy()
    page = np.repeat(page, 3, axis=2) if c == 1 else page
    image = Image.fromarray(page).resize((page.shape[1] * scale, page.shape[0] * scale), Image.NEAREST)
    part = f"{path}.part"
    image.save(part, format="png")
    import os
    os.replace(part, path)
