"""Moves a mask's outline onto the picture's: the last step, at pixel level.

Within a band around the outline every small window tells inside from outside by the colours it holds: a linear function
of colour is fitted to the mask and cut at one half. Source: He, Sun, Tang, 'Guided image filtering', ECCV 2010.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
UInt8Array = npt.NDArray[np.uint8]

BAND = 0.06  # half width of the band as a share of the root of the mask's area
WINDOW_SIDE = 112  # pixels at which the band is computed; more costs a click's 5 ms
FLATNESS = 1e-5  # variance of colour (0 to 1) below which a window cannot tell anything


def snap(pixels: UInt8Array, mask: BoolArray, *, band: float = BAND, side: int = WINDOW_SIDE) -> BoolArray:
    """The mask with its outline on the edges nearby: (H, W) bool.

    pixels: (H, W, 3) uint8; mask: (H, W) bool. band: how far the outline may move, as a share of the root of the
    mask's area. side: the mask and its surroundings are shrunk to this many pixels for it.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return mask
    bounds = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    guide = Guide.around(pixels, bounds, reach=band * float(np.sqrt(np.count_nonzero(mask))), side=side)
    return guide.drawn(guide.snapped(guide.coverage(mask)), mask)


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """A window of a picture, made ready for any number of snaps of outlines in it.

    window: of the picture; colours: (3, h, w) float64 in [0, 1], the window shrunk; means: (3, h, w), of the colours
    in a square round each pixel; inverse: six (h, w), of their symmetric covariance, row by row; reach: pixels of the
    shrunk window by which an outline may move.
    """

    window: tuple[slice, slice]
    colours: FloatArray
    means: FloatArray
    inverse: Sequence[FloatArray]
    reach: float

    @classmethod
    def around(cls, pixels: UInt8Array, bounds: tuple[int, int, int, int], *, reach: float, side: int) -> Self:
        """For masks in `bounds`, XYXY half-open, whose outlines may move by `reach` pixels.

        pixels: (H, W, 3) uint8; side: pixels of the longer side of the shrunk window, at most.
        """
        margin = int(3 * reach) + 3
        x0, y0, x1, y1 = bounds
        window = np.s_[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
        height, width = pixels[window].shape[:2]
        scale = min(1.0, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        step = max(1, int(1 / (2 * scale)))  # a first, coarse thinning, which shrinking then evens out
        thinned = np.ascontiguousarray(pixels[window][::step, ::step])
        small = cv2.resize(thinned, size, interpolation=cv2.INTER_AREA)
        reach = max(1.5, reach * scale)
        colours = np.ascontiguousarray(np.moveaxis(small, 2, 0)) / np.float64(255)
        means, inverse = _statistics(colours, _radius(reach))
        return cls(window, colours, means, inverse, reach)

    def coverage(self, mask: BoolArray) -> FloatArray:
        """How much of each pixel of the shrunk window a mask of the picture (H, W) covers: (h, w), 0 to 1."""
        height, width = self.colours.shape[1:]
        shrunk = cv2.resize(
            mask[self.window].astype(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA
        )
        return shrunk / np.float64(255)

    def snapped(self, coverage: FloatArray) -> BoolArray:
        """(h, w) bool: the outline of `coverage` (h, w) moved onto the edges nearby."""
        inside = np.asarray(coverage > 0.5, np.uint8)
        near = (_depth(inside) <= self.reach) & (_depth(1 - inside) <= self.reach)
        settled: BoolArray = np.where(near, self._fitted(coverage) > 0.5, inside > 0)
        return np.asarray(cv2.medianBlur(settled.astype(np.uint8), 3), np.bool_)

    def drawn(self, snapped: BoolArray, mask: BoolArray) -> BoolArray:
        """`mask` (H, W) with what was snapped in its place."""
        result = mask.copy()
        height, width = mask[self.window].shape
        grey = snapped.astype(np.uint8) * np.uint8(255)
        result[self.window] = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR) > 127
        return result

    def _fitted(self, target: FloatArray) -> FloatArray:
        """The guided filter: `target` (h, w) as a locally linear function of the colours."""
        radius = _radius(self.reach)
        mean = _averaged(target, radius)
        common = [
            _averaged(colour * target, radius) - own * mean
            for colour, own in zip(self.colours, self.means, strict=True)
        ]
        rr, rg, rb, gg, gb, bb = self.inverse
        slopes = [
            rr * common[0] + rg * common[1] + rb * common[2],
            rg * common[0] + gg * common[1] + gb * common[2],
            rb * common[0] + gb * common[1] + bb * common[2],
        ]
        offset = mean - sum(slope * own for slope, own in zip(slopes, self.means, strict=True))
        fitted = _averaged(offset, radius)
        for slope, colour in zip(slopes, self.colours, strict=True):
            fitted += _averaged(slope, radius) * colour
        return fitted


def _radius(reach: float) -> int:
    return max(2, round(reach * 1.5))


def _statistics(colours: FloatArray, radius: int) -> tuple[FloatArray, list[FloatArray]]:
    """Means (3, h, w) of the colours in squares, and the inverse of their covariance by its adjugate: six (h, w)."""
    means = np.stack([_averaged(colour, radius) for colour in colours])
    (red, green, blue), (r, g, b) = colours, means
    rr, gg, bb = (_averaged(c * c, radius) - m * m + FLATNESS for c, m in zip(colours, means, strict=True))
    rg, rb = _averaged(red * green, radius) - r * g, _averaged(red * blue, radius) - r * b
    gb = _averaged(green * blue, radius) - g * b
    adjugate = [
        gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg,
        rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg,
    ]  # fmt: skip
    determinant = rr * adjugate[0] + rg * adjugate[1] + rb * adjugate[2]
    return means, [cofactor / determinant for cofactor in adjugate]


def _averaged(plane: FloatArray, radius: int) -> FloatArray:
    side = 2 * radius + 1
    return cast("FloatArray", cv2.boxFilter(plane, -1, (side, side), borderType=cv2.BORDER_REFLECT))


def _depth(inside: UInt8Array) -> npt.NDArray[np.float32]:
    """(H, W) float32: pixels to the outline for those inside, 0 for others; the window's own edge is no outline."""
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return cast("npt.NDArray[np.float32]", cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1])
