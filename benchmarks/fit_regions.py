"""Fit what tells things from pieces of things among regions: `MERITS` in `rubylith.engine.embedded.proposals`.

    python benchmarks/fit_regions.py [--eval DIR] [--alone]

A region counts as a thing as far as it is the best for what a person outlined: nothing up to an IoU of .45, wholly
from .95. Logistic regression on the regions of 40 photographs of bsds500 and 28 of coco, each weighing less the more
things its photograph has. Printed: the weights, AR@100 at superpixel level without and with them, threefold by
photograph and with its set left out. --alone: without the network. DIR as for quality.py.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
from benchmarks.quality import EVERYTHING_LIMIT, _evaluator  # noqa: E402

from rubylith.engine.embedded import proposals  # noqa: E402
from rubylith.engine.embedded.network import Nano  # noqa: E402
from rubylith.engine.embedded.picture import read_picture  # noqa: E402
from rubylith.engine.runtimes import Device  # noqa: E402

FloatArray = npt.NDArray[np.float64]

SETS, FOLDS, ROUNDS, RIDGE = ("bsds500", "coco"), 3, 15, 1e-3
NOTHING, WHOLLY = 0.45, 0.95  # IoU from which, and up to which, a region counts more and more


@dataclass(frozen=True, slots=True)
class Regions:
    """Those of one photo that may be proposed. features: (r, 6); base: (r,) coarseness; ious: (g, r)."""

    name: str
    photo: int
    features: FloatArray
    base: FloatArray
    ious: FloatArray

    @property
    def wanted(self) -> FloatArray:
        """How far each is the best for something: (r,)."""
        wanted = np.zeros(len(self.base))
        best = self.ious.argmax(axis=1)
        np.maximum.at(wanted, best, np.clip((self.ious.max(axis=1) - NOTHING) / (WHOLLY - NOTHING), 0, 1))
        return wanted


def main() -> None:
    """Gather, fit, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    photos = list(gathered(options.eval, None if options.alone else Nano(Device())))
    numbers, names = np.array([one.photo for one in photos]), np.array([one.name for one in photos])
    weights = fit(photos)
    print("MERITS", ", ".join(f"{weight:.3g}" for weight in weights))
    show("without", photos, [np.zeros_like(weights)] * len(photos))
    show("fitted to all", photos, [weights] * len(photos))
    show("threefold by photo", photos, unseen(photos, [numbers % FOLDS == fold for fold in range(FOLDS)]))
    show("its set left out", photos, unseen(photos, [names == name for name in SETS]))


def gathered(folder: Path, nano: Nano | None) -> Iterator[Regions]:
    """The regions of all photos."""
    evaluator = _evaluator(folder)
    for name in SETS:
        for photo, sample in enumerate(evaluator.load(name, str(folder), EVERYTHING_LIMIT)):
            picture = read_picture(np.ascontiguousarray(sample.image), nano)
            tree, labels = picture.hierarchy, picture.leaves.labels
            rows, columns = (np.arange(n) * m // n for n, m in zip(labels.shape, sample.image.shape, strict=False))
            outlined = [mask[np.ix_(rows, columns)] for mask in sample.segments(evaluator.TARGETS[name][0] / 2, 1.0)]
            if not outlined:
                continue
            count = len(picture.leaves.areas)
            inside = [np.bincount(labels[mask], minlength=count).astype(np.float64) for mask in outlined]
            shared = np.stack([tree.sums(one) for one in inside])
            areas = np.array([mask.sum() for mask in outlined])[:, None]
            ious = shared / (areas + tree.areas - shared)
            base = proposals.coarseness(tree)
            may_be = np.flatnonzero(tree.areas[:-1] >= proposals.SMALLEST * tree.areas[-1])
            described = proposals.described(tree, picture.leaves)
            yield Regions(name, photo, described[may_be], base[may_be], ious[:, may_be])


def fit(photos: Sequence[Regions]) -> FloatArray:
    """Weights of the features: (6,)."""
    features = np.concatenate([one.features for one in photos])
    wanted = np.concatenate([one.wanted for one in photos])
    shares = np.concatenate([np.full(len(one.base), 1 / max(1.0, one.wanted.sum())) for one in photos])
    spread = features.std(axis=0)
    scaled = np.column_stack([np.ones(len(features)), (features - features.mean(axis=0)) / spread])
    shares /= shares.sum()
    weights, ridge = np.zeros(scaled.shape[1]), RIDGE * np.eye(scaled.shape[1])
    ridge[0, 0], weights[0] = 0, -3
    for _ in range(ROUNDS):  # Newton
        chances = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (shares * (chances - wanted)) + ridge @ weights
        curvature = (scaled * (shares * chances * (1 - chances))[:, None]).T @ scaled + ridge
        weights -= np.linalg.solve(curvature, slope)
    return weights[1:] / spread


def unseen(photos: Sequence[Regions], groups: Sequence[npt.NDArray[np.bool_]]) -> list[FloatArray]:
    """For each photo weights fitted to those outside of its group."""
    weights: list[FloatArray] = [np.zeros(0)] * len(photos)
    for group in groups:
        fitted = fit([one for one, inside in zip(photos, group, strict=True) if not inside])
        for index in np.flatnonzero(group):
            weights[index] = fitted
    return weights


def show(title: str, photos: Sequence[Regions], weights: Sequence[FloatArray]) -> None:
    """AR@100 of each set."""
    best: dict[str, list[FloatArray]] = {name: [] for name in SETS}
    for one, merits in zip(photos, weights, strict=True):
        order = np.argsort(-(one.base + proposals.PER_MERIT * (one.features @ merits)), kind="stable")[:100]
        best[one.name].append(one.ious[:, order].max(axis=1))
    thresholds = np.arange(0.5, 0.96, 0.05)
    recalls = {name: np.mean(np.concatenate(found)[:, None] >= thresholds - 1e-9) for name, found in best.items()}
    print(f"{title}: " + ", ".join(f"{name} {recall:.3f}" for name, recall in recalls.items()), flush=True)


if __name__ == "__main__":
    main()
