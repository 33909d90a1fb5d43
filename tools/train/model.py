"""The SiT network, with the parameter names and the arithmetic of the official models.py
(github.com/willisma/SiT), for RGB pixels: no variance channels, any square size and patch."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

FREQUENCIES = 256


def modulate(x, shift, scale):
    return torch.addcmul(shift.unsqueeze(1), x, 1 + scale.unsqueeze(1))


def gelu(x):
    return F.gelu(x, approximate="tanh")


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


class TimestepEmbedder(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size))

    @staticmethod
    def timestep_embedding(t):
        half = FREQUENCIES // 2
        freqs = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
        args = t[:, None].float() * freqs
        return torch.cat([args.cos(), args.sin()], dim=-1)

    def forward(self, t):
        return self.mlp(self.timestep_embedding(t))


class LabelEmbedder(nn.Module):
    """The last row is the null class, which stands for "no label" in training and guidance. y is the rows of classes [N], or what
    each row weighs [N, rows]: of words, the mean of theirs and their style's."""

    def __init__(self, num_classes, hidden_size):
        super().__init__()
        self.embedding_table = nn.Embedding(num_classes + 1, hidden_size)

    def forward(self, y):
        return y @ self.embedding_table.weight if y.is_floating_point() else self.embedding_table(y)

    def null_like(self, y):
        null = len(self.embedding_table.weight) - 1
        return F.one_hot(torch.full_like(y[:, 0], null, dtype=torch.long), null + 1).to(y) if y.ndim == 2 else torch.full_like(y, null)


class PatchEmbed(nn.Module):
    """A convolution's weights, applied as the product that it is: faster on CPUs."""

    def __init__(self, patch_size, in_channels, hidden_size):
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(in_channels, hidden_size, patch_size, patch_size)

    def forward(self, x):  # [N, C, H, W] -> [N, T, D]
        n, c, h, w = x.shape
        p = self.patch_size
        x = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * p * p)
        return F.linear(x, self.proj.weight.flatten(1), self.proj.bias)


class Attention(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.num_heads, d // self.num_heads).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            x = (q * (d // self.num_heads) ** -0.5 @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        return self.proj(x.transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(gelu(self.fc1(x)))


class SiTBlock(nn.Module):
    def __init__(self, hidden_size, num_heads, mlp_ratio):
        super().__init__()
        self.attn = Attention(hidden_size, num_heads)
        self.mlp = Mlp(hidden_size, int(hidden_size * mlp_ratio))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden_size, 6 * hidden_size))

    def forward(self, x, c):
        shift_msa, scale_msa, gate_msa, shift_mlp, scale_mlp, gate_mlp = self.adaLN_modulation(c).chunk(6, dim=1)
        x = torch.addcmul(x, gate_msa.unsqueeze(1), self.attn(modulate(layer_norm(x), shift_msa, scale_msa)))
        return torch.addcmul(x, gate_mlp.unsqueeze(1), self.mlp(modulate(layer_norm(x), shift_mlp, scale_mlp)))


class FinalLayer(nn.Module):
    def __init__(self, hidden_size, patch_size, out_channels):
        super().__init__()
        self.linear = nn.Linear(hidden_size, patch_size * patch_size * out_channels)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden_size, 2 * hidden_size))

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulate(layer_norm(x), shift, scale))


class SiT(nn.Module):
    def __init__(self, input_size=32, patch_size=4, in_channels=3, hidden_size=192, depth=8, num_heads=3,
                 mlp_ratio=4.0, num_classes=10, two_times=False):
        """two_times: with h_embedder, which is fed t - r, for a network of few steps from t to r."""
        super().__init__()
        self.config = dict(input_size=input_size, patch_size=patch_size, in_channels=in_channels, hidden_size=hidden_size,
                           depth=depth, num_heads=num_heads, mlp_ratio=mlp_ratio, num_classes=num_classes)
        if input_size % patch_size or hidden_size % num_heads or hidden_size % 4:
            raise ValueError(f"size {input_size} must be a multiple of patch {patch_size}, "
                             f"hidden size {hidden_size} of 4 and of heads {num_heads}")
        self.num_classes, self.in_channels, self.patch_size, self.two_times = num_classes, in_channels, patch_size, two_times
        self.x_embedder = PatchEmbed(patch_size, in_channels, hidden_size)
        self.t_embedder = TimestepEmbedder(hidden_size)
        if two_times:
            self.h_embedder = TimestepEmbedder(hidden_size)
        self.y_embedder = LabelEmbedder(num_classes, hidden_size)
        grid = input_size // patch_size
        self.pos_embed = nn.Parameter(sincos_2d(hidden_size, grid)[None], requires_grad=False)
        self.blocks = nn.ModuleList(SiTBlock(hidden_size, num_heads, mlp_ratio) for _ in range(depth))
        self.final_layer = FinalLayer(hidden_size, patch_size, in_channels)
        self.initialize_weights()

    def initialize_weights(self):
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)
        nn.init.xavier_uniform_(self.x_embedder.proj.weight.data.flatten(1))
        nn.init.zeros_(self.x_embedder.proj.bias)
        nn.init.normal_(self.y_embedder.embedding_table.weight, std=0.02)
        nn.init.normal_(self.t_embedder.mlp[0].weight, std=0.02)
        nn.init.normal_(self.t_embedder.mlp[2].weight, std=0.02)
        if self.two_times:  # begins as a network of one time
            self.h_embedder.load_state_dict(self.t_embedder.state_dict())
            nn.init.zeros_(self.h_embedder.mlp[2].weight)
        # AdaLN-Zero: every block begins as the identity, and the output as zero
        for m in [b.adaLN_modulation[1] for b in self.blocks] + [self.final_layer.adaLN_modulation[1], self.final_layer.linear]:
            nn.init.zeros_(m.weight)
            nn.init.zeros_(m.bias)

    def unpatchify(self, x):  # [N, T, p·p·C] -> [N, C, H, W]
        n, t, _ = x.shape
        p, g = self.patch_size, int(t ** 0.5)
        x = x.reshape(n, g, g, p, p, self.in_channels)
        return x.permute(0, 5, 1, 3, 2, 4).reshape(n, self.in_channels, g * p, g * p)

    def forward(self, x, t, y, h=None):
        """The velocity at x [N, C, H, W], times t [N] and classes y [N]; with h [N] the average velocity from t to t - h."""
        x = self.x_embedder(x) + self.pos_embed
        c = self.t_embedder(t) + self.y_embedder(y)
        if self.two_times:
            c = c + self.h_embedder(torch.zeros_like(t) if h is None else h)
        for block in self.blocks:
            x = block(x, c)
        return self.unpatchify(self.final_layer(x, c))

    def forward_with_cfg(self, x, t, y, cfg_scale):
        """With classifier-free guidance: uncond + cfg_scale·(cond - uncond)."""
        null = self.y_embedder.null_like(y)
        cond, uncond = self.forward(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, null])).chunk(2)
        return uncond + cfg_scale * (cond - uncond)


def sincos_2d(dim, grid):  # [grid·grid, dim]; the column's half comes first, as in the official code
    omega = 10000 ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    row, col = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    def one(p):
        a = p.reshape(-1, 1).double() * omega
        return torch.cat([a.sin(), a.cos()], dim=1)
    return torch.cat([one(col), one(row)], dim=1).float()
