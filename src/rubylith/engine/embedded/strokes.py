"""Thin strokes and dots of drawings, which the edges of `edges` are too wide to tell apart.

A stroke, here, is open: a closed one is the outline of what it surrounds. It differs from the flat colour beside it and
is narrower than WIDEST, so that opening or closing the picture takes it away (the top-hat transform of Serra, 'Image
analysis and mathematical morphology', 1982). A soft outline between two colours lies between them and stays.
"""

import cv2
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]
IndexArray = npt.NDArray[np.intp]
UInt8Array = npt.NDArray[np.uint8]

FLAT = 0.5  # share of a picture in flat colour from which it is a drawing; of photographs and drawings the middle
WIDEST = 7  # pixels; opening and closing take away what is narrower
CONTRAST = 32  # levels by which a stroke differs from what is beside it
CLEAR = 96  # levels by which it does so somewhere: what is faint and soft has edges that are wide enough
AROUND = 1, 3  # pixels, between which the same flat colour must lie on all sides: an outline is of what it surrounds
ALIKE, PLAIN = 4.0, 0.95  # levels by which that colour varies (standard deviation), and its share of these pixels
HATCHED = 0.1  # share of a stroke that lies so close to others that they fill an area, as at crossings
LEAST_INSIDE = 25  # pixels; less that a stroke closes round, as in a letter, is no thing
LEAST = 5  # pixels of a stroke; less may be dust
MOST = 200  # strokes; more is a page of writing, which is one texture, and would take its time


def is_flat(still: BoolArray) -> bool:
    """Whether a picture is a drawing. still: (H, W) bool, where its colour hardly changes."""
    return float(still.mean()) >= FLAT


def strokes(pixels: UInt8Array, still: BoolArray) -> tuple[IntArray, BoolArray]:
    """Thin pieces, (H, W) int32 from 1, 0 elsewhere; and what has the colour of the nearest still place, (H, W) bool.

    pixels: (H, W, 3) uint8; still: (H, W) bool, where colour hardly changes, as it does somewhere.
    """
    square = np.ones((WIDEST, WIDEST), np.uint8)
    opened, closed = (cv2.morphologyEx(pixels, how, square) for how in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
    hats = cv2.max(cv2.subtract(pixels, opened), cv2.subtract(closed, pixels))
    taken = np.asarray(cv2.max(cv2.max(hats[..., 0], hats[..., 1]), hats[..., 2]), np.uint8)
    if not (taken > CLEAR).any():
        return np.zeros(still.shape, np.int32), still
    colours, lively = pixels.reshape(-1, 3).astype(np.int16), np.flatnonzero(~still)
    plain = still.copy()
    plain.ravel()[lively] = abs(colours[lively] - colours[nearest(still).ravel()[lively]]).max(axis=1) <= CONTRAST
    pieces = _pieces((taken > CONTRAST) & ~plain, connectivity=8)
    areas = np.bincount(pieces.ravel())
    count = len(areas)
    is_clear = np.bincount(pieces[taken > CLEAR], minlength=count) > 0
    areas *= is_clear & _are_thin(pieces, count) & _are_alone(pixels, pieces, plain, count)
    kept = np.flatnonzero(areas >= LEAST)
    numbers = np.zeros(count, np.int32)
    if len(kept) <= MOST:
        numbers[kept] = np.arange(1, len(kept) + 1)
    return numbers[pieces], plain


def nearest(places: BoolArray) -> IndexArray:
    """Of each pixel the nearest one of some places, of which there is one: (H, W), numbered row by row."""
    away = (~places).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    numbers, inside = np.asarray(labels, np.intp), np.flatnonzero(places)
    order = np.zeros(len(inside) + 1, np.intp)
    order[numbers.ravel()[inside]] = inside
    return order[numbers]


def _are_alone(pixels: UInt8Array, pieces: IndexArray, plain: BoolArray, count: int) -> BoolArray:
    """Which pieces have the same flat colour on all sides, (count,); never the first, 0."""
    shown = pieces.astype(np.float32)
    near, around = (
        np.asarray(cv2.dilate(shown, np.ones((2 * far + 1,) * 2, np.uint8)), np.float32).astype(np.intp)
        for far in AROUND
    )
    ring = (around > 0) & (near == 0)
    beside: IndexArray = np.flatnonzero(ring & plain)
    owners, colours = around.ravel()[beside], pixels.reshape(-1, 3)[beside].astype(np.float64)
    found = np.bincount(owners, minlength=count)
    flat, total = found / np.maximum(np.bincount(around[ring], minlength=count), 1), np.maximum(found, 1)
    means, squares = (
        np.stack([np.bincount(owners, plane, count) for plane in power.T]) / total for power in (colours, colours**2)
    )
    alike: BoolArray = (squares - means**2).max(axis=0) < ALIKE**2
    alike[0] = False
    return alike & (flat > PLAIN) & _surround_nothing(around, ring & plain, plain, count)


def _surround_nothing(around: IndexArray, ring: BoolArray, plain: BoolArray, count: int) -> BoolArray:
    """Which pieces have one place of flat colour beside them, (count,); those that close round one have two.

    around: (H, W), the piece near each pixel; ring: (H, W) bool, the pixels that count; plain: (H, W) bool.
    """
    places = _pieces(plain, connectivity=4)
    areas = np.bincount(places.ravel())
    beside = ring & (areas >= LEAST_INSIDE)[places]
    lowest, highest = np.full(count, len(areas)), np.zeros(count, np.intp)
    np.minimum.at(lowest, around[beside], places[beside])
    np.maximum.at(highest, around[beside], places[beside])
    return lowest >= highest


def _are_thin(pieces: IndexArray, count: int) -> BoolArray:
    """Which pieces are thin all over, also together with others close by, which would be hatching: (count,)."""
    square = np.ones((WIDEST, WIDEST), np.uint8)
    joined = np.asarray(cv2.morphologyEx((pieces > 0).astype(np.uint8), cv2.MORPH_CLOSE, square), np.uint8)
    areas = _pieces(joined > 0, connectivity=8)
    depth = np.asarray(cv2.distanceTransform(joined, cv2.DIST_L2, 3), np.float32)
    sizes = np.bincount(areas.ravel())
    deep = np.bincount(areas[depth > (WIDEST + 1) / 2], minlength=len(sizes))
    thin = np.ones(count, np.bool_)
    thin[pieces[(deep > HATCHED * sizes)[areas]]] = False
    return thin


def _pieces(places: BoolArray, *, connectivity: int) -> IndexArray:
    """(H, W): from 1, 0 outside of them."""
    return np.asarray(cv2.connectedComponents(places.view(np.uint8), connectivity=connectivity)[1], np.intp)
