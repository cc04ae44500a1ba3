"""From a box to a mask: several ways to cut, each with its own mistakes, and a vote.

GrabCut from the whole box and from a core in its middle; an ellipse, the regions that fit the box best and what has
other colours than the box's surroundings, each snapped to the picture; and the network, where it is here, beside which
the slow ways are left out. A way whose result does not fill the box counts less, after Lempitsky, Kohli, Rother, Sharp,
'Image segmentation with a bounding box prior', ICCV 2009.
"""

from enum import StrEnum
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.hierarchy import Hierarchy
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.products import pairwise_products
from rubylith.engine.embedded.snapping import Guide, snap

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating]
UInt8Array = npt.NDArray[np.uint8]


class Way(StrEnum):
    """A way to cut the object out of its box."""

    BOX = "box"
    CORE = "core"
    QUICK_CORE = "quick core"
    ELLIPSE = "ellipse"
    REGION = "region"
    QUICK_REGION = "quick region"
    SECOND_REGION = "second region"
    COLOURS = "colours"


# Set by hand on the open set, 10 photos of each of five kinds, 2026-11-20.
MARGIN = 0.4  # of the box on each side: what GrabCut sees of the surroundings
CORE = 0.25  # of the box's axes: an ellipse that is surely object
FILLING_POWER, FILLING_POWER_BESIDE_NETWORK = 3.0, 2.0  # how much a way that leaves the box empty loses
VOTES = {Way.BOX: 1.3, Way.CORE: 0.8, Way.ELLIPSE: 1.0, Way.REGION: 0.7, Way.SECOND_REGION: 0.7, Way.COLOURS: 1.0}
# Beside the network, in a twentieth of the time; set on 8 photos of each of eight kinds, 2026-11-29.
VOTES_BESIDE_NETWORK = {Way.QUICK_CORE: 1.3, Way.ELLIPSE: 1.0, Way.QUICK_REGION: 0.7, Way.COLOURS: 1.3}
NETWORK_VOTE = 4.0
OUTLINE_BAND = 0.15  # how far one snap moves an outline, as a share of the root of an ellipse's area in the box
OUTLINE_SIDE = 192  # pixels on which that is computed
LEAST = 0.1  # of the box: a GrabCut that leaves less has failed

Bounds = tuple[int, int, int, int]  # x0, y0, x1, y1, half-open, pixels at working size


def cut_box(picture: Picture, bounds: Bounds, network: FloatArray | None = None) -> tuple[BoolArray, float]:
    """The object in a box, (h, w) bool at working size, and how far the ways to cut it agree on it, 0 to 1.

    network: (h, w), how likely each pixel is part of it in the network's opinion.
    """
    x0, y0, x1, y1 = bounds
    inside = np.zeros(picture.leaves.labels.shape, np.bool_)
    inside[y0:y1, x0:x1] = True
    if inside.all() or min(x1 - x0, y1 - y0) < 3:
        return inside, 0.5
    reach = OUTLINE_BAND * float(np.sqrt(np.pi / 4 * (x1 - x0) * (y1 - y0)))
    guide = Guide.around(picture.small, bounds, reach=reach, side=OUTLINE_SIDE)
    votes = np.zeros((y1 - y0, x1 - x0))
    cuts: list[tuple[BoolArray, float]] = []
    by_picture = VOTES if network is None else VOTES_BESIDE_NETWORK
    power = FILLING_POWER if network is None else FILLING_POWER_BESIDE_NETWORK
    ways = [(_cut(way, picture, bounds, inside, guide), vote) for way, vote in by_picture.items()]
    for likely, vote in ways if network is None else [*ways, (network, NETWORK_VOTE)]:
        cut = likely[y0:y1, x0:x1] > 0.5
        weight = vote * _filling(cut) ** power + 1e-6
        cuts.append((cut, weight))
        votes += weight * likely[y0:y1, x0:x1]
    total = sum(weight for _, weight in cuts)
    winner = votes > total / 2
    if not winner.any():
        return inside, 0.0
    result = np.zeros_like(inside)
    result[y0:y1, x0:x1] = winner
    if network is not None:  # its outlines are those of a crop of 128 pixels
        snapped = snap(picture.small, result) & inside
        result = snapped if snapped.any() else result  # a thing of few pixels may be lost
    agreement = sum(weight * _iou(cut, winner) for cut, weight in cuts) / total
    return result, float(agreement)


