"""Tests of the training, of what it exports and of the measures: python3 -m unittest. With DIT8_QUANTIZE, the program
tools/quantize, also that Go computes what was trained."""

import contextlib
import io
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "eval")]
import autoencoder  # noqa: E402
import data  # noqa: E402
import few  # noqa: E402
import gelu  # noqa: E402
import metrics  # noqa: E402
import model  # noqa: E402
import muon  # noqa: E402
import sample  # noqa: E402
import tensors  # noqa: E402
import train  # noqa: E402
import wear  # noqa: E402
import words  # noqa: E402

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


def write_words(path):
    """The same, said in words: "red" ... and the tag "square"; the first image is held out."""
    write_images(path)
    colours = [*words.COLOURS, "brown", "black", "white", "gray"]
    vocabulary = dict(words=[*colours, "box", "square"], styles=["thin", "thick"], synonyms={"boxes": ["box"]})
    rows = [colours.index(c) for c in ("red", "green", "blue")]
    (path / "vocabulary.json").write_text(json.dumps(vocabulary))
    (path / "words.json").write_text(json.dumps(dict(names=[[r, 11] for r in rows], tags=[[12]] * 3, shares=[1, 1, 0.5], hues=[0, 120, 240] * 8,
                                                     colours=[[rows[i % 3]] for i in range(24)], held=[0])))


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
        second = self.train("second", "--init", str(self.dir / "first/model.safetensors"), "--lr", "1e-60", steps=1)["network"]  # moves nothing
        table = first.pop("y_embedder.embedding_table.weight").float()
        want = torch.stack([table[2], table[:3].mean(0), table[0], table[3]])
        self.assertTrue(torch.equal(second.pop("y_embedder.embedding_table.weight"), want))
        self.assertTrue(all(torch.equal(second[k], v.float()) for k, v in first.items()))

    def test_refuses_to_go_on_with_another_training(self):
        self.train("run", "--stop-after", "2")
        with self.assertRaisesRegex(SystemExit, "lr is 0.5, in .* 0.0015"):
            self.train("run", "--lr", "0.5")

    def fails(self, *argv, code=1):
        """What main says of a mistake, as the user sees it: a line, or argparse's usage and a line."""
        err = io.StringIO()
        with self.assertRaises(SystemExit) as e, contextlib.redirect_stderr(err):
            self.train(*argv)
        said = err.getvalue().splitlines()[-1] if code == 2 else e.exception.code
        self.assertEqual(e.exception.code if code == 2 else 1, code, said)
        self.assertRegex(said, r"\A(train: |.*: error: ).+\Z")
        return said

    def test_flags_out_of_range(self):
        cases = (
                ("batch", "0", "1 or more"), ("num-heads", "0", "1 or more"), ("patch-size", "0", "1 or more"), ("save-every", "0", "1 or more"),
                ("threads", "0", "1 or more"), ("size", "0", "1 or more"), ("depth", "0", "1 or more"), ("hidden-size", "-4", "1 or more"),
                ("steps", "0", "1 or more"), ("stop-after", "0", "1 or more"), ("shift", "-1", "0 or more"), ("warmup", "-1", "0 or more"),
                ("sheet-every", "-1", "0 or more"), ("weight-decay", "-0.1", "0 or more"), ("t-std", "-1.0", "0 or more"),
                ("lr", "0.0", "more than 0"), ("lr", "inf", "more than 0"), ("seconds", "0.0", "more than 0"), ("decay", "1.1", "0 to 1"),
                ("label-dropout", "-0.1", "0 to 1"), ("ema", "1.0", "0 to less than 1"), ("ema", "nan", "0 to less than 1"), ("paint", "2.0", "0 to 1"), ("wear", "2.0", "0 to 1"), ("jumps", "1.0", "0 to less than 1"),
                ("seed", "-1", "0 to 4294967295"), ("t-mean", "nan", "a number"), ("size", "30", "multiples of 4 .--patch-size"),
                ("num-heads", "3", "multiples of 3 .--num-heads"), ("hidden-size", "6", "multiples of 4"), ("shift", "16", "less than"))
        names = {n for _, names in train.ALLOWED.values() for n in names.split()}
        numbers = {k for k, v in vars(train.arguments(["--data", "x", "--out", "x"])).items() if type(v) in (int, float)}
        self.assertLessEqual(numbers | {"seconds", "size", "stop_after"}, names)  # those that have no default, too
        self.assertLessEqual(names, {flag.replace("-", "_") for flag, _, _ in cases})
        for flag, value, allowed in cases:
            with self.subTest(flag=flag, value=value):
                said = self.fails("run", "--size", "16", f"--{flag}", value, code=2)
                self.assertRegex(said, f"--(hidden-size|{flag}) is .*, allowed: {allowed}")
        self.assertIn("--device is cuda:99, allowed: cpu", self.fails("run", "--device", "cuda:99", code=2))
        self.assertFalse((self.dir / "run").exists())

    def test_ends_of_ranges(self):
        """What documents itself as none or never, and the ends that are allowed."""
        for flags in ("--ema 0 --warmup 0 --shift 0 --sheet-every 0 --weight-decay 0 --decay 0 --label-dropout 0", "--decay 1 --label-dropout 1",
                      "--shift 15 --seed 4294967295 --t-std 0 --save-every 1 --batch 1"):
            self.assertEqual(self.train("run" + flags, *flags.split(), steps=1)["step"], 1)

    def test_mistakes_are_one_line(self):
        from PIL import Image
        with unittest.mock.patch.object(Image, "MAX_IMAGE_PIXELS", 100):  # as of an image of 20000×20000
            made = {"empty": {}, "none": {"cat": None}, "broken": {"cat": b"no picture"}, "cut": {"cat": 60}, "large": {"cat": 0}}
            for name, classes in made.items():
                (self.dir / name).mkdir()
                for c, content in classes.items():
                    (self.dir / name / c).mkdir()
                    if content is not None:
                        file = self.dir / name / c / "1.png"
                        Image.new("RGB", (16, 16), "red").save(file)
                        file.write_bytes(content if isinstance(content, bytes) else file.read_bytes()[:content or None])
            (self.dir / "file").write_text("no folder")
            (self.dir / "cut.safetensors").write_bytes(b"\x40" + 20 * b"\0")
            tensors.write(self.dir / "other.safetensors", {"x": torch.zeros(1)})
            (self.dir / "labels.json").write_text("[]")
            for flag, value, want in (
                    ("data", "nosuch", "nosuch does not exist, allowed: a folder"), ("data", "file", "file is a file, allowed: a folder"),
                    ("data", "empty", "empty has neither images.npy nor folders of images"), ("data", "none", "none has neither images.npy"),
                    ("data", "broken", "broken/cat/1.png can't be read"), ("data", "cut", "cut/cat/1.png can't be read"),
                    ("data", "large", "large/cat/1.png can't be read: .*limit of 200 pixels"),
                    ("init", "nosuch", "nosuch can't be read: No such file"), ("init", "cut.safetensors", "cut.safetensors can't be read"),
                    ("init", "other.safetensors", "other.safetensors is no SiT"), ("out", "file", "file, allowed: a folder"),
                    ("out", "file/run", "file/run, allowed: a folder")):
                with self.subTest(flag=flag, value=value):
                    self.assertRegex(self.fails("run", f"--{flag}", str(self.dir / value)), want)
        for flags, want in ((["--hold-out", "foo"], "no style is called foo, there are: thin, thick"),
                            (["--size", "32"], "images of size 16, not 32"), (["--patch-size", "5"], "--size is 16, allowed: multiples of 5 (--patch-size)"),
                            (["--shift", "16"], "--shift is 16, allowed: less than the images' size 16")):
            self.assertIn(want, self.fails("run", *flags))
        (self.dir / "data/styles.npy").unlink()
        self.assertRegex(self.fails("run", "--hold-out", "foo"), "no style is called foo, the images have no styles$")
        self.assertFalse((self.dir / "run").exists())  # nothing is made before all is found good

    def test_mistakes_of_the_program_keep_their_traceback(self):
        with unittest.mock.patch.object(train, "draw", side_effect=ValueError("a bug")), self.assertRaisesRegex(ValueError, "a bug"):
            self.train("run")

    def test_names_a_broken_checkpoint(self):
        self.train("run", "--stop-after", "2")
        file = self.dir / "run/checkpoint.pt"
        whole = file.read_bytes()
        for content in (whole[:len(whole) // 2], b"", b"no checkpoint"):
            file.write_bytes(content)
            self.assertIn("run/checkpoint.pt can't be read: ", self.fails("run"))
        torch.save({"step": 3}, file)
        self.assertIn("run/checkpoint.pt is no checkpoint of a training", self.fails("run"))

    def test_ctrl_c(self):
        """The step is made to its end, and the same command goes on to the same bits."""
        draw, before = train.draw, signal.getsignal(signal.SIGINT)

        def interrupted(args, images, step, device):
            if step == 3:
                signal.raise_signal(signal.SIGINT)
            return draw(args, images, step, device)
        out = io.StringIO()
        with unittest.mock.patch.object(train, "draw", interrupted), contextlib.redirect_stdout(out), self.assertRaises(SystemExit) as e:
            self.train("run")
        self.assertEqual(e.exception.code, 130)
        self.assertEqual(out.getvalue().splitlines()[-1], "stopped at step 4; the same command goes on")
        self.assertIs(signal.getsignal(signal.SIGINT), before)
        self.assertEqual(torch.load(self.dir / "run/checkpoint.pt")["step"], 4)
        run, whole = self.train("run")["network"], self.train("whole")["network"]
        self.assertTrue(all(torch.equal(v, run[k]) for k, v in whole.items()))

    def test_ctrl_c_while_torch_loads(self):
        (self.dir / "torch.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\nraise SystemExit(9)\n")
        done = subprocess.run([sys.executable, HERE / "train.py", "--data", "x", "--out", self.dir / "run"], capture_output=True, text=True,
                              env=os.environ | {"PYTHONPATH": str(self.dir)})
        self.assertEqual((done.returncode, done.stderr), (130, ""))

    def test_log_after_a_kill(self):
        """Rows of steps that come again are dropped, and what a kill left of a row."""
        self.train("run", "--stop-after", "4", steps=8)
        log = self.dir / "run/log.csv"
        before = log.read_bytes()
        log.write_bytes(before + b"5,40,1.0,0.1,1.0,1\r\n50,400,1.0,0.1,1.0,1\r\n1")
        self.train("run", steps=8)
        self.assertTrue(log.read_bytes().startswith(before))
        self.assertEqual([row.split(",")[0] for row in log.read_text().split()], ["step", "4", "8"])

    def test_length_may_not_change_in_the_fall(self):
        """With 10 steps and a decay of 0.4, step 8 is the first at a lower rate."""
        for at, more, want in (("7", ["--steps", "12"], None), ("8", [], None), ("8", ["--steps", "12"], "--steps is 12 and --decay 0.4, .*--steps 10"),
                               ("8", ["--decay", "0.3"], "--decay 0.3, but in .* falls already, allowed: --steps 10 --decay 0.4")):
            with self.subTest(at=at, more=more):
                self.train(at + "".join(more), "--stop-after", at, steps=10)
                if want:
                    self.assertRegex(self.fails(at + "".join(more), "--steps", "10", *more), want)
                else:
                    self.train(at + "".join(more), "--steps", "10", *more)

    def test_goes_on_in_a_fall_that_seconds_chose(self):
        average = train.average
        for stop in ("53", "99"):  # by a clock at which 50 steps take a second, and the start another one
            steps, began = [0], iter([0])
            clock = unittest.mock.Mock(monotonic=lambda: next(began, 1 + steps[-1] / 50))
            count = lambda *args: (steps.append(args[-1] + 1), average(*args))
            with unittest.mock.patch.object(train, "time", clock), unittest.mock.patch.object(train, "average", count):
                run = self.train("run", "--batch", "1", "--seconds", "2.1", "--stop-after", stop)
            self.assertEqual((run["step"], run["steps"], run["decay"]), (min(int(stop), 55), 55, 0.090909))
        whole = self.train("whole", "--batch", "1", "--decay", "0.090909", steps=55)
        self.assertTrue(all(torch.equal(v, run["network"][k]) for k, v in whole["network"].items()))

    def test_images_may_not_change(self):
        self.train("run", "--stop-after", "2")
        images, labels = np.load(self.dir / "data/images.npy"), np.load(self.dir / "data/labels.npy")
        np.save(self.dir / "data/labels.npy", np.where(np.arange(24) == 3, 1, labels))
        self.assertRegex(self.fails("run"), "red has 7 images, in .*checkpoint.pt 8")
        np.save(self.dir / "data/labels.npy", labels)
        images[0, 0, 0, 0] ^= 1
        np.save(self.dir / "data/images.npy", images)
        self.assertRegex(self.fails("run"), "the images are not those of .*checkpoint.pt")
        file = self.dir / "run/checkpoint.pt"  # one from before that was remembered goes on
        old = torch.load(file)
        torch.save({k: v for k, v in old.items() if k not in ("images", "steps", "decay")}, file)
        self.assertEqual(self.train("run")["step"], 12)

    def words(self, out, *more, steps=12):
        if not (self.dir / "words").exists():
            write_words(self.dir / "words")
        return self.train(out, "--data", str(self.dir / "words"), "--predict", "x0", "--t-mean", "1.3", "--paint", "0.5", *more, steps=steps)

    def test_words(self):
        """Resumes to the same bits, and writes the vocabulary beside the weights."""
        whole = self.words("whole")
        self.words("parts", "--stop-after", "5")
        parts = self.words("parts")
        self.assertTrue(all(torch.equal(v, parts["ema"][k]) for k, v in whole["ema"].items()))
        run = self.dir / "whole"
        self.assertEqual(tensors.read(run / "x0.safetensors")["y_embedder.embedding_table.weight"].shape, (13 + 2 + 1, 32))
        self.assertEqual(json.loads((run / "labels.json").read_text())[-3:], ["square", "thin", "thick"])
        self.assertEqual(json.loads((run / "vocabulary.json").read_text())["synonyms"], {"boxes": ["box"]})
        vocabulary = self.dir / "words/vocabulary.json"
        vocabulary.write_text(vocabulary.read_text().replace("box", "cube"))
        self.assertRegex(self.fails("whole", "--data", str(self.dir / "words"), "--predict", "x0", "--t-mean", "1.3", "--paint", "0.5"), "the images are not those")
        (self.dir / "words/words.json").write_text("{")
        self.assertRegex(self.fails("other", "--data", str(self.dir / "words")), "words.json can't be read")

    def test_few_steps(self):
        """Trajectories go on where they were stopped, and a network learns jumps on them."""
        self.words("many", "--shift", "0", steps=5)
        make = [sys.executable, HERE / "few.py", "--model", self.dir / "many", "--data", self.dir / "words", "--batch", "4", "--device", "cpu"]
        for out, counts in (("a", (8,)), ("b", (4, 8))):
            for count in counts:
                if count == 4:  # as if stopped in the middle
                    (self.dir / "b").mkdir()
                    for f in ("z.npy", "y.npy"):
                        whole = np.load(self.dir / "a" / f)
                        np.save(self.dir / "b" / f, np.where(np.arange(8).reshape(-1, *[1] * (whole.ndim - 1)) < 4, whole, 0).astype(np.float16))
                    (self.dir / "b/done.json").write_text("4")
                else:
                    subprocess.run([*make, "--out", self.dir / out, "--count", str(count)], check=True, stdout=subprocess.DEVNULL)
        a, b = (few.Stored(self.dir / f) for f in "ab")
        self.assertTrue(np.array_equal(a.z, b.z) and torch.equal(a.y, b.y))
        self.assertTrue(np.isfinite(a.z).all() and a.z.shape == (8, 13, 3, 16, 16))
        options = ["--init", str(self.dir / "many/x0.safetensors"), "--trajectories", str(self.dir / "a"), "--lr", "1e-2"]
        self.words("few", *options, "--sheet-every", "60", steps=60)
        self.words("parts", *options, "--stop-after", "30", steps=60)
        self.words("parts", *options, steps=60)
        weights, parts = (tensors.read(self.dir / f / "x0.safetensors") for f in ("few", "parts"))
        self.assertTrue(all(torch.equal(v, parts[k]) for k, v in weights.items()) and "h_embedder.mlp.2.weight" in weights)
        self.assertTrue((self.dir / "few/samples-4.png").exists())
        subprocess.run([sys.executable, HERE / "say.py", "--run", self.dir / "few", "-o", self.dir / "said.png", "--steps", "4", "a red box | thin"], check=True)
        (self.dir / "combinations.txt").write_text("purple box\nblack square\n")
        judged = subprocess.run([sys.executable, HERE / "eval/judge.py", "--data", self.dir / "words", "--classifier", self.dir / "c.pt", "--classifier-steps", "4",
                                 "--steps", "1", "4", "--classes", "2", "--combinations", self.dir / "combinations.txt", "--run", self.dir / "few"],
                                check=True, capture_output=True, text=True).stdout
        self.assertRegex(judged, r"\| few \| 4( \| [0-9.]+%){4}( \| [0-9.]+){2}( \| [0-9.]+%){4} \|")
        losses = [float(l.split(",")[2]) for l in (self.dir / "parts/log.csv").read_text().split()[1:]]
        self.assertLess(losses[-1], losses[0])

    def test_jumps(self):
        """A network learns jumps from drawings, beside flow matching or trajectories, and resumes to the same bits."""
        whole = self.words("whole", "--jumps", "0.5", "--sheet-every", "12")
        self.words("parts", "--jumps", "0.5", "--stop-after", "5")
        self.assertTrue(all(torch.equal(v, self.words("parts", "--jumps", "0.5")["ema"][k]) for k, v in whole["ema"].items()))
        self.assertIn("h_embedder.mlp.2.weight", whole["network"])
        self.assertTrue((self.dir / "whole/samples-1.png").exists())
        self.words("learns", "--jumps", "0.75", "--lr", "1e-2", steps=300)
        losses = [float(l.split(",")[2]) for l in (self.dir / "learns/log.csv").read_text().split()[1:]]
        self.assertLess(losses[-1], 0.7 * losses[0])
        words = ["--data", str(self.dir / "words")]
        self.assertRegex(self.fails("a", "--jumps", "0.5"), "--jumps is 0.5, allowed: 0, as .* has no words")
        self.assertRegex(self.fails("a", *words, "--jumps", "0.5"), "--predict is velocity, allowed: x0, with --jumps")
        self.assertRegex(self.fails("a", *words, "--wear", "0.5"), "--wear is 0.5, allowed: 0, as .* has none of the faces")

    def test_ablation(self):
        """Short runs of a tiny network; each has its row."""
        write_words(self.dir / "words")
        table = subprocess.run([sys.executable, HERE / "ablate_words.py", "--data", self.dir / "words", "--out", self.dir / "runs", "--concepts", "2", "--seconds", "1",
                                "--trajectories", "8", "--threads", "1", "base", "classes", "trajectories and jumps", "--", "--patch-size", "4", "--device", "cpu"],
                               check=True, capture_output=True, text=True).stdout.splitlines()
        for line, name in zip(table[2:], ("base", "classes", "trajectories and jumps"), strict=True):
            self.assertRegex(line, rf"^\| {name} \|.*\| \d+%, \d+ \| \d+%, \d+ \|")

    def test_two_processes_as_one(self):
        """torchrun's variables; the losses and weights are those of one process, but for the order of sums."""
        one, port = self.words("one", "--float32", "--jumps", "0.5"), str(20000 + os.getpid() % 20000)
        started = [subprocess.Popen([sys.executable, HERE / "train.py", "--data", self.dir / "words", "--out", self.dir / "two", "--preset", "tiny", "--batch", "8",
                                     "--threads", "1", "--steps", "12", "--warmup", "2", "--device", "cpu", "--sheet-every", "0", "--predict", "x0", "--t-mean",
                                     "1.3", "--paint", "0.5", "--float32", "--jumps", "0.5"], stdout=subprocess.DEVNULL,
                                    env=os.environ | dict(RANK=rank, WORLD_SIZE="2", LOCAL_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT=port))
                   for rank in "01"]
        self.assertEqual([p.wait() for p in started], [0, 0])
        two = torch.load(self.dir / "two/checkpoint.pt")
        for name, value in one["network"].items():
            self.assertTrue(torch.allclose(value, two["network"][name], atol=1e-5), name)
        losses = [float((self.dir / run / "log.csv").read_text().split()[-1].split(",")[2]) for run in ("one", "two")]
        self.assertAlmostEqual(*losses, delta=1e-5)
        with unittest.mock.patch.dict(os.environ, dict(RANK="0", WORLD_SIZE="3")):
            self.assertRegex(self.fails("three", code=1), "--batch is 8, allowed: multiples of 3")

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


class Latents(unittest.TestCase):
    """An autoencoder is trained, and a network on its latents."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.tmp.name)
        write_images(cls.dir / "data")
        cls.flags = ["--data", str(cls.dir / "data"), "--batch", "16", "--width", "12", "--threads", "1", "--lr", "1e-2"]
        autoencoder.main([*cls.flags, "--out", str(cls.dir / "vae"), "--steps", "800"])

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def test_images_come_back(self):
        network = autoencoder.load(self.dir / "vae/vae")
        loaded = data.load(self.dir / "data")
        images = loaded.images
        self.assertGreater(autoencoder.psnr(network, images), 25)
        back = autoencoder.in_batches(lambda x: network.decode(network.encode(x)), autoencoder.scaled(images))
        means = torch.stack([autoencoder.scaled(images[loaded.labels == c]).mean(0) for c in range(3)])
        nearest = (back[:, None] - means).square().sum((2, 3, 4)).argmin(1)
        self.assertTrue(torch.equal(nearest, loaded.labels), nearest)
        z = autoencoder.in_batches(lambda x: network.encode(autoencoder.scaled(x)), images)
        self.assertEqual(z.shape, (24, 4, 4, 4))
        latents = data.load(self.dir / "vae/latents")
        self.assertLess((latents.images.float() - z).abs().max(), 1e-2)
        self.assertEqual(latents.classes, ["red", "green", "blue"])

    def test_the_same_command_gives_the_same_bits(self):
        states = []
        for run in ("a", "b"):
            autoencoder.main([*self.flags, "--out", str(self.dir / run), "--steps", "3"])
            states.append((self.dir / run / "vae/diffusion_pytorch_model.safetensors").read_bytes())
        self.assertEqual(*states)

    def test_has_the_official_form(self):
        golden = HERE.parents[1] / "testdata/golden-vae/taesd"
        halves = {half: torch.load(golden / f"taesd_{half}.pth") for half in ("encoder", "decoder")}
        width = len(halves["encoder"]["0.bias"])
        network = autoencoder.Autoencoder(3, width=width, encoder_blocks=(1, 3, 3, 3), decoder_blocks=(3, 3, 3, 1))
        network.encoder.layers.load_state_dict(halves["encoder"])
        network.decoder.layers.load_state_dict({f"{int(k.split('.')[0]) - 1}.{k.split('.', 1)[1]}": v for k, v in halves["decoder"].items()})
        with torch.no_grad():
            decoded, encoded = (tensors.read(golden / f"{name}.safetensors") for name in ("decode_4x4", "encode_24x40"))
            self.assertLess((network.decode(decoded["latents"]) - decoded["image"]).abs().max(), 1e-5)
            self.assertLess((network.encode(encoded["image"]) - encoded["latents"]).abs().max(), 1e-5)

    def test_a_network_learns_them(self):
        flags = ["--data", str(self.dir / "vae/latents"), "--preset", "tiny", "--patch-size", "1", "--batch", "8", "--steps", "4", "--threads", "1", "--out", str(self.dir / "net")]
        train.main(flags)
        config = json.loads((self.dir / "net/config.json").read_text())
        self.assertEqual((config["input_size"], config["in_channels"]), (4, 4))
        self.assertTrue((self.dir / "net/samples.png").exists())
        pixels, latents = model.SiT(16, 4, 3, 32, 2, 2, num_classes=3), model.SiT(4, 1, 4, 32, 2, 2, num_classes=3)
        for p in pixels.parameters():
            torch.nn.init.normal_(p)
        tensors.write(self.dir / "pixels.safetensors", pixels.state_dict())
        (self.dir / "labels.json").write_text('["red", "green", "blue"]')
        own = latents.final_layer.linear.weight.clone()
        train.initialize(latents, self.dir / "pixels.safetensors", ["red", "green", "blue"])
        self.assertTrue(torch.equal(latents.blocks[1].mlp.fc1.weight, pixels.blocks[1].mlp.fc1.weight))
        self.assertTrue(torch.equal(latents.final_layer.linear.weight, own))
        for wrong, said in ((["--flip"], "has latents"), (["--shift", "1"], "has latents")):
            with self.assertRaises(SystemExit) as e:
                train.main([*flags, *wrong, "--out", str(self.dir / "no")])
            self.assertIn(said, str(e.exception))

    def test_mistakes_are_one_line(self):
        broken = self.dir / "broken"
        broken.mkdir()
        np.save(broken / "latents.npy", np.zeros((2, 4, 4, 4), np.float32))
        np.save(broken / "labels.npy", np.zeros(2, np.int64))
        (broken / "classes.json").write_text('["a"]')
        for flags, said in ((["--data", str(self.dir / "data"), "--levels", "6"], "multiples of 32"), (["--data", str(self.dir / "none")], "does not exist"),
                            (["--data", str(broken)], "wanted is float16")):
            with self.assertRaises(SystemExit) as e:
                autoencoder.main([*flags, "--out", str(self.dir / "no"), "--steps", "1"])
            self.assertIn(said, str(e.exception))

    @unittest.skipUnless(os.environ.get("DIT8_QUANTIZE"), "needs tools/quantize")
    def test_go_computes_what_was_trained(self):
        network = autoencoder.load(self.dir / "vae/vae")
        z = torch.randn(2, 4, 4, 5)
        with torch.no_grad():
            tensors.write(self.dir / "decode.safetensors", dict(z=z, out=network.decode(z)))
        file = str(self.dir / "vae.dit8")
        for args in (["-f", "-type", "f32", "-o", file, str(self.dir / "vae/vae")], ["verify", "-max-rel", "1e-4", "-reference", str(self.dir / "decode.safetensors"), file]):
            done = subprocess.run([os.environ["DIT8_QUANTIZE"], *args], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Words(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        write_words(pathlib.Path(folder.name) / "data")
        self.images = data.load(pathlib.Path(folder.name) / "data")
        words.prepare(self.images)

    def test_conditions(self):
        y = words.condition(torch.tensor([[1.0, 1, 0], [0, 0, 0], [0, 0, 1]]), torch.tensor([3, 4, -1]), 6)
        self.assertEqual(y.tolist(), [[.5, .5, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, 1, 0, 0, 0]])
        network = model.SiT(8, 2, 3, 16, 1, 2, num_classes=5)
        table = network.y_embedder.embedding_table.weight
        self.assertTrue(torch.allclose(network.y_embedder(y)[0], (table[0] + table[1]) / 2 + table[3]))
        self.assertTrue(torch.allclose(network.y_embedder(network.y_embedder.null_like(y)), network.y_embedder(torch.tensor([5, 5, 5]))))

    def test_texts(self):
        vocabulary = self.images.words.vocabulary
        y = words.prompts(vocabulary, ["a red box, the Red | thick", "boxes", "| thin", "squares"])
        self.assertEqual([{i: float(v) for i, v in enumerate(row) if v} for row in y], [{0: .5, 11: .5, 14: 1}, {11: 1}, {13: 1, 15: 1}, {12: 1}])
        for text, want in (("red cow", "cow, in red cow, is not in"), ("red | odd", "no style is called odd, there are: thin, thick")):
            with self.assertRaisesRegex(ValueError, want):
                words.prompts(vocabulary, [text])

    def test_what_is_drawn(self):
        r = torch.Generator().manual_seed(0)
        index = words.pick(self.images, 6000, r)
        self.assertAlmostEqual(float((self.images.labels[index] == 2).float().mean()), 0.2, delta=0.03)  # its share is half of the others'
        none = torch.full((6000,), -1)
        y = words.draw(self.images, index, none, none, r)
        null, style = y[:, -1] > 0, y[:, 13:15].sum(1) > 0
        self.assertAlmostEqual(float((null & ~style).float().mean()), 0.08 + 0.12 * 0.02, delta=0.02)
        self.assertAlmostEqual(float((~style).float().mean()), 0.20, delta=0.02)
        self.assertTrue(bool((y[:, :13].sum(1) + y[:, -1]).allclose(torch.ones(6000))))
        own = torch.nn.functional.one_hot(torch.tensor([0, 3, 4])[self.images.labels[index]], 13).bool()
        self.assertTrue(bool((y[:, :11][~own[:, :11]] == 0).all()))  # no colour but its own
        painted = words.draw(self.images, index, torch.full((6000,), 6), none, r)
        self.assertEqual(float(painted[:, :6].sum()), 0)
        self.assertGreater(float((painted[:, 6] > 0).float().mean()), 0.85)
        whole = words.draw(self.images, index, none, none, r, whole=1.0)
        self.assertTrue(bool((whole[:, 11] > 0).all() and (whole[:, 13:15].sum(1) == 1).all() and (whole[:, -1] == 0).all()))

    def test_wear(self):
        """Eyes and mouth of a yellow disc on a green one, in the same style, and the words of both."""
        i = self.images
        y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
        disc, eyes = x ** 2 + y ** 2 < 30 ** 2, (x.abs() - 10).abs().maximum((y + 8).abs()) < 5
        white = torch.full((3, 64, 64), 255)
        face = torch.where(eyes, torch.tensor([20, 20, 20])[:, None, None], torch.where(disc, torch.tensor([250, 200, 50])[:, None, None], white))
        frog = torch.where(disc, torch.tensor([60, 200, 60])[:, None, None], white)
        i.classes, i.labels, i.styles = ["nerd-face", "frog", "kite"], torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 1, 0])
        i.images = torch.stack([face, frog, frog, white]).byte()
        wear.prepare(i)
        self.assertEqual((len(i.words.worn), i.words.wearers.tolist()), (1, [1]))  # there is no face in the frog's other style
        r = torch.Generator().manual_seed(0)
        index, got, worn = wear.put(i, torch.tensor([3] * 200), torch.ones(200, 3, 64, 64), 0.5, r)
        self.assertEqual({(int(a), int(b)) for a, b in zip(index, worn)}, {(3, -1), (1, 0)})
        self.assertAlmostEqual(float((worn == 0).float().mean()), 0.5, delta=0.1)
        dressed = (got[worn == 0][0] + 1) * 127.5
        self.assertTrue(bool((dressed[:, 26, 23] < 60).all()), dressed[:, 26, 23])  # an eye, by 0.8 nearer to the middle, which is moved down
        self.assertTrue(torch.allclose(dressed[:, 45, 31], torch.tensor([60.0, 200, 60]), atol=1))  # nothing of the face's skin
        self.assertTrue(bool((got[worn < 0] == 1).all()))
        said = words.draw(i, index[worn == 0], torch.full((int((worn == 0).sum()),), -1), torch.zeros(int((worn == 0).sum()), dtype=torch.long), r, whole=1.0)
        self.assertTrue(bool(((said[:, 0] > 0) & (said[:, 3] > 0)).any() and (said[:, 13] == 1).all()))  # words of both: "red" of the first, "green" of the second

    def test_paint(self):
        red, grey = torch.tensor([1.0, -1, -1]), torch.tensor([-1.0, -1, -1])
        x = torch.stack([red, grey])[:, :, None, None].repeat(1, 1, 2, 2)
        x[:, :, 0, 0] = 1
        got = words.paint(x, torch.tensor([0, -1]), torch.tensor([3, 4]))
        self.assertTrue(bool((got[:, :, 0, 0] == 1).all()))  # white stays
        self.assertTrue(torch.allclose(got[0, :, 1, 1], torch.tensor([-1 + 2 * 5 / 60, 1, -1]), atol=1e-5), got[0, :, 1, 1])
        self.assertTrue(torch.allclose(got[1, :, 1, 1], 2 * torch.tensor([0.15, 0.45, 0.90]) - 1, atol=1e-5))


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
            (d / ".cache").mkdir()  # hidden ones are nobody's class
            (d / "cat/._1.png").write_bytes(b"no picture")
            images = data.load(d, 16)
            self.assertEqual((images.classes, images.images.shape), (["cat", "dog"], (2, 3, 16, 16)))
            self.assertEqual(images.images[:, :, 8, 8].tolist(), [[255, 0, 0], [255, 255, 255]])  # what is transparent is white
            Image.fromarray(np.uint8([[[255] * 3] + [[0] * 3] * 2 + [[255] * 3]] * 2)).save(d / "cat/1.png")  # white, black, black, white
            rows = {fit: data.load(d, 4, fit).images[0, 0].tolist() for fit in data.FITS}
            white, black, row = [255] * 4, [0] * 4, [255, 0, 0, 255]
            self.assertEqual((rows["cover"], rows["contain"], rows["stretch"]), ([black] * 4, [white, row, row, white], [row] * 4))
            (d / "cow").mkdir()
            with self.assertRaisesRegex(ValueError, "cow has no image"):
                data.load(d)
            (d / "cow/1.png").write_bytes(b"no picture")
            with self.assertRaisesRegex(ValueError, "cow/1.png"):
                data.load(d)
            (d / "cow/1.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
            with self.assertRaisesRegex(ValueError, "git lfs pull"):
                data.load(d)
            (d / "cow/1.png").unlink()
            (d / "cow").rename(d / "a\nb")
            with self.assertRaisesRegex(ValueError, "the name of class 0 has a control character"):
                data.load(d)

    def test_pictures_of_all_kinds(self):
        """Of one folder per kind: as they are meant, not as they are stored."""
        import shutil
        from PIL import Image
        trials = pathlib.Path(__file__).parents[2] / "testdata/trials"
        with tempfile.TemporaryDirectory() as d:
            d = pathlib.Path(d)
            for name, file in (("cafe\u0301", "grey16.png"), ("turned", "exif-rotated.jpg")):
                (d / name).mkdir()
                shutil.copy(trials / file, d / name)
            levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
            for name, image in (("cmyk.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0))), ("grey.png", Image.fromarray(levels)),
                                ("wide.png", Image.fromarray(levels.astype(np.uint16) * 257)), ("palette.png", Image.fromarray(levels).convert("P"))):
                (d / name).mkdir()
                image.save(d / name / name)
            images = data.load(d, 16)
            got = dict(zip(images.classes, images.images))
            self.assertIn("caf\u00e9", got)  # one sign, as keyboards give it
            self.assertGreater(int(got["caf\u00e9"].float().std()), 0)  # 16 bits have kept their levels
            for name in ("grey.png", "wide.png", "palette.png"):
                self.assertEqual(got[name][0].tolist(), levels.tolist(), name)
            self.assertGreater(int(got["cmyk.jpg"][0].min()), 200)  # red
            self.assertLess(int(got["cmyk.jpg"][1].max()), 60)
            stored = Image.open(trials / "exif-rotated.jpg")
            upright = data.upright(trials / "exif-rotated.jpg")
            self.assertEqual(upright.size, stored.size[::-1])
            self.assertNotEqual(upright.convert("RGB").getpixel((0, 0)), stored.convert("RGB").getpixel((0, 0)))

    def test_packed(self):
        with tempfile.TemporaryDirectory() as d:
            d = pathlib.Path(d)
            write_words(d / "data")
            whole = data.load(d / "data")
            subprocess.run([sys.executable, HERE / "pack.py", "--quality", "100", "--tones", "0", d / "data", d / "copy"], check=True, stdout=subprocess.DEVNULL)
            copy, keep = data.load(d / "copy"), whole.labels != 2  # whose share is below 1
            self.assertTrue(torch.equal(copy.images, whole.images[keep]) and torch.equal(copy.styles, whole.styles[keep]))
            self.assertTrue(torch.equal(copy.words.hues, whole.words.hues[keep]) and torch.equal(copy.words.held, whole.words.held[keep]))

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
            x = x.detach().float().requires_grad_()
            model.gelu(x).sum().backward()
            self.assertTrue(torch.allclose(model.gelu(x), plain(want), rtol=1e-5, atol=1e-6))
            self.assertTrue(torch.allclose(x.grad, want.grad, rtol=1e-5, atol=1e-5))
        finally:
            model.gelu = plain

    def test_orthogonalize(self):
        for shape in ((2, 24, 48), (2, 48, 24)):
            s = torch.linalg.svdvals(muon.orthogonalize(torch.randn(shape, generator=torch.Generator().manual_seed(0))))
            self.assertTrue(bool(((s > 0.6) & (s < 1.3)).all()), s)

    def test_two_times_begin_as_one(self):
        one, two = model.SiT(8, 2, 3, 16, 2, 2), model.SiT(8, 2, 3, 16, 2, 2, two_times=True)
        for p in one.parameters():
            p.data.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
        self.assertEqual(two.load_state_dict(one.state_dict(), strict=False).missing_keys, [f"h_embedder.mlp.{i}.{n}" for i in (0, 2) for n in ("weight", "bias")])
        x, t, y = torch.randn(2, 3, 8, 8), torch.rand(2), torch.tensor([0, 3])
        self.assertTrue(torch.equal(one(x, t, y), two(x, t, y, t)))

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
