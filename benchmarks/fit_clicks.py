"""Fit the choice among a click's candidates beside the network: `src/rubylith/engine/embedded/choice.npz`.

    python benchmarks/fit_clicks.py [--eval DIR] [--limit 60] [--network FILE] [--contours FILE] [--keep FILE] [--write]

Three clicks on each target of the open sets, and on each shape and the ground of drawings of our own, lest flat
graphics be forgotten: one in its deepest point, as the bars have it, and two anywhere but near its outline, as people
click. Adam climbs towards the highest mean IoU of the first answer, softly chosen, each set and either kind of click
weighing the same. Printed of either kind: that mean on those fitted to, on each set when all others were fitted to,
and threefold by picture. --write leaves the choice in the package. DIR as for quality.py.
"""

import argparse
import os
import pickle
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
from benchmarks.golden.drawings import draw_many  # noqa: E402
from benchmarks.golden_quality import shapes_of  # noqa: E402
from benchmarks.quality import SETS, _evaluator  # noqa: E402

from rubylith.engine.embedded.choice import FILE, Choice  # noqa: E402
from rubylith.engine.embedded.clicks import choose  # noqa: E402
from rubylith.engine.embedded.network import CONTOURS, digest  # noqa: E402
from rubylith.engine.embedded.network import FILE as NETWORK  # noqa: E402

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Data = tuple[FloatArray, FloatArray, FloatArray, BoolArray]  # see `padded`
DRAWINGS, DRAWINGS_SEED = "drawings", 9100  # which the golden model has not learnt from
ALL = (*SETS, DRAWINGS)
FOLDS = 3
HIDDEN = 16  # units beside the linear score
STEPS, RATE, DECAY, DROPOUT = 200, 0.03, 0.3, 0.3  # of the climb
SHARPNESS = 25.0  # of the soft choice
PREDICTED_IOU = 23  # the feature
ANYWHERE = 2  # further clicks on a target
NEAR_OUTLINE = 0.3  # share of its greatest depth that they keep from its outline


@dataclass(frozen=True, slots=True)
class Clicked:
    """One click. features: (c, f); overlaps: (c, c); ious: (c,), of each candidate with what was meant.

    is_deepest: whether it is in the target's deepest point.
    """

    name: str
    photo: int
    is_deepest: bool
    features: FloatArray
    overlaps: FloatArray
    ious: FloatArray


def main() -> None:
    """Gather, fit, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--limit", type=int, default=60, help="photos per set")
    parser.add_argument("--network", type=Path, default=NETWORK, help="instead of the package's")
    parser.add_argument("--contours", type=Path, default=CONTOURS, help="instead of the package's")
    parser.add_argument("--keep", type=Path, help="keep what was gathered here, or read it if it is there")
    parser.add_argument("--write", action="store_true", help="into the package")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    asked = digest(options.network, options.contours), options.limit
    if options.keep and options.keep.exists():
        made_for, clicks = pickle.loads(options.keep.read_bytes())  # our own file
        if made_for != asked:
            parser.error(f"{options.keep} was gathered with other networks or another limit; name another file")
    else:
        clicks = gathered(options)
        if options.keep:
            options.keep.write_bytes(pickle.dumps((asked, clicks)))
    choice = report(clicks)
    if options.write:
        choice.write(FILE, asked[0])


def gathered(options: argparse.Namespace) -> list[Clicked]:
    """All clicks of all sets."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    jobs = [(name, part, options) for name in ALL for part in range(4)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        return [click for clicks in pool.map(gather, jobs) for click in clicks]


def gather(job: tuple[str, int, argparse.Namespace]) -> list[Clicked]:
    """The clicks of every fourth picture of a set."""
    name, part, options = job
    evaluator = _evaluator(options.eval)
    from rubylith.engine.embedded import network  # noqa: PLC0415  in the process that needs it
    from rubylith.engine.embedded.clicks import measure  # noqa: PLC0415
    from rubylith.engine.embedded.opinions import guess_click  # noqa: PLC0415
    from rubylith.engine.embedded.picture import read_picture  # noqa: PLC0415
    from rubylith.engine.embedded.upscale import resize_bitmap  # noqa: PLC0415
    from rubylith.engine.runtimes import Device  # noqa: PLC0415

    nano = network.Nano(Device(threads=1), options.network, options.contours)
    found: list[Clicked] = []
    for photo, (pixels, targets) in enumerate(pictures(name, options)):
        if photo % 4 != part:
            continue
        picture = read_picture(np.ascontiguousarray(pixels), nano)
        shape = picture.small.shape[1], picture.small.shape[0]
        for mask in targets:
            for index, (x, y) in enumerate([evaluator.first_click(mask), *clicks_anywhere(mask, photo)]):
                column, row = (
                    min(n - 1, int((v + 0.5) * s)) for v, s, n in zip((x, y), picture.scale, shape, strict=True)
                )
                guesses = guess_click(nano, picture.view, [(x + 0.5, y + 0.5)], [])
                candidates = measure(picture, (column, row), guesses)
                masks = (candidates.mask(picture, index) for index in range(len(candidates.features)))
                ious = np.array([evaluator.iou(resize_bitmap(one, picture.size), mask) for one in masks])
                found.append(Clicked(name, photo, index == 0, candidates.features, candidates.overlaps, ious))
    return found


