"""A further click mends a mask: first among superpixels, then pixel by pixel, so that every click keeps gaining.

A click that the mask already agrees with changes nothing. One that it contradicts says that a neighbourhood is wrong,
and its distance to the mask's outline says how large a neighbourhood. Three opinions decide what else is wrong with it:
a watershed between what is surely meant and what is surely not, the region hierarchy, and a random walk.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.snapping import snap
from rubylith.engine.embedded.superpixels import flood

BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]

# Set by hand on 10 photos of Penn-Fudan's open set, 2026-11-20. All are shares of the click's distance to the outline.
SURE = 0.4  # nearer than this is surely part of what is meant
REACH = 1.5  # farther than this surely not, for the watershed
OPPOSED = 0.5  # of the distance to the nearest click of the other kind: as far as a click may reach
REGION_LIMIT, WALK_LIMIT = 3.0, 8.0  # how many discs of that radius a region or a walk may add
HOLE = 0.02  # of the mask's area: smaller holes without a negative click are filled
FLOOD_RADIUS = 20.0  # pixels of that distance that the watershed resolves singly
MEANT, OTHER = 1, 2

Click = tuple[int, int, bool]  # column and row at working size; positive


def correct(picture: Picture, mask: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """The mask after all clicks that it contradicts have been heard, in their order: (h, w) bool at working size.

    mask: (h, w) bool, at working size.
    """
    mended, heard = mask, False
    for x, y, positive in clicks:
        if mended[y, x] == positive:
            continue
        heard = True
        opposed = [(u, v) for u, v, p in clicks if p != positive and (u, v) != (x, y)]
        wanted = _extended(picture, mended if positive else ~mended, (x, y), opposed)
        mended = _obeying(snap(picture.small, wanted if positive else ~wanted), clicks)
    return tidied(mended, clicks) if heard else mended


def tidied(mask: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """Only the pieces that were clicked on, without small holes that were not: (h, w) bool."""
    positive = [(x, y) for x, y, p in clicks if p and mask[y, x]]
    if not positive:
        return mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y0, x0 = int(rows[0]), int(columns[0])
    window = np.s_[y0 : int(rows[-1]) + 1, x0 : int(columns[-1]) + 1]
    count, found = cv2.connectedComponents(mask[window].astype(np.uint8), connectivity=4)
    pieces = np.asarray(found, np.int32)
    kept = np.zeros(count, np.bool_)
    kept[[pieces[y - y0, x - x0] for x, y in positive]] = True
    tidy = kept[pieces]
    framed = np.pad(~tidy, 1, constant_values=True).astype(np.uint8)
    _, found, stats, _ = cv2.connectedComponentsWithStats(framed, connectivity=4)
    holes = np.asarray(found, np.int32)
    filled = np.asarray(stats[:, cv2.CC_STAT_AREA] < HOLE * np.count_nonzero(tidy), np.bool_)
    filled[[0, holes[0, 0]]] = False
    for x, y, p in clicks:
        if not p and 0 <= y - y0 < tidy.shape[0] and 0 <= x - x0 < tidy.shape[1]:
            filled[holes[y - y0 + 1, x - x0 + 1]] = False
    result = np.zeros_like(mask)
    result[window] = tidy | filled[holes[1:-1, 1:-1]]
    return result


def _obeying(mask: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """Each click and the pixels that touch it are as the click says."""
    for x, y, positive in clicks:
        mask[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = positive
    for x, y, positive in clicks:
        mask[y, x] = positive
    return mask


def _extended(picture: Picture, wanted: BoolArray, click: tuple[int, int], opposed: list[tuple[int, int]]) -> BoolArray:
    """`wanted` and the part around the click that was missing from it."""
    x, y = click
    distance = _distance_to(wanted, click)
    for u, v in opposed:
        distance = min(distance, OPPOSED * float(np.hypot(u - x, v - y)))
    distance = max(distance, 1.0)
    disc = float(np.pi * distance**2)
    result = _flooded(picture, wanted, click, opposed, distance=distance)
    leaves = picture.leaves
    share = np.bincount(leaves.labels[wanted], minlength=len(leaves.areas)) / leaves.areas
    barred = np.zeros(len(leaves.areas))
    barred[[leaves.labels[v, u] for u, v in opposed]] = 1
    leaf = int(leaves.labels[y, x])
    chosen = _region(picture, leaf, share, barred, limit=REGION_LIMIT * disc)
    chosen |= _walk(picture, leaf, share, barred, limit=WALK_LIMIT * disc)
    return result | chosen[leaves.labels] if chosen.any() else result


def _distance_to(wanted: BoolArray, click: tuple[int, int]) -> float:
    """Pixels from the click to the nearest wanted pixel or the picture's edge, whichever is nearer."""
    x, y = click
    height, width = wanted.shape
    edge = min(x + 1, y + 1, width - x, height - y)
    rows, columns = np.nonzero(wanted[max(0, y - edge) : y + edge + 1, max(0, x - edge) : x + edge + 1])
    if not rows.size:
        return float(edge)
    squares = (rows - min(y, edge)) ** 2 + (columns - min(x, edge)) ** 2
    return min(float(edge), float(np.sqrt(squares.min())))


