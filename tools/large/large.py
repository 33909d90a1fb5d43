"""Writes a DiT-XL/2 of 256×256 pixels and a pMF-B/16 in the official files' forms and Stable Diffusion's autoencoder as diffusers'
folder, of random weights: 2.7, 0.47 and 0.33 GB, for trying what the published files will take.

    python3 large.py FOLDER

makes FOLDER/DiT-XL-2-256x256.pt, FOLDER/pMF-B-16.pt and FOLDER/sd-vae-ft-mse/. The names and shapes are those of facebookresearch/DiT
(models.py), Lyy-iiis/pMF (branch torch, pmfDiT.py) and stabilityai/sd-vae-ft-mse (AutoencoderKL)."""

import json
import math
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "train"))
import model  # noqa: E402
import tensors  # noqa: E402

HIDDEN, DEPTH, PATCH, CHANNELS, CLASSES, GRID = 1152, 28, 2, 4, 1000, 16


def random(*shape, gain=1.0):
    """Weights that keep the deviation of what goes in; vectors are near 0."""
    fan_in = math.prod(shape[1:]) if len(shape) > 1 else 10_000
    return torch.randn(*shape) * (gain / math.sqrt(fan_in))


def linear(state, name, out, inner, gain=1.0):
    state[name + ".weight"], state[name + ".bias"] = random(out, inner, gain=gain), random(out)


def dit():
    state = {"pos_embed": model.sincos_2d(HIDDEN, GRID)[None], "x_embedder.proj.weight": random(HIDDEN, CHANNELS, PATCH, PATCH),
             "x_embedder.proj.bias": random(HIDDEN), "y_embedder.embedding_table.weight": torch.randn(CLASSES + 1, HIDDEN) * 0.5}
    linear(state, "t_embedder.mlp.0", HIDDEN, 256)
    linear(state, "t_embedder.mlp.2", HIDDEN, HIDDEN)
    for i in range(DEPTH):
        block = f"blocks.{i}."
        linear(state, block + "attn.qkv", 3 * HIDDEN, HIDDEN)
        linear(state, block + "attn.proj", HIDDEN, HIDDEN)
        linear(state, block + "mlp.fc1", 4 * HIDDEN, HIDDEN)
        linear(state, block + "mlp.fc2", HIDDEN, 4 * HIDDEN)
        linear(state, block + "adaLN_modulation.1", 6 * HIDDEN, HIDDEN, gain=0.3)
    linear(state, "final_layer.linear", PATCH * PATCH * 2 * CHANNELS, HIDDEN)
    linear(state, "final_layer.adaLN_modulation.1", 2 * HIDDEN, HIDDEN, gain=0.3)
    return state


