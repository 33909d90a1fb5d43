"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, for the matrices of the blocks; AdamW for the rest."""

import torch


@torch.no_grad()
def orthogonalize(g, steps=5):
    """The nearest (semi-)orthogonal matrices to g [B, M, N], roughly: a quintic Newton-Schulz iteration takes all singular
    values to about 1. In bfloat16, whose errors it forgives."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    wide = x.shape[-2] <= x.shape[-1]
    if not wide:
        x = x.transpose(-2, -1)
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).bfloat16()
    for _ in range(steps):
        s = x @ x.transpose(-2, -1)
        x = a * x + (b * s + c * s @ s) @ x
    return (x if wide else x.transpose(-2, -1)).float()


class Muon(torch.optim.Optimizer):
    """groups: {"params": [...], "muon": bool}. One learning rate serves both, as a Muon update is scaled to the root mean square
    of an AdamW update, 0.2 (Liu et al. 2025). A matrix that is several in one, [k·D, D], is taken apart: "parts" has k."""

    def __init__(self, groups, lr, momentum=0.95, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(groups, dict(lr=lr, momentum=momentum, betas=betas, weight_decay=weight_decay, muon=False, parts=1))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (self.muon if group["muon"] else self.adamw)(group)

    def muon(self, group):
        lr, k = group["lr"], group["parts"]
        updates = []
        for p in group["params"]:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            state["momentum"].lerp_(p.grad, 1 - group["momentum"])
            updates.append(p.grad.lerp(state["momentum"], group["momentum"]))
        g = torch.stack(updates)
        rows, columns = g.shape[-2] // k, g.shape[-1]
        u = orthogonalize(g.reshape(-1, rows, columns)).reshape(g.shape)
        for p, d in zip(group["params"], u):
            p.mul_(1 - lr * group["weight_decay"]).add_(d, alpha=-lr * 0.2 * max(rows, columns) ** 0.5)

    def adamw(self, group):
        lr, (b1, b2) = group["lr"], group["betas"]
        for p in group["params"]:
            state = self.state[p]
            if not state:
                state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
            state["step"] += 1
            state["m"].lerp_(p.grad, 1 - b1)
            state["v"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            m = state["m"] / (1 - b1 ** state["step"])
            v = state["v"] / (1 - b2 ** state["step"])
            if p.ndim > 1:
                p.mul_(1 - lr * group["weight_decay"])
            p.addcdiv_(m, v.sqrt().add_(1e-8), value=-lr)


def groups(network, muon=True):
    """The parameters of a SiT: by shape, so that one batch of products serves all blocks."""
    by_shape, rest = {}, []
    for name, p in network.named_parameters():
        if not p.requires_grad:
            continue
        if muon and name.startswith("blocks.") and p.ndim == 2 and "adaLN" not in name:
            parts = 3 if ".qkv." in name else 1
            by_shape.setdefault((tuple(p.shape), parts), []).append(p)
        else:
            rest.append(p)
    return [dict(params=ps, muon=True, parts=parts) for (_, parts), ps in by_shape.items()] + [dict(params=rest, muon=False)]
