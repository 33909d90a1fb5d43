"""Whether samples show what was said: classifiers of words and of styles, and what they see in samples of the names of emoji, of emoji in
styles that are held out, and of combinations that no drawing has. Prints Markdown.

    python3 judge.py --data DIR --classifier FILE.pt [--classifier-steps 3000] --run RUN ... [--steps 1 4 20]
    python3 judge.py --data DIR --classifier FILE.pt --sample BIN/sample --model MODEL.dit8 ... [--steps 1 4 20]

A word is seen where its logit is above that of 98 of 100 training drawings that don't have it: by chance one in 50 is. The Fréchet distance is of the classifier's features of the names' samples to those of training
drawings; "nearest" is the median distance of a sample to its nearest training drawing, both at 32×32 (root mean square, of 255), "class, nearest"
how often that drawing is of what was asked for, "style, nearest" how often the nearest of what was asked for is of the style that was."""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import classifier  # noqa: E402
import data as datasets  # noqa: E402
import evaluate  # noqa: E402
import few  # noqa: E402
import gelu  # noqa: E402
import metrics  # noqa: E402
import precision  # noqa: E402
import sample  # noqa: E402
import wear  # noqa: E402
import words  # noqa: E402


def fit(network, name, loss, images, steps, batch=128, lr=2e-3, seed=0, log=print, device="cpu"):
    """Trains a classifier: AdamW under one cycle. loss(network, batch, r, augmented) is that of as many images."""
    network = network.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    r = torch.Generator().manual_seed(seed)
    for step in range(steps):
        augmented = lambda x, much: classifier.augment(x.to(device), torch.Generator(device).manual_seed(seed * 1_000_003 + step), 1.0, much)
        value = loss(network, batch, r, augmented)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            log(f"{name}: step {step + 1}, loss {float(value):.3f}")
    return network.eval().cpu()


def fit_words(images, steps, seed=0, **options):
    """A classifier whose outputs are words, each for itself, styles, one of all, and classes, one of all. Classes are what it learns first; what it
    makes of styles is for its features alone."""
    torch.manual_seed(seed)
    network, w, count = outputs(images), images.words, len(images.words.vocabulary["words"])
    torch.nn.init.constant_(network.head.bias[:count], -6.0)  # of the words few are true

    def loss(network, batch, r, augmented):
        x, index, colour, worn = words.pictures(images, batch, 0.3, 0.2, r)
        painted, wears, want = colour >= 0, worn >= 0, seen_words(images, index)
        want[painted] = (want[painted].bool() & ~w.is_colour[:count]).float().scatter_(1, colour[painted][:, None], 1.0)
        want[wears] = want[wears].maximum(w.names[worn[wears]][:, :count].float())
        y = scores(network, augmented(x, 1.0))
        return F.binary_cross_entropy_with_logits(y[:, :count], want.to(y.device), reduction="none").sum(1).mean() \
            + F.cross_entropy(y[:, count:len(w.rows)], images.styles[index].to(y.device), label_smoothing=0.1) \
            + F.cross_entropy(y[:, len(w.rows):], images.labels[index].to(y.device), label_smoothing=0.1)
    return fit(network, "words", loss, images, steps, seed=seed, **options)


def fit_styles(images, steps, seed=0, **options):
    """A classifier of styles alone: sets differ in gradients, outlines and shades, which much augmentation hides, and which a network that must
    tell classes looks past."""
    torch.manual_seed(seed)

    def loss(network, batch, r, augmented):
        index = words.pick(images, batch, r)
        y = scores(network, augmented(classifier.pixels(images.images[index]), 0.2))
        return F.cross_entropy(y, images.styles[index].to(y.device), label_smoothing=0.1)
    return fit(style_outputs(images), "styles", loss, images, steps, seed=seed, **options)


def scores(network, x):
    with precision.autocast(x.device.type):
        return network(x).float()


def style_outputs(images):
    return classifier.Classifier(images.images.shape[1], len(images.words.vocabulary["styles"]), patch(images))


