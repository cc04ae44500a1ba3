"""From one click to the masks that are most likely meant.

Candidates are the regions around the click and, where the network is here, its masks. Each gets a probability from a
score over its features. The first answer is the candidate with the highest expected IoU with whatever is meant,
the next ones raise the expectation of the best of all answers the most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.candidates import SOURCE_FEATURES, regions_around
from rubylith.engine.embedded.choice import ALONE, beside_network
from rubylith.engine.embedded.opinions import Guess
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.products import pairwise_products, weighted_sums

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Click = tuple[int, int, bool]  # column and row at working size; positive

ANSWERS, SPARE = 3, 3  # those that are given, and those at hand should some be the same once drawn
SAME = 0.995  # IoU of two candidates of which one is enough
CONTRADICTION = 6.0  # logits that a candidate loses for each further click that it contradicts
DEPTH_SIDE = 256  # pixels at which depths are measured


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a click may mean: regions, then the network's guesses.

    members: (c, n) float64, the share of each superpixel that is in each. guesses: the network's, of the last c.
    features: (c, 22), with the network's (c, 30). overlaps: (c, c), IoU of each with each.
    """

    members: FloatArray
    guesses: Sequence[Guess]
    features: FloatArray
    overlaps: FloatArray

    def mask(self, picture: Picture, index: int) -> BoolArray:
        """(h, w) bool at working size."""
        regions = len(self.members) - len(self.guesses)
        if index >= regions:
            return self.guesses[index - regions].mask(picture.leaves.labels.shape)
        return self.members[index][picture.leaves.labels] > 0.5

    def contradicted(self, picture: Picture, clicks: Sequence[Click]) -> FloatArray:
        """By how many of the clicks each is contradicted: (c,)."""
        labels = picture.leaves.labels
        regions = len(self.members) - len(self.guesses)
        count = np.zeros(len(self.members))
        for x, y, positive in clicks:
            by_guess = [guess.holds(x, y, labels.shape) for guess in self.guesses]
            count += np.concatenate([self.members[:regions, labels[y, x]] > 0.5, by_guess]) != positive
        return count


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """mask: (h, w) bool at working size. expected_iou: with what is meant, by the model's own reckoning."""

    mask: BoolArray
    expected_iou: float


def answers(picture: Picture, clicks: Sequence[Click], guesses: Sequence[Guess] = ()) -> Iterator[Answer]:
    """As many as are given and some to spare, in the order in which they cover what may be meant.

    Candidates are those of the first positive click, of which there is one.
    """
    x, y, _ = first = next(click for click in clicks if click[2])
    candidates = measure(picture, (x, y), guesses)
    scores = (beside_network() if guesses else ALONE).merits(candidates.features)
    scores = scores - CONTRADICTION * candidates.contradicted(picture, [one for one in clicks if one != first])
    expected, chosen = choose(scores, candidates.overlaps, ANSWERS + SPARE)
    yield from (Answer(candidates.mask(picture, index), float(expected[index])) for index in chosen)


def choose(scores: FloatArray, overlaps: FloatArray, count: int = ANSWERS) -> tuple[FloatArray, list[int]]:
    """Expected IoU of each candidate (c,), and up to so many that differ: each covers most of what is left."""
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    expected = weighted_sums(overlaps, weights)
    covered = np.zeros(len(scores))
    open_to_choice = np.ones(len(scores), np.bool_)
    chosen: list[int] = []
    while len(chosen) < count and open_to_choice.any():
        gains = weighted_sums(np.maximum(overlaps, covered), weights)
        best = int(np.where(open_to_choice, gains, -1.0).argmax())
        chosen.append(best)
        open_to_choice &= overlaps[best] < SAME
        open_to_choice[best] = False
        covered = np.maximum(covered, overlaps[best])
    return expected, chosen