def pmf(hidden=768, depth=16, heads=12, patch=16, bottleneck=128, mlp=2048, grid=16, tokens=(8, 4, 4, 2, 2)):
    """What pMF-B/16 samples with; of its two heads of 8 blocks the one of the velocity is for training."""
    state = {f"{name}_tokens": random(1, n, hidden) for name, n in zip(("class", "time", "omega", "t_min", "t_max"), tokens)}
    state |= {"pos_embed": random(1, sum(tokens) + grid * grid, hidden), "y_embedder.embedding_table._flax_embedding.weight": torch.randn(CLASSES + 1, hidden) * 0.5}
    for name, out, *shape in (("proj1", bottleneck, 3, patch, patch), ("proj2", hidden, bottleneck, 1, 1)):
        state[f"x_embedder.{name}.weight"], state[f"x_embedder.{name}.bias"] = random(out, *shape), random(out)
    for name in ("h", "omega", "cfg_t_start", "cfg_t_end"):
        linear(state, f"{name}_embedder.mlp.0._flax_linear", hidden, 256)
        linear(state, f"{name}_embedder.mlp.2._flax_linear", hidden, hidden)
    for i in range(depth):
        block = f"shared_blocks.{i}." if i < depth // 2 else f"u_heads.{i - depth // 2}."
        state |= {block + "attn_scale": 0.3 * torch.randn(hidden), block + "mlp_scale": 0.3 * torch.randn(hidden)}
        state |= {f"{block}{name}.weight": 1 + random(n) for name, n in (("norm1", hidden), ("norm2", hidden), ("attn.q_norm", hidden // heads), ("attn.k_norm", hidden // heads))}
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            state[f"{block}attn.{name}._flax_linear.weight"] = random(hidden, hidden)
        for name, out, inner in (("w1", mlp, hidden), ("w3", mlp, hidden), ("w2", hidden, mlp)):
            state[f"{block}mlp.{name}._flax_linear.weight"] = random(out, inner)
    state["u_final_layer.norm.weight"] = 1 + random(hidden)
    linear(state, "u_final_layer.linear._flax_linear", patch * patch * 3, hidden)
    return {f"net.{name}": value for name, value in state.items()}


class Vae:
    """AutoencoderKL's tensors."""
    config = dict(_class_name="AutoencoderKL", act_fn="silu", in_channels=3, out_channels=3, latent_channels=4, layers_per_block=2, norm_num_groups=32,
                  block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)

    def __init__(self):
        self.state = {}
        widths = self.config["block_out_channels"]
        for half, order, layers, channels in (("encoder", widths, 2, (3, 8)), ("decoder", widths[::-1], 3, (4, 3))):
            width = order[0]
            self.conv(f"{half}.conv_in", width, channels[0])
            if half == "decoder":
                self.middle(half, width)
            for i, out in enumerate(order):
                level = f"{half}.{'down' if half == 'encoder' else 'up'}_blocks.{i}"
                for k in range(layers):
                    self.resnet(f"{level}.resnets.{k}", out, width)
                    width = out
                if i < len(order) - 1:
                    self.conv(f"{level}.{'downsamplers' if half == 'encoder' else 'upsamplers'}.0.conv", width, width)
            if half == "encoder":
                self.middle(half, width)
            self.norm(f"{half}.conv_norm_out", width)
            self.conv(f"{half}.conv_out", channels[1], width)
        self.conv("quant_conv", 8, 8, kernel=1)
        self.conv("post_quant_conv", 4, 4, kernel=1)

    def conv(self, name, out, inner, kernel=3):
        self.state[name + ".weight"], self.state[name + ".bias"] = random(out, inner, kernel, kernel), random(out)

    def norm(self, name, width):
        self.state[name + ".weight"], self.state[name + ".bias"] = 1 + random(width), random(width)

    def resnet(self, name, out, inner):
        self.norm(name + ".norm1", inner)
        self.conv(name + ".conv1", out, inner)
        self.norm(name + ".norm2", out)
        self.conv(name + ".conv2", out, out)
        if out != inner:
            self.conv(name + ".conv_shortcut", out, inner, kernel=1)

    def middle(self, half, width):
        self.resnet(f"{half}.mid_block.resnets.0", width, width)
        attention = f"{half}.mid_block.attentions.0"
        self.norm(attention + ".group_norm", width)
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            linear(self.state, f"{attention}.{part}", width, width)
        self.resnet(f"{half}.mid_block.resnets.1", width, width)


def main(folder):
    torch.manual_seed(0)
    folder = pathlib.Path(folder)
    vae = folder / "sd-vae-ft-mse"
    vae.mkdir(parents=True, exist_ok=True)
    tensors.write(vae / "diffusion_pytorch_model.safetensors", Vae().state)
    (vae / "config.json").write_text(json.dumps(Vae.config, indent=1) + "\n")
    torch.save(pmf(), folder / "pMF-B-16.pt")
    torch.save(dit(), folder / "DiT-XL-2-256x256.pt")
    for f in sorted(folder.rglob("*.*t*")):
        print(f, f"{f.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