def pictures(name: str, options: argparse.Namespace) -> Iterator[tuple[npt.NDArray[np.uint8], list[BoolArray]]]:
    """Pixels (H, W, 3) and targets (H, W) of a set."""
    if name == DRAWINGS:
        for drawing in draw_many(DRAWINGS_SEED, options.limit, (360, 480)):
            yield drawing.pixels, [drawing.labels == 0, *shapes_of(drawing)]
        return
    evaluator = _evaluator(options.eval)
    for sample in evaluator.load(name.split("_person", maxsplit=1)[0], str(options.eval), options.limit):
        yield sample.image, list(evaluator.targets(sample, name))


def clicks_anywhere(mask: BoolArray, seed: int) -> list[tuple[int, int]]:
    """Column and row of pixels of a target (H, W), always the same."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    rows, columns = np.nonzero(depth >= NEAR_OUTLINE * depth.max())
    some = np.random.default_rng([seed, len(rows)]).integers(len(rows), size=ANYWHERE)
    return [(int(columns[index]), int(rows[index])) for index in some]


def report(clicks: list[Clicked]) -> Choice:
    """Print how the fit does, seen and unseen; the choice fitted to all."""
    names, photos = np.array([click.name for click in clicks]), np.array([click.photo for click in clicks])
    choice = fit(clicks)
    kinds = dict.fromkeys(name.split("_")[0] for name in ALL)
    by_set = [np.isin(names, [name for name in ALL if name.startswith(kind)]) for kind in kinds]
    rows = {
        "best candidate": np.array([click.ious.max() for click in clicks]),
        "best of the answers": np.array([click.ious[answers(click, choice)].max() for click in clicks]),
        "best predicted IoU": np.array(
            [click.ious[int(click.features[:, PREDICTED_IOU].argmax())] for click in clicks]
        ),
        "chosen, fitted to all": chosen(clicks, choice),
        "chosen, its set left out": unseen(clicks, by_set),
        "chosen, threefold by picture": unseen(clicks, [photos % FOLDS == fold for fold in range(FOLDS)]),
    }
    deepest = np.array([click.is_deepest for click in clicks])
    for title, kept in {"in the deepest point": deepest, "anywhere": ~deepest}.items():
        print(f"{np.count_nonzero(kept)} clicks on {len(set(zip(names[kept], photos[kept], strict=True)))} pictures\n")
        print(f"| mIoU of one click {title} | {' | '.join(ALL)} | mean of photos |")
        print("|---" * (len(ALL) + 2) + "|")
        for row, ious in rows.items():
            show(row, names[kept], ious[kept])
        expected = np.mean([promised(click, choice) for click, is_one in zip(clicks, kept, strict=True) if is_one])
        print(f"\nexpected IoU of the first answers {expected:.3f}, which CLICK_WORTH should bring to theirs\n")
    return choice


def show(title: str, names: npt.NDArray[np.str_], ious: FloatArray) -> None:
    """One row of the table."""
    means = [float(ious[names == name].mean()) for name in ALL]
    row = " | ".join(f"{mean:.3f}" for mean in means)
    print(f"| {title} | {row} | **{np.mean(means[: len(SETS)]):.3f}** |", flush=True)


def fit(clicks: list[Clicked]) -> Choice:
    """The choice by which these clicks' first answers are best."""
    kinds = Counter((click.name, click.is_deepest) for click in clicks)
    shares = np.array([1 / kinds[click.name, click.is_deepest] for click in clicks])
    features, overlaps, ious, real = padded(clicks)
    mean, spread = features[real].mean(axis=0), features[real].std(axis=0) + 1e-6
    scaled = np.where(real[..., None], (features - mean) / spread, 0)
    linear, hidden, bias, out = climbed((scaled, overlaps, ious, real), shares / shares.sum())
    hidden /= spread[:, None]
    return Choice(linear / spread, hidden, bias - mean @ hidden, out)


