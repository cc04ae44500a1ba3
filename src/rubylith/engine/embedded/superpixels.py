"""Cuts a picture into a few hundred pieces along its edges: the leaves of the hierarchy."""

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.strokes import is_flat, nearest, strokes

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]
UInt8Array = npt.NDArray[np.uint8]

LEAVES = 900  # about as many minima are asked for; photographs give some 700
STRONGEST = 2.0  # edge strength that becomes level 255
STILL_SIDE, STILL_CONTRAST = 5, 2  # pixels round a pixel, and levels by which they differ where nothing can end
LEAST_STILL = 25  # pixels; smaller still places may be noise
PASSAGE = 9  # pixels


def superpixels(edges: FloatArray, pixels: UInt8Array, count: int = LEAVES) -> IntArray:
    """The catchment basins of the edge map: (H, W) int32, labels 0..n-1, each label one connected piece.

    edges: (H, W) float32; pixels: (h, w, 3) uint8, what they are the edges of, not enlarged. count: how many basins a
    uniform texture would give; smooth regions give fewer, a flat ground or a gentle gradient is one.
    """
    smooth = cast("FloatArray", cv2.GaussianBlur(edges, (0, 0), 1.0))
    radius = int(max(1, np.sqrt(edges.size / count) / 3))
    lowest = cv2.erode(smooth, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    places = still_places(pixels)
    still = np.asarray(cv2.resize(places.view(np.uint8), edges.shape[::-1], interpolation=cv2.INTER_NEAREST), np.bool_)
    low: BoolArray = (smooth <= np.asarray(lowest, np.float32) + 1e-7) | still
    levels = np.clip(np.sqrt(smooth / STRONGEST) * 255, 0, 255).astype(np.uint8)  # finer steps where edges are weak
    if is_flat(places):
        return flood(levels, _with_strokes(low, still, strokes(pixels, places))) - 1
    return flood(levels, np.asarray(cv2.connectedComponents(low.view(np.uint8))[1], np.int32)) - 1


def _with_strokes(low: BoolArray, still: BoolArray, found: tuple[IntArray, BoolArray]) -> IntArray:
    """Markers of what is `low`, of each stroke, and right beside it of its ground: edges do not end where strokes do.

    low, still: (h, w) bool; found: of `strokes`, at any size. Returns (h, w) int32.
    """
    pieces = _resized(found[0].astype(np.float32), low.shape).astype(np.int32)
    drawn: BoolArray = pieces > 0
    count, minima = cv2.connectedComponents((low & ~drawn).view(np.uint8))
    markers = np.asarray(minima, np.int32)
    if not drawn.any():
        return markers
    near = np.asarray(cv2.dilate(drawn.view(np.uint8), np.ones((STILL_SIDE, STILL_SIDE), np.uint8)), np.bool_)
    beside = near & (_resized(found[1].astype(np.float32), low.shape) > 0) & (markers == 0)
    markers = np.where(beside, markers.ravel()[nearest(still)], markers)
    return np.where(drawn, pieces + np.int32(count - 1), markers)


def _resized(plane: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """(h, w), each pixel the nearest one of `plane`."""
    return cast("FloatArray", cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST))


def still_places(pixels: UInt8Array) -> BoolArray:
    """Where colour hardly changes: (H, W) bool, in pieces of LEAST_STILL pixels or more. pixels: (H, W, 3) uint8.

    Edges look further than such a place reaches, so that some find the border of a thing from inside it, and cut flat
    colour into rings and corners. A piece ends where it is narrower than PASSAGE, lest a gap in an outline join a thing
    with its ground; one that is nowhere wider, as within a stroke, is kept whole.
    """
    around, wide = np.ones((STILL_SIDE, STILL_SIDE), np.uint8), np.ones((PASSAGE, PASSAGE), np.uint8)
    contrast = np.asarray(cv2.morphologyEx(pixels, cv2.MORPH_GRADIENT, around), np.uint8).max(axis=2)
    still = (contrast <= STILL_CONTRAST).astype(np.uint8)
    open_places = np.asarray(cv2.morphologyEx(still, cv2.MORPH_OPEN, wide), np.bool_)
    pieces = np.asarray(cv2.connectedComponents(still, connectivity=4)[1], np.intp)
    is_narrow = np.bincount(pieces.ravel()) >= LEAST_STILL
    is_narrow[0] = False
    is_narrow[pieces[open_places]] = False
    return open_places | is_narrow[pieces]


def flood(levels: UInt8Array, markers: IntArray) -> IntArray:
    """Watershed by level: every pixel gets the marker that reaches it over the lowest pass.

    levels: (H, W) uint8; markers: (H, W) int32, 0 where unknown, else 1 and up. Returns (H, W) int32 without zeros.
    OpenCV's watershed (Meyer 1992) floods by colour difference of neighbours. On a chessboard whose white fields show
    the level in the first channel and whose black fields show it in the second, that difference is the higher of both
    levels.
    """
    padded = np.pad(levels, 1, mode="edge")
    height, width = int(padded.shape[0]), int(padded.shape[1])
    black = np.zeros((height, width), np.uint8)
    black[::2, 1::2] = black[1::2, ::2] = 1
    board = np.dstack([padded * (1 - black), padded * black, np.zeros_like(padded)])
    labels = cast("IntArray", cv2.watershed(board, np.pad(markers, 1)))
    return _without_lines(labels[1:-1, 1:-1].copy())


def _without_lines(labels: IntArray) -> IntArray:
    """Gives each pixel of a watershed line (-1) to a neighbour."""
    while (lines := labels < 1).any():
        neighbour = cv2.dilate(labels.astype(np.float32), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8))
        labels[lines] = neighbour[lines].astype(np.int32)
        if not (labels > 0).any():
            labels[:] = 1
    return labels
