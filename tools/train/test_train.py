"""Tests of the training, of what it exports and of the measures: python3 -m unittest. With DIT8_QUANTIZE, the program
tools/quantize, also that Go computes what was trained."""

import contextlib
import io
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "eval")]
import data  # noqa: E402
import gelu  # noqa: E402
import metrics  # noqa: E402
import model  # noqa: E402
import muon  # noqa: E402
import sample  # noqa: E402
import tensors  # noqa: E402
import train  # noqa: E402

GOLDEN = HERE.parents[1] / "testdata/golden/sit_rgb"


def write_images(path):
    """24 images of 3 classes, in two styles: a red, a green and a blue square on white."""
    images = np.full((24, 16, 16, 3), 255, np.uint8)
    labels = np.arange(24, dtype=np.int32) % 3
    for i, c in enumerate(labels):
        images[i, 3 + i % 4:12, 4:11] = np.eye(3, dtype=np.uint8)[c] * 200
    path.mkdir()
    np.save(path / "images.npy", images)
    np.save(path / "labels.npy", labels)
    np.save(path / "styles.npy", np.arange(24, dtype=np.int32) // 12)
    (path / "classes.json").write_text('["red", "green", "blue"]')
    (path / "styles.json").write_text('["thin", "thick"]')


class Training(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        write_images(self.dir / "data")

    def train(self, out, *more, steps=12):
        train.main(["--data", str(self.dir / "data"), "--out", str(self.dir / out), "--preset", "tiny", "--batch", "8", "--threads", "1",
                    "--steps", str(steps), "--warmup", "2", "--device", "cpu", "--sheet-every", "0", *more])
        return torch.load(self.dir / out / "checkpoint.pt")

    def test_resumes_to_the_same_bits(self):
        for options in (["--shift", "1"], ["--optimizer", "adamw", "--float32", "--flip", "--balance"]):
            whole = self.train("whole" + options[0], *options)
            self.assertEqual(self.train("parts" + options[0], *options, "--stop-after", "5")["step"], 5)
            parts = self.train("parts" + options[0], *options)
            for part in ("network", "ema"):
                for name, value in whole[part].items():
                    self.assertTrue(torch.equal(value, parts[part][name]), name)
            names = [(self.dir / (n + options[0]) / "model.safetensors").read_bytes() for n in ("whole", "parts")]
            self.assertEqual(*names)

    def test_steps_may_change_before_the_fall(self):
        self.train("long", "--stop-after", "4", steps=1000)
        a, b = self.train("long", steps=10), self.train("short", steps=10)
        self.assertTrue(all(torch.equal(v, b["network"][k]) for k, v in a["network"].items()))

    def test_ends_in_time(self):
        """--seconds sees how fast it is after 50 steps; what it chose then makes the same run anew."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            in_time = self.train("time", "--seconds", "0.1", "--warmup", "0")
        steps, decay = re.search(r"--steps (\d+) --decay (\S+)", out.getvalue()).groups()
        self.assertEqual(in_time["step"], int(steps))
        again = self.train("again", "--decay", decay, "--warmup", "0", steps=int(steps))
        self.assertTrue(all(torch.allclose(v, again["ema"][k]) for k, v in in_time["ema"].items()))

    def test_begins_with_a_trained_network(self):
        """Classes are found by name; one that is new begins as the mean of the others."""
        self.train("first", "--balance", steps=3)
        (self.dir / "data/classes.json").write_text('["blue", "white", "red"]')
        first = tensors.read(self.dir / "first/model.safetensors")
        second = self.train("second", "--init", str(self.dir / "first/model.safetensors"), "--lr", "0", steps=1)["network"]
        table = first.pop("y_embedder.embedding_table.weight").float()
        want = torch.stack([table[2], table[:3].mean(0), table[0], table[3]])
        self.assertTrue(torch.equal(second.pop("y_embedder.embedding_table.weight"), want))
        self.assertTrue(all(torch.equal(second[k], v.float()) for k, v in first.items()))

    def test_refuses_to_go_on_with_another_training(self):
        self.train("run", "--stop-after", "2")
        with self.assertRaisesRegex(SystemExit, "lr is 0.5, in .* 0.0015"):
            self.train("run", "--lr", "0.5")

    def test_learns(self):
        for predict in ("velocity", "x0"):
            self.train(predict, "--predict", predict, "--lr", "1e-2", steps=300)
            losses = [float(l.split(",")[2]) for l in (self.dir / predict / "log.csv").read_text().split()[1:]]
            self.assertLess(losses[-1], 0.5 * losses[0], predict)

    def test_holds_a_style_out(self):
        images = data.load(self.dir / "data")
        rest, held = images.split("thick")
        self.assertEqual((len(rest.labels), len(held.labels)), (12, 12))
        with self.assertRaisesRegex(ValueError, "no style is called odd, there are: thin, thick"):
            images.split("odd")

    def test_go_computes_what_was_trained(self):
        quantize = os.environ.get("DIT8_QUANTIZE")
        if not quantize:
            self.skipTest("DIT8_QUANTIZE names no program")
        self.train("run", "--lr", "4e-3", steps=60)
        run = self.dir / "run"
        subprocess.run([quantize, "-type", "f32", "-convention", "ours", "-labels", run / "labels.json", "-o", run / "f32.dit8",
                        run / "model.safetensors"], check=True, capture_output=True)
        network = model.SiT(16, 4, 3, 32, 2, 2, num_classes=3)
        network.load_state_dict({k: v.float() for k, v in tensors.read(run / "model.safetensors").items()})
        r = torch.Generator().manual_seed(1)
        x, t, y = torch.randn(8, 3, 16, 16, generator=r), torch.rand(8, generator=r), torch.arange(8) % 4
        with torch.no_grad():
            tensors.write(run / "forward.safetensors", dict(x=x, t=t, y=y, out=network(x, t, y)))
        subprocess.run([quantize, "verify", "-max-rel", "1e-4", "-reference", run / "forward.safetensors", run / "f32.dit8"],
                       check=True, capture_output=True)


class Data(unittest.TestCase):
    def test_folders_of_images(self):
        from PIL import Image
        with tempfile.TemporaryDirectory() as d:
            d = pathlib.Path(d)
            with self.assertRaisesRegex(ValueError, "neither images.npy nor folders of images"):
                data.load(d)
            for name, colour, size in (("cat", (255, 0, 0, 255), (40, 20)), ("dog", (0, 0, 255, 0), (16, 64))):
                (d / name).mkdir()
                Image.new("RGBA", size, colour).save(d / name / "1.png")
            images = data.load(d, 16)
            self.assertEqual((images.classes, images.images.shape), (["cat", "dog"], (2, 3, 16, 16)))
            self.assertEqual(images.images[:, :, 8, 8].tolist(), [[255, 0, 0], [255, 255, 255]])  # what is transparent is white
            (d / "cow").mkdir()
            with self.assertRaisesRegex(ValueError, "cow has no image"):
                data.load(d)
            (d / "cow/1.png").write_bytes(b"no picture")
            with self.assertRaisesRegex(ValueError, "cow/1.png"):
                data.load(d)

    def test_shift(self):
        x = torch.arange(9.0).reshape(1, 1, 3, 3).repeat(2, 1, 1, 1)
        got = data.shift(x, torch.tensor([[1, 0], [0, -1]]), fill=9)
        self.assertEqual(got[0, 0].tolist(), [[9, 9, 9], [0, 1, 2], [3, 4, 5]])
        self.assertEqual(got[1, 0].tolist(), [[1, 2, 9], [4, 5, 9], [7, 8, 9]])


class Network(unittest.TestCase):
    def test_is_the_official_one(self):
        """testdata/golden has the official code's outputs; its clock and sign are the other way round, in both files."""
        network = model.SiT(32, 4, 3, 96, 4, 6, num_classes=12)
        network.load_state_dict(tensors.read(GOLDEN / "model.safetensors"))
        g = tensors.read(GOLDEN / "forward.safetensors")
        with torch.no_grad():
            self.assertLess(float((network(g["x"], g["t"], g["y"]) - g["out"]).abs().max()), 5e-5)
            guided = network.forward_with_cfg(g["cfg_x"][:1], g["cfg_t"][:1], g["cfg_y"][:1], 3.0)
            self.assertLess(float((guided - g["out_cfg"][:1]).abs().max()), 2e-4)

    def test_begins_as_zero(self):
        network = model.SiT(8, 2, 3, 16, 2, 2, num_classes=3)
        self.assertEqual(float(network(torch.randn(2, 3, 8, 8), torch.rand(2), torch.tensor([0, 3])).abs().max()), 0)

    def test_refuses_sizes_that_do_not_divide(self):
        with self.assertRaisesRegex(ValueError, "size 30 must be a multiple of patch 4"):
            model.SiT(30, 4)

    def test_gelu(self):
        lib = gelu.library()
        if lib is None:
            self.skipTest("no C compiler")
        plain = model.gelu
        try:
            self.assertTrue(gelu.install())
            x = torch.linspace(-90, 90, 4001).bfloat16().requires_grad_()
            model.gelu(x).sum().backward()
            want = x.detach().float().requires_grad_()
            plain(want).sum().backward()
            self.assertTrue(torch.allclose(model.gelu(x).float(), plain(want), rtol=2 ** -8, atol=1e-6))
            self.assertTrue(torch.allclose(x.grad.float(), want.grad, rtol=2 ** -8, atol=1e-4))
        finally:
            model.gelu = plain

    def test_orthogonalize(self):
        for shape in ((2, 24, 48), (2, 48, 24)):
            s = torch.linalg.svdvals(muon.orthogonalize(torch.randn(shape, generator=torch.Generator().manual_seed(0))))
            self.assertTrue(bool(((s > 0.6) & (s < 1.3)).all()), s)

    def test_euler_ends_at_the_image_of_a_perfect_velocity(self):
        class Perfect(torch.nn.Module):
            config = dict(input_size=4, in_channels=1)
            def __init__(self):
                super().__init__()
                self.p = torch.nn.Parameter(torch.zeros(1))
            def forward_with_cfg(self, z, t, y, scale):  # every image is y/4
                x = (y / 4)[:, None, None, None].expand_as(z)
                return x if self.x0 else (z - x) / t[:, None, None, None]
        for x0 in (False, True):
            network = Perfect()
            network.x0 = x0
            got = sample.sample(network, "x0" if x0 else "velocity", torch.tensor([0, 2, -4]), steps=7, batch=2)
            self.assertEqual(got[:, 0, 1, 1].tolist(), [128, 191, 0])


class Measures(unittest.TestCase):
    def test_frechet(self):
        r = torch.Generator().manual_seed(0)
        a = torch.randn(20000, 4, generator=r)
        self.assertLess(metrics.frechet(a, torch.randn(20000, 4, generator=r)), 0.01)
        b = 3 * torch.randn(20000, 4, generator=r) + 1  # of two normal distributions: |Δμ|² + Σ(σ1-σ2)² = 4 + 16
        self.assertAlmostEqual(metrics.frechet(a, b), 20, delta=0.5)

    def test_precision_recall(self):
        r = torch.Generator().manual_seed(0)
        a = torch.randn(400, 3, generator=r)
        same = metrics.precision_recall(a, torch.randn(400, 3, generator=r))
        self.assertTrue(min(same) > 0.8, same)
        self.assertEqual(metrics.precision_recall(a, a + 100), (0.0, 0.0))
        precision, recall = metrics.precision_recall(a, 0.02 * torch.randn(400, 3, generator=r))  # one spot: among the real, but not all
        self.assertTrue(precision == 1 and recall < 0.3, (precision, recall))

    def test_nearest(self):
        training = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
        moved = data.shift(training[3:4].float(), torch.tensor([[1, -1]]), 255).byte()
        d, i = metrics.nearest(torch.cat([moved, training[1:2] ^ 4]), training)
        self.assertEqual(i.tolist(), [3, 1])
        self.assertLess(float(d[0]), 0.2)
        self.assertTrue(math.isclose(float(d[1]), 4, rel_tol=0.05))


if __name__ == "__main__":
    unittest.main()
