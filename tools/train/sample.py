"""Samples from a network: Euler's method from noise at t = 1 to an image at t = 0, with guidance."""

import numpy as np
import torch


def times(steps, shift):
    """The times between steps: uniform ones, or with a shift above 1 more of them near noise."""
    return [shift * u / (1 + (shift - 1) * u) for u in (1 - i / steps for i in range(steps + 1))]


def velocity(network, predict, z, t, r, y, guidance):
    """Of z at a time t, or the average to r where the network knows two times: guided, where guidance is not 1."""
    at, h = (torch.full((len(z),), v, device=z.device) for v in (t, t - r))
    if guidance != 1:
        out = network.forward_with_cfg(z, at, y, guidance).float()
    else:
        out = (network(z, at, y, h) if network.two_times else network(z, at, y)).float()
    return (z - out) / max(t, 0.05) if predict == "x0" else out


@torch.no_grad()
def sample(network, predict, y, steps=20, guidance=3.0, seed=0, batch=64, shift=1.0, guided_above=0.0, decode=None):
    """uint8 [N, C, H, W] for classes y [N] or conditions y [N, rows]; guided while t is above guided_above. decode makes images of latents."""
    device = next(network.parameters()).device
    size, channels = network.config["input_size"], network.config["in_channels"]
    noise = torch.randn(len(y), channels, size, size, generator=torch.Generator().manual_seed(seed))
    out = []
    for z, labels in zip(noise.split(batch), y.split(batch)):
        z, labels = z.to(device), labels.to(device)
        ts = times(steps, shift)
        for t, r in zip(ts, ts[1:]):
            z = z - (t - r) * velocity(network, predict, z, t, r, labels, guidance if t > guided_above else 1)
        z = decode(z) if decode else z
        out.append(((z.clamp(-1, 1) + 1) * 127.5).round().byte().cpu())
    return torch.cat(out)


def sheet(network, predict, path, y, columns=16, **options):
    """Writes samples of y in its order."""
    images = sample(network, predict, y, **options)
    grid(images, path, columns, scale=max(1, 64 // images.shape[-1]))


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
    image.save(part, format="jpeg" if str(path).endswith(".jpg") else "png", quality=90)
    import os
    os.replace(part, path)