def _cut(way: Way, picture: Picture, bounds: Bounds, inside: BoolArray, guide: Guide) -> BoolArray:
    """What one way to cut says, (h, w) bool; `inside` is the box, and `guide` its window."""
    match way:
        case Way.BOX:
            return _grab(picture, bounds, side=400, rounds=3)
        case Way.CORE:
            return _grab(picture, bounds, side=320, rounds=2, core=CORE)
        case Way.QUICK_CORE:
            return _grab(picture, bounds, side=128, rounds=2, core=CORE)
        case Way.ELLIPSE:
            return _snapped(guide, ellipse_in(inside.shape, bounds), inside, 9)
        case Way.REGION:
            return _snapped(guide, _region(picture, picture.hierarchy, bounds) & inside, inside, 4)
        case Way.QUICK_REGION:
            return _snapped(guide, _region(picture, picture.hierarchy, bounds) & inside, inside, 1)
        case Way.SECOND_REGION:
            return _snapped(guide, _region(picture, picture.second_hierarchy, bounds) & inside, inside, 4)
        case Way.COLOURS:
            return _snapped(guide, _unlike_surroundings(picture, bounds, inside), inside, 3)


def ellipse_in(shape: tuple[int, ...], bounds: Bounds, share: float = 1.0) -> BoolArray:
    """The ellipse whose axes are `share` of the box's: (h, w) bool."""
    x0, y0, x1, y1 = bounds
    across = (np.arange(shape[1]) + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2 * share)
    down = (np.arange(shape[0]) + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2 * share)
    return (across**2)[None, :] + (down**2)[:, None] < 1


def _filling(cut: BoolArray) -> float:
    """Share of the box that the cut's own tight box takes."""
    rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
    if not rows.size:
        return 0.0
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / cut.size)


def _iou(one: BoolArray, other: BoolArray) -> float:
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def _snapped(guide: Guide, mask: BoolArray, inside: BoolArray, times: int) -> BoolArray:
    """A mask in the box, (h, w) bool, snapped to the picture again and again."""
    allowed, coverage = guide.coverage(inside) > 0.5, guide.coverage(mask)
    for _ in range(times):
        coverage = (guide.snapped(coverage) & allowed).astype(np.float64)
    return guide.drawn(coverage > 0.5, mask) & inside


