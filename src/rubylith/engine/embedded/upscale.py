"""From working size to full size: label maps and bitmaps, and regions as run-length codes."""

from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]
UInt8Array = npt.NDArray[np.uint8]


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
        return cls(Size(*labels.shape), starts, flat[starts])

    def rle(self, chosen: BoolArray) -> RLE:
        """The union of the labels with `chosen` (n,) set."""
        inside = chosen[self.labels]
        changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        bounds = np.concatenate([[0] if inside[0] else [], [0], self.starts[changes], [self.size.area]])
        return RLE.from_runs(self.size, np.diff(bounds).astype(np.uint32))


def enlarge_labels(labels: IntArray, pixels: UInt8Array) -> IntArray:
    """The label map at the size of the picture, with smooth borders that keep to the picture's edges.

    labels: (h, w) int32; pixels: (H, W, 3) uint8. Returns (H, W) int32.
    """
    height, width = pixels.shape[:2]
    if labels.shape == (height, width):
        return labels
    return cast("IntArray", cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST))


def enlarge_bitmap(bitmap: BoolArray, size: Size) -> BoolArray:
    """The bitmap at full size with smooth borders. bitmap: (h, w) bool; returns (H, W) bool."""
    if bitmap.shape == (size.height, size.width):
        return bitmap
    grey = bitmap.astype(np.uint8) * 255
    return cv2.resize(grey, (size.width, size.height), interpolation=cv2.INTER_LINEAR) > 127