def patch(images):
    """The size of the patches that classifiers see, 32×32 of them."""
    return max(1, images.images.shape[-1] // 32)


def outputs(images):
    return classifier.Classifier(images.images.shape[1], len(images.words.rows) + len(images.classes), patch(images))


def seen_words(images, index):
    """Which words images[index] show, float [N, words]: of their names, and their colours."""
    w, count = images.words, len(images.words.vocabulary["words"])
    want = F.pad(w.names[images.labels[index]][:, :count].float(), (0, 1))
    return want.scatter_(1, w.colours[index] % (count + 1), 1.0)[:, :count]


@torch.no_grad()
def judge(network, images, batch=256):
    return torch.cat([network(classifier.pixels(x)) for x in images.split(batch)])


def thresholds(network, images, index):
    """Of each word the logit that 98 of 100 drawings without it do not reach."""
    logits, count = judge(network, images.images[index]), len(images.words.vocabulary["words"])
    return logits[:, :count].masked_fill(seen_words(images, index).bool(), -100).quantile(0.98, dim=0)


class Run:
    """Draws with a run's network, in PyTorch."""

    def __init__(self, folder, vocabulary):
        self.name, self.vocabulary = folder.name, vocabulary
        self.network, self.predict = few.load(folder, "cpu")

    def draw(self, texts, steps):
        """uint8 [N, C, H, W] of texts, "TEXT | STYLE" each."""
        guided = dict(guidance=1) if self.network.two_times else dict(guidance=few.GUIDANCE, guided_above=few.GUIDED_ABOVE)
        with precision.autocast("cpu"):
            return sample.sample(self.network, self.predict, words.prompts(self.vocabulary, texts), steps, seed=1, shift=few.SHIFT, **guided)


class Model:
    """Draws with a .dit8 file, as people do."""

    def __init__(self, program, file):
        self.name, self.program, self.file = file.stem, program, file

    def draw(self, texts, steps):
        images = []
        for i, text in enumerate(texts):
            said, style = text.split(" | ")
            images.append(evaluate.picture(self.program, self.file, "-prompt", said, "-style", style, "-steps", str(steps), "-seed", str(1000 + i), "-skip-unknown"))
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a = p.add_argument
    a("--data", required=True)
    a("--classifier", required=True, type=pathlib.Path, help="file to read, or to write after training")
    a("--classifier-steps", type=int, default=3000)
    a("--classifier-batch", type=int, default=128)
    a("--steps", type=int, nargs="+", default=[20])
    a("--classes", type=int, default=512, help="names of emoji that are drawn, spread over all")
    a("--combinations", type=pathlib.Path, default=pathlib.Path(__file__).with_name("combinations.txt"), help="a text a line, of words that no drawing has together")
    a("--per-combination", type=int, default=4)
    a("--threads", type=int, default=2)
    a("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="that trains the classifier")
    a("--run", nargs="+", type=pathlib.Path, default=[], help="folders of runs")
    a("--model", nargs="+", type=pathlib.Path, default=[], help=".dit8 files, which --sample draws with")
    a("--sample", help="the program tools/sample")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    everything = datasets.load(args.data)
    images, held = everything.take(~everything.words.held), everything.take(everything.words.held)
    for i in (images, held):
        words.prepare(i)
    vocabulary = images.words.vocabulary
    count, rows = len(vocabulary["words"]), len(images.words.rows)
    network, of_styles = outputs(images), style_outputs(images)
    if args.classifier.exists():
        for n, weights in zip((network, of_styles), torch.load(args.classifier)):
            n.load_state_dict(weights)
            n.eval()
    else:
        options = dict(batch=args.classifier_batch, log=lambda s: print(s, file=sys.stderr, flush=True), device=args.device)
        wear.prepare(images)
        network = fit_words(images, args.classifier_steps, **options)
        of_styles = fit_styles(images, max(1, args.classifier_steps // 2), **options)
        torch.save([n.state_dict() for n in (network, of_styles)], args.classifier)
    torch.set_grad_enabled(False)
    some = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))[:4000]
    least = thresholds(network, images, some)
    texts = args.combinations.read_text().splitlines()
    asked = words.prompts(vocabulary, texts)[:, :count] > 0

    def right(drawn, labels, styles):
        """(share of classes that are right, and of styles)"""
        share = lambda of, want: f"{float((of.argmax(1) == want).float().mean()):.1%}"
        return f"{share(judge(network, drawn)[:, rows:], labels)} | {share(judge(of_styles, drawn), styles)}"

    features = lambda images: torch.cat([network.features(classifier.pixels(x)) for x in images.split(256)])
    real = features(images.images[some])
    training = metrics.small(images.images)

    print("| images | evaluations | class | style | class, nearest | style, nearest | Fréchet distance | nearest | class held out | style held out | combinations, all words | words of combinations |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    at_hold = right(held.images, held.labels, held.styles)
    print(f"| drawings | | {right(images.images[some], images.labels[some], images.styles[some])} | 100.0% | 100.0% | 0 | 0 | {at_hold} | | |", flush=True)
    gelu.install()
    styles_of = vocabulary["styles"]
    said = [name.replace("-", " ") for name in images.classes]
    whole = (images.words.share == 1).nonzero()[:, 0]
    labels = whole[torch.arange(args.classes) * len(whole) // args.classes]
    styles = torch.arange(args.classes) % len(styles_of)
    ask = lambda labels, styles: [f"{said[i]} | {styles_of[k]}" for i, k in zip(labels.tolist(), styles.tolist())]
    many = [f"{t} | {styles_of[k % len(styles_of)]}" for t in texts for k in range(args.per_combination)]
    of_words = asked.repeat_interleave(args.per_combination, 0)
    for source in [*(Run(r, vocabulary) for r in args.run), *(Model(args.sample, m) for m in args.model)]:
        for steps in args.steps:
            drawn = source.draw(ask(labels, styles), steps)
            distance = metrics.frechet(real, features(drawn))
            distances = torch.cat([torch.cdist(metrics.small(x).flatten(1), training.flatten(1)) for x in drawn.split(64)])
            near = distances.min(1).values.median() * 127.5 / training[0].numel() ** 0.5
            near_class = (images.labels[distances.argmin(1)] == labels).float().mean()
            alike = distances.masked_fill(images.labels != labels[:, None], torch.inf).argmin(1)
            there = ((images.labels == labels[:, None]) & (images.styles == styles[:, None])).any(1)  # not all sets have all
            near_style = (images.styles[alike] == styles)[there].float().mean()
            hold = right(source.draw(ask(held.labels, held.styles), steps), held.labels, held.styles)
            seen = judge(network, source.draw(many, steps))[:, :count] > least
            all_seen = (seen | ~of_words).all(1)
            print(f"| {source.name} | {steps} | {right(drawn, labels, styles)} | {float(near_class):.1%} | {float(near_style):.1%} | {distance:.2f} | {float(near):.1f} | {hold} | "
                  f"{float(all_seen.float().mean()):.1%} | {float(seen[of_words].float().mean()):.1%} |", flush=True)


if __name__ == "__main__":
    main()