def _flooded(
    picture: Picture, wanted: BoolArray, click: tuple[int, int], opposed: list[tuple[int, int]], *, distance: float
) -> BoolArray:
    """Grows `wanted` around the click to the strongest edge between the sure and the surely not."""
    x, y = click
    step = max(1, int(distance / FLOOD_RADIUS))  # far-reaching floods run on every step-th pixel; snapping follows
    half = step * (int(np.ceil(distance * REACH / step)) + 2)
    x0, y0 = x - min(x, half) // step * step, y - min(y, half) // step * step
    window = np.s_[y0 : y + half + 1, x0 : x + half + 1]
    meant = wanted[window][::step, ::step]
    height, width = int(meant.shape[0]), int(meant.shape[1])
    rows, columns = np.arange(height, dtype=np.intp) * step, np.arange(width, dtype=np.intp) * step
    away = (columns[None, :] + x0 - x) ** 2 + (rows[:, None] + y0 - y) ** 2
    markers = np.where(away > (REACH * distance) ** 2, np.int32(OTHER), np.int32(0))
    markers[meant] = MEANT
    for u, v in opposed:
        if 0 <= u - x0 < width * step and 0 <= v - y0 < height * step:
            markers[(v - y0) // step, (u - x0) // step] = OTHER
    markers[away <= (SURE * distance) ** 2] = MEANT
    levels = np.ascontiguousarray(_fine_levels(picture, window)[::step, ::step])
    grown = flood(levels, markers) == MEANT
    result = wanted.copy()
    height, width = result[window].shape
    result[window] |= grown.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
    return result


def _fine_levels(picture: Picture, window: tuple[slice, slice]) -> UInt8Array:
    """Edges sharper than the hierarchy's, for outlines: half its strength, half the colour gradient; uint8."""
    lab = cv2.GaussianBlur(cv2.cvtColor(picture.small[window], cv2.COLOR_RGB2LAB), (0, 0), 0.8)
    gradient = cv2.morphologyEx(lab, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    return np.clip(gradient + picture.edges[window] * 64, 0, 255).astype(np.uint8)


def _region(
    picture: Picture, leaf: int, share: npt.NDArray[np.float64], barred: npt.NDArray[np.float64], *, limit: float
) -> BoolArray:
    """The largest region around the click that holds no opposed click and adds at most `limit` pixels: (n,) bool."""
    tree = picture.hierarchy
    nodes = tree.ancestors(leaf)
    added = tree.sums((1 - share) * picture.leaves.areas)[nodes]
    allowed = np.flatnonzero((added <= limit) & (tree.sums(barred)[nodes] == 0))
    chosen = np.zeros(len(share), np.bool_)
    if allowed.size:
        chosen[tree.leaves_of(int(nodes[allowed[-1]]))] = True
    return chosen


def _walk(
    picture: Picture, leaf: int, share: npt.NDArray[np.float64], barred: npt.NDArray[np.float64], *, limit: float
) -> BoolArray:
    """What a random walk joins to the clicked superpixel, if at most `limit` pixels: (n,) bool."""
    others = np.flatnonzero(barred)
    seeds = np.append(others[others != leaf], leaf)
    values = np.zeros(len(seeds))
    values[-1] = 1
    likely = picture.diffusion.spread(share, seeds, values) > 0.5
    joined = picture.leaves.component(likely & (share < 0.5), leaf)
    return joined if joined @ picture.leaves.areas <= limit else np.zeros_like(joined)