def padded(clicks: list[Clicked]) -> Data:
    """Features (k, c, f), overlaps (k, c, c), IoUs (k, c), and which candidates are real (k, c)."""
    most, kinds = max(len(click.ious) for click in clicks), clicks[0].features.shape[1]
    features, overlaps = np.zeros((len(clicks), most, kinds)), np.zeros((len(clicks), most, most))
    ious, real = np.zeros((len(clicks), most)), np.zeros((len(clicks), most), np.bool_)
    for row, click in enumerate(clicks):
        count = len(click.ious)
        features[row, :count], overlaps[row, :count, :count] = click.features, click.overlaps
        ious[row, :count], real[row, :count] = click.ious, True
    return features, overlaps, ious, real


def climbed(data: Data, shares: FloatArray) -> list[FloatArray]:
    """Adam with weight decay on the mean IoU of a soft choice by expected IoU: linear, hidden, bias and out.

    Source of the climber: Loshchilov, Hutter, 'Decoupled weight decay regularization', ICLR 2019.
    """
    features, overlaps, ious, real = data
    chance, count = np.random.default_rng(0), features.shape[2]
    limit = count**-0.5
    shapes = (count,), (count, HIDDEN), (HIDDEN,)
    weights = [*(chance.uniform(-limit, limit, shape) for shape in shapes), np.zeros(HIDDEN)]
    first, second = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    for step in range(1, STEPS + 1):
        linear, hidden, bias, out = weights
        units = np.tanh(features @ hidden + bias)
        shown = (chance.random(units.shape) >= DROPOUT) / (1 - DROPOUT)
        likely = softmax(features @ linear + (units * shown) @ out, real)
        chosen = softmax(SHARPNESS * np.einsum("kij,kj->ki", overlaps, likely), real)
        by_choice = SHARPNESS * chosen * (ious - (chosen * ious).sum(axis=1, keepdims=True))
        by_likely = np.einsum("kij,ki->kj", overlaps, by_choice)
        by_merit = likely * (by_likely - (likely * by_likely).sum(axis=1, keepdims=True)) * shares[:, None]
        by_unit = by_merit[..., None] * out * shown * (1 - units**2)
        slopes = (
            np.einsum("kcf,kc->f", features, by_merit),
            np.tensordot(features, by_unit, ((0, 1), (0, 1))),
            by_unit.sum(axis=(0, 1)),
            np.einsum("kch,kc->h", units * shown, by_merit),
        )
        rate = RATE * (1 - (step - 1) / STEPS)
        for index, slope in enumerate(slopes):
            first[index] = 0.9 * first[index] + 0.1 * slope
            second[index] = 0.999 * second[index] + 0.001 * slope**2
            move = (first[index] / (1 - 0.9**step)) / (np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8)
            weights[index] = weights[index] * (1 - rate * DECAY) + rate * move
    return weights


def softmax(logits: FloatArray, real: npt.NDArray[np.bool_]) -> FloatArray:
    """Along the candidates, of those that are real: (k, c)."""
    logits = np.where(real, logits, -np.inf)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def answers(click: Clicked, choice: Choice) -> list[int]:
    """Positions of the answers, best first."""
    expected, chosen = choose(choice.merits(click.features), click.overlaps)
    return sorted(chosen, key=lambda index: -expected[index])


def promised(click: Clicked, choice: Choice) -> float:
    """Expected IoU of the first answer."""
    return float(choose(choice.merits(click.features), click.overlaps)[0].max())


def chosen(clicks: list[Clicked], choice: Choice) -> FloatArray:
    """IoU of each click's first answer."""
    return np.array([click.ious[answers(click, choice)[0]] for click in clicks])


def unseen(clicks: list[Clicked], groups: list[npt.NDArray[np.bool_]]) -> FloatArray:
    """IoU of each click's first answer when its group was left out of the fit."""
    ious = np.zeros(len(clicks))
    for group in groups:
        choice = fit([click for click, out in zip(clicks, group, strict=True) if not out])
        ious[group] = chosen([click for click, out in zip(clicks, group, strict=True) if out], choice)
    return ious


if __name__ == "__main__":
    main()
