"""Writes testdata/golden-modern/few_tiny: a small network of few steps that is told words, with random weights, and what
PyTorch computes with it in float32, for the tests of tools/quantize/proof. testdata/words.dit8 is made of it, by
go run ./tools/quantize -name words -license MIT -o testdata/words.dit8 testdata/golden-modern/few_tiny

    python3 golden.py DIR"""

import json
import pathlib
import sys

import torch

import model as models
import sample
import tensors
import words

VOCABULARY = {"words": ["blue", "box", "cat", "face", "fox", "hat", "heart"], "styles": ["noto", "fluent-3d"],
              "synonyms": {"kitty": ["cat"], "valentine": ["heart", "box"]}, "examples": ["blue fox", "cat with a hat"]}
TEXTS = ["fox", "blue fox | noto", "A kitty with hats", "valentine | fluent-3d", "", " | noto"]
FLOOR = 0.05


def trajectory(network, z, y, steps):
    states, ts = [z], sample.times(steps, 3.0)
    for t, r in zip(ts, ts[1:]):
        z = z - (t - r) * sample.velocity(network, "x0", z, t, r, y, 1)
        states.append(z)
    return dict(noise=states[0], y=y, traj=torch.stack(states), final=z, grid_t_noise1=torch.tensor(ts))


@torch.no_grad()
def main(out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "words").mkdir(exist_ok=True)
    r = torch.Generator().manual_seed(5)
    network = models.SiT(input_size=20, patch_size=4, hidden_size=44, depth=3, num_heads=2, num_classes=9, two_times=True).eval()
    for name, p in network.named_parameters():
        if name != "pos_embed":
            p.copy_(torch.randn(p.shape, generator=r) * (0.5 if "table" in name else p[0].numel() ** -0.5 if p.ndim > 1 else 0.1))
    tensors.write(out / "model.safetensors", network.state_dict())
    n = 4
    x = torch.randn(n, 3, 20, 20, generator=r)
    t, y = torch.tensor([1.0, 0.9, 0.5, 0.03]), torch.tensor([0, 4, 8, 9])
    second = torch.tensor([0.0, 0.75, 0.0, 0.0])
    clean = network(x, t, y, t - second)
    out_ = (x - clean) / t.clamp_min(FLOOR)[:, None, None, None]
    tensors.write(out / "forward.safetensors", {"x": x, "t": t, "r": second, "y": y, "out_x": clean, "out": out_})
    noise = torch.randn(2, 3, 20, 20, generator=r)
    for steps in (1, 4):
        tensors.write(out / f"sample_euler_{steps}.safetensors", trajectory(network, noise, torch.tensor([4, 2]), steps))
    said = words.prompts(VOCABULARY, TEXTS)
    noise = torch.randn(len(TEXTS), 3, 20, 20, generator=r)
    tensors.write(out / "words" / "sample_euler_2.safetensors", trajectory(network, noise, said, 2))
    config = network.config | dict(prediction="x0", two_times="h_embedder is fed t - r; z_r = z - (t - r)·(z - x)/max(t, 0.05)", guidance=1)
    case = dict(case="few_tiny", arch="tools/train's network of few steps, told words", config=config, torch=torch.__version__, texts=TEXTS,
                prediction="x, the clean image; z_r = z - (t - r)·(z - x)/max(t, 0.05)", made_by="tools/train/golden.py",
                goldens=[dict(file=f"sample_euler_{s}.safetensors", steps=s) for s in (1, 4)])
    (out / "case.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    (out / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    (out / "vocabulary.json").write_text(json.dumps(VOCABULARY) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
