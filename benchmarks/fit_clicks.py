"""Fit the choice among a click's candidates, for `src/rubylith/engine/embedded/choice.py`.

    python benchmarks/fit_clicks.py [--eval DIR] [--limit 60] [--network FILE] [--keep FILE]

One click on each target of the open sets. Ridge regression predicts each candidate's IoU from its features; from there
Adam climbs towards the highest mean IoU of the first answer, softly chosen, each set weighing the same. Printed: that
mean on the clicks fitted to, on each set when all others were fitted to, and threefold by photograph; then the weights.
DIR as for quality.py.
"""

import argparse
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
from benchmarks.quality import SETS, _evaluator  # noqa: E402

FloatArray = npt.NDArray[np.float64]
RIDGE, FOLDS = 1e-3, 3
TEMPERATURE = 20.0  # from predicted IoU to logits
STEPS, RATE, PULL = 150, 0.05, 0.01  # of the climb; PULL holds weights near the regression's
SHARPNESS, DIRECT = 25.0, 0.3  # of the soft choice; how much the probabilities themselves should favour the best
# Features by position: what outline, place and source say that did not help on sets left out of the fit.
LEFT_OUT = (4, 5, 10, 11, 12, 13, 16, 17, 18, 19, 20)


@dataclass(frozen=True, slots=True)
class Clicked:
    """One click. features: (c, f); overlaps: (c, c); ious: (c,), of each candidate with what was meant."""

    name: str
    photo: int
    features: FloatArray
    overlaps: FloatArray
    ious: FloatArray


def main() -> None:
    """Gather, fit, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--limit", type=int, default=60, help="photos per set")
    parser.add_argument("--network", type=Path, help="instead of the package's")
    parser.add_argument("--keep", type=Path, help="keep what was gathered here, or read it if it is there")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    if options.keep and options.keep.exists():
        clicks = pickle.loads(options.keep.read_bytes())  # our own file
    else:
        clicks = gathered(options)
        if options.keep:
            options.keep.write_bytes(pickle.dumps(clicks))
    report(clicks)


def gathered(options: argparse.Namespace) -> list[Clicked]:
    """All clicks of all sets."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    jobs = [(name, part, options) for name in SETS for part in range(4)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        return [click for clicks in pool.map(gather, jobs) for click in clicks]


def gather(job: tuple[str, int, argparse.Namespace]) -> list[Clicked]:
    """The clicks of every fourth photo of a set."""
    name, part, options = job
    evaluator = _evaluator(options.eval)
    from rubylith.engine.embedded import network  # noqa: PLC0415  in the process that needs it
    from rubylith.engine.embedded.clicks import measure  # noqa: PLC0415
    from rubylith.engine.embedded.opinions import guess_click  # noqa: PLC0415
    from rubylith.engine.embedded.picture import read_picture  # noqa: PLC0415
    from rubylith.engine.embedded.upscale import enlarge_bitmap  # noqa: PLC0415
    from rubylith.engine.runtimes import Device  # noqa: PLC0415

    nano = network.Nano(Device(threads=1), options.network or network.FILE)
    found: list[Clicked] = []
    for photo, sample in enumerate(evaluator.load(name.split("_person")[0], str(options.eval), options.limit)):
        if photo % 4 != part:
            continue
        picture = read_picture(np.ascontiguousarray(sample.image))
        shape = picture.small.shape[1], picture.small.shape[0]
        for mask in evaluator.targets(sample, name):
            x, y = evaluator.first_click(mask)
            column, row = (min(n - 1, int((v + 0.5) * s)) for v, s, n in zip((x, y), picture.scale, shape, strict=True))
            guesses = guess_click(nano, picture.view, [(x + 0.5, y + 0.5)], [])
            candidates = measure(picture, (column, row), guesses)
            masks = (candidates.mask(picture, index) for index in range(len(candidates.features)))
            ious = [evaluator.iou(enlarge_bitmap(one, picture.size), mask) for one in masks]
            found.append(Clicked(name, photo, candidates.features, candidates.overlaps, np.array(ious)))
    return found


def report(clicks: list[Clicked]) -> None:
    """Print how the fit does, seen and unseen, and the weights."""
    names, photos = np.array([click.name for click in clicks]), np.array([click.photo for click in clicks])
    weights = fit(clicks)
    print(f"{len(clicks)} clicks on {sum(len(set(photos[names == name])) for name in SETS)} photos")
    print("| mIoU of one click | " + " | ".join(SETS) + " | mean |\n" + "|---" * (len(SETS) + 2) + "|")
    show("best candidate", names, np.array([click.ious.max() for click in clicks]))
    show("best of the answers", names, np.array([click.ious[answers(click, weights)].max() for click in clicks]))
    show("best predicted IoU", names, np.array([click.ious[int(click.features[:, 23].argmax())] for click in clicks]))
    show("chosen, fitted to all", names, chosen(clicks, weights))
    groups = [
        np.isin(names, [name for name in SETS if name.startswith(kind)]) for kind in {n.split("_")[0] for n in SETS}
    ]
    show("chosen, its set left out", names, unseen(clicks, groups))
    show("chosen, threefold by photo", names, unseen(clicks, [photos % FOLDS == fold for fold in range(FOLDS)]))
    print("BESIDE_NETWORK = (" + ", ".join(f"{weight:.3g}" for weight in weights) + ")")