def measure(picture: Picture, click: tuple[int, int], guesses: Sequence[Guess]) -> Candidates:
    """All that a click may mean, and what there is to know about it."""
    leaves = picture.leaves
    leaf = int(leaves.labels[click[1], click[0]])
    regions, of_source = regions_around(picture, leaf, thorough=not guesses)
    step = -(-max(leaves.labels.shape) // DEPTH_SIDE)
    labels = leaves.labels[::step, ::step].astype(np.intp)  # NumPy takes twice as long with other integers
    coarse = [region[labels] for region in regions]
    members, areas = regions.astype(np.float64), weighted_sums(regions, leaves.areas)
    if guesses:
        drawn = [guess.mask(labels.shape) for guess in guesses]
        shares = _shares(labels, drawn, len(leaves.areas))
        members = np.concatenate([members, shares])
        areas = np.maximum(np.concatenate([areas, weighted_sums(shares, leaves.areas)]), 1)
        coarse += drawn
        of_source = np.concatenate([of_source, np.zeros((len(drawn), SOURCE_FEATURES))])
    overlaps = _overlaps(members, areas, leaves.areas, len(regions))
    held = members > 0.5
    held[:, leaf] = True
    depths = _depths(coarse, (click[0] // step, click[1] // step), step)
    features = [
        of_source,
        _outline(picture, members, held, areas),
        _place(picture, (members, held, areas), click, depths),
    ]
    if guesses:
        features.append(_of_network(guesses, overlaps))
    return Candidates(members, guesses, np.concatenate(features, axis=1), overlaps)


def _shares(labels: npt.NDArray[np.intp], masks: Sequence[BoolArray], count: int) -> FloatArray:
    """How much of each superpixel each mask takes: (m, n)."""
    inside = np.stack([np.bincount(labels[mask], minlength=count) for mask in masks])
    return inside / np.maximum(np.bincount(labels.ravel(), minlength=count), 1)


def _overlaps(members: FloatArray, areas: FloatArray, sizes: FloatArray, regions: int) -> FloatArray:
    """(c, c). Exact for whole superpixels; two guesses that share a superpixel are taken to overlap all they can."""
    common = pairwise_products(members * sizes, members)
    shares = members[regions:]
    for index, one in enumerate(shares):
        common[regions + index, regions:] = weighted_sums(np.minimum(one, shares), sizes)
    return common / (areas[:, None] + areas[None, :] - common)


def _outline(picture: Picture, members: FloatArray, held: BoolArray, areas: FloatArray) -> FloatArray:
    """How well each outline is supported: (c, 5).

    Mean edge strength along it; that less the mean inside; histogram distance to the rest of the picture; share of the
    outline on the picture's rim; root of the area over the outline's length.
    """
    leaves = picture.leaves
    ends = held[:, leaves.pairs]  # (c, p, 2)
    crossed: BoolArray = ends[..., 0] != ends[..., 1]
    inner: BoolArray = ends[..., 0] & ends[..., 1]
    length, rim = weighted_sums(crossed, leaves.lengths) + 1e-6, weighted_sums(held, leaves.border)
    strength = weighted_sums(crossed, leaves.edge_sums) / length
    inside = weighted_sums(inner, leaves.edge_sums) / (weighted_sums(inner, leaves.lengths) + 1)
    sums = leaves.histograms * leaves.areas[:, None]
    own = pairwise_products(members, sums.T)
    rest = (sums.sum(axis=0) - own) / np.maximum(leaves.areas.sum() - areas, 1)[:, None]
    distance = np.abs(own / areas[:, None] - rest).sum(axis=1) / 8
    around = rim + length
    return np.stack([strength, strength - inside, distance, rim / around, np.sqrt(areas) / around], axis=1)


def _place(
    picture: Picture,
    candidates: tuple[FloatArray, BoolArray, FloatArray],
    click: tuple[int, int],
    depths: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Size, and where the click lies in it: (c, 10). candidates: shares, superpixels held, areas.

    Log share of the picture, and squared; depth of the click relative to the deepest point and to the root of the area;
    sides of the picture touched; share of the own box; distance from the centre of mass over the root of the area;
    distance of that centre from the picture's; 1 if three sides are touched; log of the fourth.
    """
    leaves = picture.leaves
    members, held, areas = candidates
    relative, depth = depths
    height, width = leaves.labels.shape
    share = np.log(areas / leaves.areas.sum())
    x0, y0, x1, y1 = leaves.boxes.T.copy()
    lows: list[FloatArray] = [np.where(held, x0, width), np.where(held, y0, height)]
    highs: list[FloatArray] = [np.where(held, x1, 0), np.where(held, y1, 0)]
    low, high = (
        np.stack([one.min(axis=1) for one in lows], axis=1),
        np.stack([one.max(axis=1) for one in highs], axis=1),
    )
    sides = (low <= 0).sum(axis=1) + (high >= [width, height]).sum(axis=1)
    fill = areas / np.prod(high - low, axis=1)
    middles = (leaves.boxes[:, :2] + leaves.boxes[:, 2:]) / 2
    centres = pairwise_products(members * leaves.areas, middles.T) / areas[:, None]
    root = np.sqrt(areas)
    off = np.hypot(*(centres - click).T) / root
    away = np.hypot(*((centres - [width / 2, height / 2]) / [width, height]).T)
    roundness = depth / root
    return np.stack(
        [share, share**2, relative, roundness, sides, fill, off, away, sides >= 3, np.log(roundness + 0.02)], axis=1
    )


def _depths(coarse: Sequence[BoolArray], click: tuple[int, int], step: int) -> tuple[FloatArray, FloatArray]:
    """How far the click lies inside each mask: relative to its deepest point, and in pixels; both (c,).

    Distances are counted across and down, which takes a third of the time of straight ones.
    """
    here, deepest = np.zeros(len(coarse)), np.ones(len(coarse))
    for index, mask in enumerate(coarse):
        framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        depth = np.asarray(cv2.distanceTransform(framed, cv2.DIST_L1, 3), np.float32)
        column, row = min(click[0], mask.shape[1] - 1) + 1, min(click[1], mask.shape[0] - 1) + 1
        here[index], deepest[index] = depth[row, column], max(1.0, float(depth.max()))
    return here / deepest, here * step


def _of_network(guesses: Sequence[Guess], overlaps: FloatArray) -> FloatArray:
    """What the network says of each candidate: (c, 8), the first five 0 for regions.

    1 if it is the network's; its predicted IoU; share of the crop's rim that it touches, if the crop is not the whole
    picture; how unsure its pixels are; 1 if it is tiny in its crop; mean IoU with all guesses, weighted by their
    predicted IoU; the best product of the two; for regions the best predicted IoU of any guess.
    """
    count, regions = len(overlaps), len(overlaps) - len(guesses)
    features = np.zeros((count, 8))
    for row, guess in zip(features[regions:], guesses, strict=True):
        row[:5] = 1, guess.predicted_iou, guess.rim, guess.doubt, guess.is_tiny
    trust = np.clip([guess.predicted_iou for guess in guesses], 0.02, 1)
    weights = np.tile(trust, (count, 1))
    weights[np.arange(regions, count), np.arange(len(guesses))] = 0
    with_guesses = overlaps[:, regions:]
    features[:, 5] = (with_guesses * weights).sum(axis=1) / weights.sum(axis=1)
    features[:, 6] = (with_guesses * trust).max(axis=1)
    features[:regions, 7] = trust.max()
    return features
