"""The hue of pixels, which words.py turns and wear.py looks for."""

import torch


def hue(x):
    """Of x [N, 3, H, W] in [0, 1]: the hue in sixths of a circle, from -1 to 5, and the highest and the lowest channel, [N, 1, H, W] each."""
    high, low = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
    d = (high - low).clamp_min(1e-6)
    r, g, b = x.split(1, 1)
    return torch.where(high == r, (g - b) / d, torch.where(high == g, (b - r) / d + 2, (r - g) / d + 4)), high, low
