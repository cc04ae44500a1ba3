"""A further click mends a mask: first among superpixels, then pixel by pixel, so that every click keeps gaining.

A click that the mask already agrees with changes nothing. One that it contradicts says that a neighbourhood is wrong.
The network, where it is here, sure enough and heeds the click, says how much of it: what it would add or take away
around the click is done, and no more. Else the click's distance to the mask's outline says how large a neighbourhood,
and three opinions decide: a watershed between what is surely meant and what is surely not, the region hierarchy, and a
random walk.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.clicks import Click
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.opinions import guess_correction
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.snapping import BAND, snap
from rubylith.engine.embedded.superpixels import flood

BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]

# Set by hand on 10 photos of Penn-Fudan's open set, 2026-11-20. Shares of the click's distance to the outline:
SURE = 0.4  # nearer than this is surely part of what is meant
REACH = 1.5  # farther than this surely not, for the watershed
OPPOSED = 0.5  # of the distance to the nearest click of the other kind: as far as a click may reach
REGION_LIMIT, WALK_LIMIT = 3.0, 8.0  # how many discs of that radius a region or a walk may add
GROWTH = 3.0  # of the mask: as much as each opinion may add
UNHELD = 0.25  # of the mask: as much as each may take away where no positive click holds it
# Of the mask and of pixels:
SPECK = 16  # pixels: a change no larger is little more than the click itself, and another way is tried
HOLE = 0.02  # of the mask's area: smaller holes without a negative click are filled
LARGE = 300  # pixels; a mask that is longer is mended on every second pixel
FLOOD_RADIUS = 20.0  # pixels of that distance that the watershed resolves singly
# Of predicted IoU; 14 photos each of pennfudan, coco and ccp, 2026-11-29:
CONTRADICTION = 2.0  # what a guess of the network loses if it contradicts every click
TRUSTED = 0.5  # from here a guess of the network is followed
LEAST_KEPT = 0.7  # of the mask: a correction by the network that takes more away is not trusted
MEANT, OTHER = 1, 2


def correct(picture: Picture, mask: BoolArray, clicks: Sequence[Click], nano: Nano | None = None) -> BoolArray:
    """The mask after all clicks that it contradicts have been heard, in their order: (h, w) bool at working size.

    mask: (h, w) bool, at working size. nano: the network, if it is to have a say.
    """
    if all(mask[y, x] == positive for x, y, positive in clicks):
        return mask
    meant = None if nano is None or not mask.any() else _meant(nano, picture, mask, clicks)
    approached = None if meant is None else _approached(picture, mask, meant, clicks)
    if approached is not None and _is_trusted(approached, mask):
        return approached
    rows, columns = _window_of(mask)
    halved = [(x // 2, y // 2, positive) for x, y, positive in clicks]
    is_large = max(rows.stop - rows.start, columns.stop - columns.start) > LARGE
    if is_large and len({(x, y) for x, y, _ in halved}) == len({(x, y) for x, y, _ in clicks}):
        return _obeying(_corrected_at_half(picture, mask, clicks, halved), mask, clicks)
    return _mended(picture, mask, clicks)


def _is_trusted(approached: BoolArray, mask: BoolArray) -> bool:
    kept, changed = np.count_nonzero(approached & mask), np.count_nonzero(approached ^ mask)
    return bool(kept >= LEAST_KEPT * np.count_nonzero(mask) and changed > SPECK)


def _meant(nano: Nano, picture: Picture, mask: BoolArray, clicks: Sequence[Click]) -> BoolArray | None:
    """What the network takes a mask and clicks to mean, (h, w) bool; None if it is unsure or heedless."""
    positive, negative = ([(x + 0.5, y + 0.5) for x, y, p in clicks if p == wanted] for wanted in (True, False))
    guesses = guess_correction(nano, picture.small_view, mask, positive, negative)
    drawn = [guess.mask(mask.shape) for guess in guesses]
    ignored = [sum(one[y, x] != p for x, y, p in clicks) / len(clicks) for one in drawn]
    worth = [guess.predicted_iou - CONTRADICTION * share for guess, share in zip(guesses, ignored, strict=True)]
    first = int(np.argmax(worth))
    best, heeded = drawn[first], all(drawn[first][y, x] == p for x, y, p in clicks if mask[y, x] != p)
    return best if heeded and guesses[first].predicted_iou >= TRUSTED else None


def _approached(picture: Picture, mask: BoolArray, meant: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """The mask with what it lacks of `meant`, or has beyond it, mended round each contradicted click: (h, w) bool."""
    aside = _unclicked(mask, clicks)
    missing, extra = _pieces(meant & ~mask)[1], _pieces(mask & ~meant)[1]
    mended = mask & ~aside
    for x, y, positive in clicks:
        if mask[y, x] != positive:
            pieces = missing if positive else extra
            mended[pieces == pieces[y, x]] = positive
    settled = _settled(picture, mask & ~aside, _obeying(mended, mask, clicks), clicks)
    return tidied(settled, clicks, mask) | aside


def _corrected_at_half(
    picture: Picture, mask: BoolArray, clicks: Sequence[Click], halved: Sequence[Click]
) -> BoolArray:
    """Every second pixel of the mask corrected, and what changed there brought back to working size: (h, w) bool."""
    before = np.ascontiguousarray(mask[::2, ::2])
    for (x, y, _), (u, v, _) in zip(clicks, halved, strict=True):
        before[v, u] = mask[y, x]
    half, height, width = picture.half, *mask.shape
    after = _mended(half, before, halved)
    changed = cv2.dilate((before != after).view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    grey = cv2.resize(after.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(changed.repeat(2, axis=0).repeat(2, axis=1)[:height, :width], grey > 127, mask)


def _mended(picture: Picture, mask: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """The mask after each contradicted click: (h, w) bool."""
    aside = _unclicked(mask, clicks)
    mended = mask & ~aside
    for x, y, positive in clicks:
        if mended[y, x] != positive:
            opposed = [(u, v) for u, v, p in clicks if p != positive and (u, v) != (x, y)]
            most = _most(mended, positive=positive, is_held=any(mended[v, u] for u, v in opposed))
            wanted = _extended(picture, mended if positive else ~mended, (x, y), opposed, most=most)
            wanted = wanted if positive else ~wanted
            settled = _settled(picture, mended, wanted, clicks)
            is_speck = np.count_nonzero(settled ^ mended) <= SPECK  # snapping lets go of what is small and far away
            mended = _obeying(wanted, mended, clicks) if is_speck else settled
    return tidied(mended, clicks, mask) | aside


def _most(mask: BoolArray, *, positive: bool, is_held: bool) -> float:
    """Pixels that one opinion on a click may change; any number where there is no mask yet, or where it is held."""
    area = np.count_nonzero(mask)
    if not area or (is_held and not positive):
        return mask.size
    return GROWTH * area if positive else UNHELD * area


def _unclicked(mask: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """Pieces of the mask that no click is about, if others are clicked on: they stay as they are. (h, w) bool."""
    aside = np.zeros_like(mask)
    if not mask.any():
        return aside
    window = _window_of(mask)
    y0, x0 = window[0].start, window[1].start
    count, pieces = _pieces(np.ascontiguousarray(mask[window]))
    height, width = pieces.shape
    inside = [(x - x0, y - y0) for x, y, _ in clicks if 0 <= x - x0 < width and 0 <= y - y0 < height]
    clicked = {int(pieces[y, x]) for x, y in inside} - {0}
    if clicked and count > len(clicked) + 1:
        unclicked = np.ones(count, np.bool_)
        unclicked[[0, *clicked]] = False
        aside[window] = unclicked[pieces]
    return aside


def tidied(mask: BoolArray, clicks: Sequence[Click], before: BoolArray | None = None) -> BoolArray:
    """Only the pieces that were clicked on, without small holes that were not: (h, w) bool.

    Where no positive click lies in the mask that there was `before`, what is left of that stays too.
    """
    positive = [(x, y) for x, y, p in clicks if p and mask[y, x]]
    if not positive:
        return mask
    window = _window_of(mask)
    y0, x0 = window[0].start, window[1].start
    tidy = np.ascontiguousarray(mask[window])
    count, pieces = _pieces(tidy)
    kept = np.zeros(count, np.bool_)
    kept[[pieces[y - y0, x - x0] for x, y in positive]] = True
    if before is not None and not any(before[y, x] for x, y in positive):
        kept[np.unique(pieces[before[window] & tidy])] = True
    if np.count_nonzero(kept) < count - 1:
        tidy = kept[pieces]
    result = np.zeros_like(mask)
    result[window] = tidy | _holes(tidy, [(x - x0, y - y0) for x, y, p in clicks if not p])
    return result


def _holes(mask: BoolArray, spared: list[tuple[int, int]]) -> BoolArray:
    """Small holes (h, w) bool, but not those with a spared point, (x, y), in them."""
    height, width = mask.shape
    framed = np.ones((height + 2, width + 2), np.bool_)
    framed[1:-1, 1:-1] = ~mask
    count, pieces = _pieces(framed)
    if count <= 2:
        return np.zeros_like(mask)
    small = np.bincount(pieces.ravel(), minlength=count) < HOLE * np.count_nonzero(mask)
    small[[0, pieces[0, 0]]] = False
    small[[pieces[y + 1, x + 1] for x, y in spared if 0 <= y < height and 0 <= x < width]] = False
    return small[pieces[1:-1, 1:-1]]


def _pieces(mask: BoolArray) -> tuple[int, npt.NDArray[np.int32]]:
    """Number of labels, and the 4-connected pieces of a mask as labels from 1: (h, w) int32."""
    count, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    return count, np.asarray(pieces, np.int32)


def _settled(picture: Picture, before: BoolArray, after: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """`after` with its outline on the picture's edges where it is not that of `before`, and as the clicks say.

    Where `after` only adds or only takes away, nothing of the other kind is done.
    """
    reach = max(2, round(2 * BAND * float(np.sqrt(np.count_nonzero(after)))))
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate((before != after).view(np.uint8), square) > 0
    settled = np.where(near, snap(picture.small, after), after)
    if not (before & ~after).any():
        settled |= before
    if not (after & ~before).any():
        settled &= before
    return _obeying(settled, before, clicks)


def _obeying(mask: BoolArray, before: BoolArray, clicks: Sequence[Click]) -> BoolArray:
    """`mask`, changed in place, with each click as it says, and the pixels that touch it where `before` was not."""
    for x, y, positive in clicks:
        if before[y, x] != positive:
            mask[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = positive
    for x, y, positive in clicks:
        mask[y, x] = positive
    return mask


def _extended(
    picture: Picture, wanted: BoolArray, click: tuple[int, int], opposed: list[tuple[int, int]], *, most: float
) -> BoolArray:
    """`wanted` and the part around the click that was missing from it. most: pixels that each opinion may add."""
    x, y = click
    distance = _distance_to(wanted, click)
    for u, v in opposed:
        distance = min(distance, OPPOSED * float(np.hypot(u - x, v - y)))
    distance = max(min(distance, float(np.sqrt(most / np.pi)) / REACH), 1.0)
    disc = float(np.pi * distance**2)
    result = _flooded(picture, wanted, click, opposed, distance=distance)
    leaves = picture.leaves
    share = _shares(picture, wanted)
    barred = np.zeros(len(leaves.areas))
    barred[[leaves.labels[v, u] for u, v in opposed]] = 1
    leaf = int(leaves.labels[y, x])
    chosen = _region(picture, leaf, share, barred, limit=min(REGION_LIMIT * disc, most))
    chosen |= _walk(picture, leaf, share, barred, limit=min(WALK_LIMIT * disc, most))
    if chosen.any():
        boxes = leaves.boxes[chosen].astype(np.intp)
        window = np.s_[boxes[:, 1].min() : boxes[:, 3].max(), boxes[:, 0].min() : boxes[:, 2].max()]
        result[window] |= chosen[leaves.labels[window]]
    return result


def _shares(picture: Picture, wanted: BoolArray) -> npt.NDArray[np.float64]:
    """How much of each superpixel is wanted, 0 to 1: (n,). Counts the mask, which is mostly the smaller side."""
    areas = picture.leaves.areas
    inverted = 2 * np.count_nonzero(wanted) > wanted.size
    counted = ~wanted if inverted else wanted
    window = _window_of(counted)
    share = np.bincount(picture.leaves.labels[window][counted[window]], minlength=len(areas)) / areas
    return 1 - share if inverted else share


def _window_of(mask: BoolArray) -> tuple[slice, slice]:
    """The tightest box of a mask, as slices; empty for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return np.s_[0:0, 0:0]
    return np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


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
    return joined if picture.leaves.areas[joined].sum() <= limit else np.zeros_like(joined)