def show(title: str, names: npt.NDArray[np.str_], ious: FloatArray) -> None:
    """One row of the table."""
    means = [float(ious[names == name].mean()) for name in SETS if (names == name).any()]
    print(f"| {title} | " + " | ".join(f"{mean:.3f}" for mean in means) + f" | **{np.mean(means):.3f}** |", flush=True)


def fit(clicks: list[Clicked]) -> FloatArray:
    """Weights (f,) of the logits."""
    counts = {name: sum(click.name == name for click in clicks) for name in SETS}
    shares = np.array([1 / counts[click.name] for click in clicks])
    shares /= shares.sum()
    kept = [index for index in range(clicks[0].features.shape[1]) if index not in LEFT_OUT]
    features, overlaps, ious, real = padded(clicks, kept)
    spread = features[real].std(axis=0) + 1e-6
    scaled = features / spread
    weights = np.zeros(clicks[0].features.shape[1])
    start = regressed(scaled[real], ious[real], (shares[:, None] / real.sum(axis=1)[:, None] * real)[real])
    weights[kept] = climbed(start, (scaled, overlaps, ious, real), shares) / spread
    return weights


def padded(clicks: list[Clicked], kept: list[int]) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Features (k, c, f), overlaps (k, c, c), IoUs (k, c), and which candidates are real (k, c)."""
    most = max(len(click.ious) for click in clicks)
    features, overlaps = np.zeros((len(clicks), most, len(kept))), np.zeros((len(clicks), most, most))
    ious, real = np.zeros((len(clicks), most)), np.zeros((len(clicks), most), np.bool_)
    for row, click in enumerate(clicks):
        count = len(click.ious)
        features[row, :count], overlaps[row, :count, :count] = click.features[:, kept], click.overlaps
        ious[row, :count], real[row, :count] = click.ious, True
    return features, overlaps, ious, real


def regressed(rows: FloatArray, ious: FloatArray, shares: FloatArray) -> FloatArray:
    """Ridge regression of IoU, as logits: (f,)."""
    rows = rows - shares @ rows
    matrix = (rows * shares[:, None]).T @ rows + RIDGE * np.diag((rows**2 * shares[:, None]).sum(axis=0) + 1e-9)
    return TEMPERATURE * np.linalg.solve(matrix, (rows * shares[:, None]).T @ (ious - shares @ ious))


def climbed(
    start: FloatArray,
    data: tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.bool_]],
    shares: FloatArray,
) -> FloatArray:
    """Adam on the mean IoU of a soft choice by expected IoU, from `start`: (f,)."""
    features, overlaps, ious, real = data
    weights, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, STEPS + 1):
        likely = softmax(features @ weights, real)
        chosen = softmax(SHARPNESS * np.einsum("kij,kj->ki", overlaps, likely), real)
        by_choice = SHARPNESS * chosen * (ious - (chosen * ious).sum(axis=1, keepdims=True))
        by_likely = np.einsum("kij,ki->kj", overlaps, by_choice) + DIRECT * ious
        by_score = likely * (by_likely - (likely * by_likely).sum(axis=1, keepdims=True))
        slope = np.einsum("kcf,kc->f", features, by_score * shares[:, None]) - PULL * (weights - start)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        rate = RATE * (1.05 - step / STEPS)
        weights += rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return weights


def softmax(logits: FloatArray, real: npt.NDArray[np.bool_]) -> FloatArray:
    """Along the candidates, of those that are real: (k, c)."""
    logits = np.where(real, logits, -np.inf)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def answers(click: Clicked, weights: FloatArray) -> list[int]:
    """Positions of the answers, best first."""
    from rubylith.engine.embedded.clicks import choose  # noqa: PLC0415

    expected, chosen = choose(click.features @ weights, click.overlaps)
    return sorted(chosen, key=lambda index: -expected[index])


def chosen(clicks: list[Clicked], weights: FloatArray) -> FloatArray:
    """IoU of each click's first answer."""
    return np.array([click.ious[answers(click, weights)[0]] for click in clicks])


def unseen(clicks: list[Clicked], groups: list[npt.NDArray[np.bool_]]) -> FloatArray:
    """IoU of each click's first answer when its group was left out of the fit."""
    ious = np.zeros(len(clicks))
    for group in groups:
        weights = fit([click for click, out in zip(clicks, group, strict=True) if not out])
        ious[group] = chosen([click for click, out in zip(clicks, group, strict=True) if out], weights)
    return ious


if __name__ == "__main__":
    main()