def _grab(picture: Picture, bounds: Bounds, *, side: int, rounds: int, core: float | None = None) -> BoolArray:
    """GrabCut (Rother, Kolmogorov, Blake 2004) on the box and its surroundings, cut from the full picture.

    side: pixels of the longer side that it works on; core: share of the box's axes that is surely object.
    """
    x0, y0, x1, y1 = bounds
    height, width = picture.leaves.labels.shape
    across, down = int(MARGIN * (x1 - x0)) + 2, int(MARGIN * (y1 - y0)) + 2
    left, top, right, bottom = max(0, x0 - across), max(0, y0 - down), min(width, x1 + across), min(height, y1 + down)
    pixels = _window(picture, (left, top, right, bottom), side)
    scale_y, scale_x = pixels.shape[0] / (bottom - top), pixels.shape[1] / (right - left)
    u0, v0 = round((x0 - left) * scale_x), round((y0 - top) * scale_y)
    u1, v1 = max(u0 + 1, round((x1 - left) * scale_x)), max(v0 + 1, round((y1 - top) * scale_y))
    labels = np.full(pixels.shape[:2], cv2.GC_BGD, np.uint8)
    labels[v0:v1, u0:u1] = cv2.GC_PR_FGD
    if core is not None:
        labels[ellipse_in(labels.shape, (u0, v0, u1, v1), core)] = cv2.GC_FGD
    result = np.zeros((height, width), np.bool_)
    cut = _grab_cut(pixels, labels, rounds)
    if np.count_nonzero(cut) < LEAST * (u1 - u0) * (v1 - v0):
        cut = ellipse_in(labels.shape, (u0, v0, u1, v1))
    grey = cv2.resize(cut.astype(np.uint8) * 255, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    result[top:bottom, left:right] = grey > 127
    result[:y0], result[y1:], result[:, :x0], result[:, x1:] = False, False, False, False
    return result


def _window(picture: Picture, bounds: Bounds, side: int) -> UInt8Array:
    """A part of the full picture, shrunk so that its longer side has at most `side` pixels: (h, w, 3) uint8."""
    across, down = picture.scale
    x0, y0, x1, y1 = bounds
    part = picture.pixels[int(y0 / down) : round(y1 / down), int(x0 / across) : round(x1 / across)]
    scale = min(1.0, side / max(part.shape[:2]))
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    return cast("UInt8Array", cv2.resize(part, size, interpolation=cv2.INTER_AREA))


def _grab_cut(pixels: UInt8Array, labels: UInt8Array, rounds: int) -> BoolArray:
    """pixels: (h, w, 3) uint8; labels: (h, w) uint8 of OpenCV's GC_ values, changed in place."""
    if (labels & 1).all() or not (labels & 1).any():
        return (labels & 1).astype(np.bool_)
    cv2.setRNGSeed(0)  # GrabCut starts its colour clusters at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(pixels), labels, (0, 0, 1, 1), *models, rounds, cv2.GC_INIT_WITH_MASK)
    return (labels & 1).astype(np.bool_)


def _region(picture: Picture, tree: Hierarchy, bounds: Bounds) -> BoolArray:
    """The region of the hierarchy whose box overlaps this one best: (h, w) bool."""
    low = np.maximum(tree.boxes[:, :2], bounds[:2])
    high = np.minimum(tree.boxes[:, 2:], bounds[2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    own = np.prod(tree.boxes[:, 2:] - tree.boxes[:, :2], axis=1)
    area = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
    chosen = np.zeros(len(tree.order), np.bool_)
    chosen[tree.leaves_of(int((common / (own + area - common)).argmax()))] = True
    return chosen[picture.leaves.labels]


def _unlike_surroundings(picture: Picture, bounds: Bounds, inside: BoolArray, rounds: int = 4) -> BoolArray:
    """GrabCut's idea among superpixels: the colours of the box's middle against those round it: (h, w) bool."""
    leaves = picture.leaves
    share = np.bincount(leaves.labels[inside], minlength=len(leaves.areas)) / leaves.areas
    outer = np.flatnonzero(share <= 0.5)
    if outer.size in {0, len(share)}:
        return inside
    middles = (leaves.boxes[:, :2] + leaves.boxes[:, 2:]) / 2
    x0, y0, x1, y1 = bounds
    away = np.hypot(*((middles - [(x0 + x1) / 2, (y0 + y1) / 2]) / [x1 - x0, y1 - y0]).T)
    near = np.exp(-((np.maximum(away - 0.5, 0) / 0.5) ** 2))
    fore = leaves.areas * share * np.exp(-((away / 0.35) ** 2)) + 1e-9
    back = leaves.areas * (1 - share) * near + 1e-6
    likely = share
    for _ in range(rounds):
        colours = np.stack([fore / fore.sum(), back / back.sum()]).astype(np.float32)
        like_fore, like_back = pairwise_products(colours, picture.likeness)
        prior = np.where(share > 0.5, like_fore / (like_fore + like_back + 1e-12), 0)
        spread = picture.colour_walks.spread(prior, outer, np.zeros(len(outer)))
        likely = np.clip(spread, 0, 1) * share
        fore = leaves.areas * likely * (likely > 0.5) + 1e-6
        back = leaves.areas * (1 - likely) * (likely <= 0.5) * near + 1e-6
    return (likely > 0.5)[leaves.labels] & inside
