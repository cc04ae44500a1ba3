"""From working size to full size, as a rule the larger: label maps and bitmaps, and regions as run-length codes."""

from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.engine.embedded.superpixels import flood

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]
UInt8Array = npt.NDArray[np.uint8]

FOLLOWED_SIDE = 1100  # pixels of the longer side up to which borders follow the picture; beyond, they are only smoothed
LOOSENED = 0.8  # how far a border may move to follow the picture, in pixels of the working size
STRAIGHTENED = 4  # times
# weights of the neighbours for the left and the right half of a pixel: a little softer than a quadratic B-spline
HALVES = np.array([[12, 16, 4], [4, 16, 12]], np.float32) / np.float32(32)
# a vote of equals: repeated, it straightens what a flood left ragged
WHOLE = np.array([[1, 1, 1]], np.float32) / np.float32(3)


@dataclass(frozen=True, slots=True, eq=False)
class LabelRuns:
    """A label map as runs of equal labels, column by column.

    starts: (r,) int64, the column-major index of each run's first pixel; labels: (r,) int32.
    """

    size: Size
    starts: npt.NDArray[np.int64]
    labels: IntArray

    @classmethod
    def of(cls, labels: IntArray) -> Self:
        """labels: (H, W) int32."""
        flat = labels.ravel(order="F")
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        return cls(Size(*labels.shape), starts, flat[starts].astype(np.int32))

    def rle(self, chosen: BoolArray) -> RLE:
        """The union of the labels with `chosen` (n,) set."""
        inside = chosen[self.labels]
        changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        first = [0, 0] if inside[0] else [0]  # runs start with zeros, even if there are none
        bounds = np.concatenate([first, self.starts[changes], [self.size.area]])
        return RLE.from_runs(self.size, np.diff(bounds).astype(np.uint32))


def resize_labels(labels: IntArray, pixels: UInt8Array) -> IntArray:
    """The label map at the size of the picture, with smooth borders that follow the picture's edges.

    labels: (h, w) int32 from 0; pixels: (H, W, 3) uint8. Returns (H, W) int32. Where the picture is smaller, each of
    its pixels gets the label in its middle.
    """
    height, width = pixels.shape[:2]
    if labels.shape == (height, width):
        return labels
    if labels.size > height * width:  # neither side is smaller then
        rows, columns = _middles(height, labels.shape[0]), _middles(width, labels.shape[1])
        return labels[np.ix_(rows, columns)]
    sizes = [(height, width)]
    while max(sizes[-1]) > FOLLOWED_SIDE:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    rows, columns = sizes.pop()
    shown = pixels
    if (rows, columns) != (height, width):
        shown = cast("UInt8Array", cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA))
    large = _following(labels, shown)
    for _ in range(STRAIGHTENED):
        large = _smoothed(large, WHOLE)
    while sizes:
        rows, columns = sizes.pop()
        large = _smoothed(large, HALVES)[:rows, :columns]
        if sizes:
            large = _smoothed(large, WHOLE)
    return large


def resize_bitmap(bitmap: BoolArray, size: Size) -> BoolArray:
    """The bitmap at full size with smooth borders. bitmap: (h, w) bool; returns (H, W) bool."""
    if bitmap.shape == (size.height, size.width):
        return bitmap
    grey = bitmap.astype(np.uint8) * 255
    how = cv2.INTER_CUBIC if bitmap.size < size.area else cv2.INTER_AREA
    return cv2.resize(grey, (size.width, size.height), interpolation=how) > 127


def _middles(count: int, size: int) -> npt.NDArray[np.intp]:
    """The places in the middle of each of `count` equal parts of `size` pixels: (count,)."""
    return ((np.arange(count) + 0.5) * (size / count)).astype(np.intp)


def _following(labels: IntArray, pixels: UInt8Array) -> IntArray:
    """Labels enlarged to the size of `pixels`; near borders a watershed on the colour gradient decides anew."""
    height, width = pixels.shape[:2]
    large = cv2.resize(labels.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    radius = max(1, round(LOOSENED * max(height / labels.shape[0], width / labels.shape[1])))
    markers = np.where(_uniform(large, radius), large + 1, 0)
    counts = np.bincount(markers.ravel(), minlength=int(labels.max()) + 2)[1:]
    lost = counts == 0  # pieces too thin for the band keep their place
    if lost.any():
        markers = np.where(lost[large], large + 1, markers)
    return flood(_gradient(pixels), markers.astype(np.int32)) - 1


def _gradient(pixels: UInt8Array) -> UInt8Array:
    """Root of the strongest channel's slope, so that weak slopes keep fine steps: (H, W) uint8."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    across, down = cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    steepest = (across * across + down * down).max(axis=2)
    return np.clip(np.sqrt(np.sqrt(steepest)) * 8, 0, 255).astype(np.uint8)


def _uniform(labels: IntArray, radius: int) -> BoolArray:
    """(H, W) bool: no other label within `radius` pixels."""
    shown = labels.astype(np.float32)
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.dilate(shown, square) == cv2.erode(shown, square)


def _smoothed(labels: IntArray, weights: npt.NDArray[np.float32]) -> IntArray:
    """Each pixel cut into s x s, each part given the label that weighs most among the 3 x 3 neighbours.

    labels: (H, W) int32; weights: (s, 3) float32, of the neighbours along one axis. Returns (s * H, s * W) int32.
    """
    times = len(weights)
    rows, columns = np.nonzero(~_uniform(labels, 1))
    padded = np.pad(labels, 1, mode="edge")
    around = np.stack([padded[rows + i, columns + j] for i in range(3) for j in range(3)], axis=1)  # (N, 9)
    both = np.einsum("ik,jl->klij", weights, weights).reshape(9, times * times)
    best = np.full((len(rows), times * times), -1.0, np.float32)
    chosen = np.zeros(best.shape, np.int32)
    for candidate in (4, 0, 1, 2, 3, 5, 6, 7, 8):  # the pixel's own label wins ties
        label = around[:, candidate]
        votes = (around == label[:, None]).astype(np.float32) @ both
        better = votes > best
        best = np.where(better, votes, best)
        chosen = np.where(better, label[:, None], chosen)
    result = labels.repeat(times, axis=0).repeat(times, axis=1)
    for part in range(times * times):
        result[rows * times + part // times, columns * times + part % times] = chosen[:, part]
    return result
