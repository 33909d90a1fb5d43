"""Measures of sets of features [N, D], and of images."""

import torch


def frechet(a, b):
    """The Fréchet distance of two normal distributions with the features' means and covariances (Heusel et al. 2017)."""
    a, b = a.double(), b.double()
    root = psd_root(a.T.cov())
    cross = torch.linalg.eigvalsh(root @ b.T.cov() @ root).clamp_min(0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + a.T.cov().trace() + b.T.cov().trace() - 2 * cross)


def psd_root(m):
    values, vectors = torch.linalg.eigh(m)
    return vectors * values.clamp_min(0).sqrt() @ vectors.T


def precision_recall(real, fake, k=3):
    """(part of fake that lies among real, part of real among fake): within the k-th nearest neighbour's distance of a member
    (Kynkäänniemi et al. 2019)."""
    def among(points, members):
        radius = torch.cdist(members, members).kthvalue(min(k + 1, len(members)), dim=1).values  # itself is the nearest
        return float((torch.cdist(points, members) <= radius).any(1).float().mean())
    return among(fake, real), among(real, fake)


def small(images):
    """uint8 [N, C, H, W] to [-1, 1] at 32×32."""
    x = images.float() / 127.5 - 1
    return torch.nn.functional.avg_pool2d(x, x.shape[-1] // 32) if x.shape[-1] > 32 else x


def nearest(images, training, within=1, fill=255, chunk=256):
    """(distance [N], index [N]) of each image's nearest training image, moved by up to `within` pixels: root mean square over
    pixels, in 256ths."""
    import data
    moves = [(r, c) for r in range(-within, within + 1) for c in range(-within, within + 1)]
    x, best, index = images.flatten(1).float() / 255, torch.full((len(images),), torch.inf), torch.zeros(len(images), dtype=torch.long)
    for by in moves:
        t = data.shift(training.float(), torch.tensor([by]).expand(len(training), 2), fill).flatten(1) / 255
        for part in range(0, len(x), chunk):
            d, i = torch.cdist(x[part:part + chunk], t).min(1)
            better = d < best[part:part + chunk]
            best[part:part + chunk][better] = d[better]
            index[part:part + chunk][better] = i[better]
    return best * 255 / x.shape[1] ** 0.5, index
