"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, for the matrices of the blocks; AdamW for the rest."""

import torch


@torch.no_grad()
def orthogonalize(g, steps=5, dtype=torch.bfloat16):
    """The nearest (semi-)orthogonal matrices to g [B, M, N], roughly: a quintic Newton-Schulz iteration takes all singular
    values to about 1. It forgives bfloat16's errors."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.to(dtype)
    wide = x.shape[-2] <= x.shape[-1]
    if not wide:
        x = x.transpose(-2, -1)
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).to(dtype)
    for _ in range(steps):
        s = x @ x.transpose(-2, -1)
        x = a * x + (b * s + c * s @ s) @ x
    return (x if wide else x.transpose(-2, -1)).float()


def shared(g, dtype):
    """orthogonalize, of which each process of torch.distributed does its part of the matrices."""
    world = torch.distributed.get_world_size() if torch.distributed.is_available() and torch.distributed.is_initialized() else 1
    if world == 1 or len(g) % world:
        return orthogonalize(g, dtype=dtype)
    own = orthogonalize(g.chunk(world)[torch.distributed.get_rank()], dtype=dtype)
    all_of_it = [torch.empty_like(own) for _ in range(world)]
    torch.distributed.all_gather(all_of_it, own)
    return torch.cat(all_of_it)


class Muon(torch.optim.Optimizer):
    """groups: {"params": [...], "muon": bool}. One learning rate serves both, as a Muon update is scaled to the root mean square
    of an AdamW update, 0.2 (Liu et al. 2025). A matrix that is several in one, [k·D, D], is taken apart: "parts" has k. dtype is
    what matrices are made orthogonal in."""

    def __init__(self, groups, lr, momentum=0.95, betas=(0.9, 0.99), weight_decay=0.0, dtype=torch.bfloat16):
        self.dtype = dtype
        super().__init__(groups, dict(lr=lr, momentum=momentum, betas=betas, weight_decay=weight_decay, muon=False, parts=1,
                                      updates=0))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (self.muon if group["muon"] else self.adamw)(group)

    def buffers(self, group, name):
        for p in group["params"]:
            if name not in self.state[p]:
                self.state[p][name] = torch.zeros_like(p)
        return [self.state[p][name] for p in group["params"]]

    def muon(self, group):
        lr, k, m = group["lr"], group["parts"], group["momentum"]
        params, momenta = group["params"], self.buffers(group, "momentum")
        grads = [p.grad for p in params]
        torch._foreach_mul_(momenta, m)
        torch._foreach_add_(momenta, grads, alpha=1 - m)
        g = torch.stack(grads).lerp_(torch.stack(momenta), m)
        rows, columns = g.shape[-2] // k, g.shape[-1]
        u = shared(g.reshape(-1, rows, columns), self.dtype).reshape(g.shape)
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        torch._foreach_add_(params, list(u.unbind()), alpha=-lr * 0.2 * max(rows, columns) ** 0.5)

    def adamw(self, group):
        lr, (b1, b2) = group["lr"], group["betas"]
        params, grads = group["params"], [p.grad for p in group["params"]]
        first, second = self.buffers(group, "m"), self.buffers(group, "v")
        group["updates"] += 1
        torch._foreach_mul_(first, b1)
        torch._foreach_add_(first, grads, alpha=1 - b1)
        torch._foreach_mul_(second, b2)
        torch._foreach_addcmul_(second, grads, grads, value=1 - b2)
        scale = torch._foreach_sqrt(second)  # over the root of what second's mean lacks in the first steps
        torch._foreach_mul_(scale, (1 - b2 ** group["updates"]) ** -0.5)
        torch._foreach_add_(scale, 1e-8)
        torch._foreach_mul_([p for p in params if p.ndim > 1], 1 - lr * group["weight_decay"])
        torch._foreach_addcdiv_(params, first, scale, value=-lr / (1 - b1 ** group["updates"]))


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
