"""Moves a mask's outline onto the picture's: the last step, at pixel level.

Within a band around the outline every small window tells inside from outside by the colours it holds: a linear function
of colour is fitted to the mask and cut at one half. Source: He, Sun, Tang, 'Guided image filtering', ECCV 2010.
"""

from typing import cast

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
    half = band * float(np.sqrt(np.count_nonzero(mask)))
    margin = int(3 * half) + 3
    y0, y1 = max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1
    x0, x1 = max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1
    window = np.s_[y0:y1, x0:x1]
    height, width = mask[window].shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    step = max(1, int(1 / (2 * scale)))  # a first, coarse thinning, which shrinking then evens out
    thinned = np.ascontiguousarray(pixels[window][::step, ::step])
    small = cast("UInt8Array", cv2.resize(thinned, size, interpolation=cv2.INTER_AREA))
    coverage = cv2.resize(mask[window].astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) / np.float64(255)
    inside = (coverage > 0.5).astype(np.uint8)
    half = max(1.5, half * scale)
    guess = _fitted_to_colour(small / np.float64(255), np.asarray(coverage, np.float64), max(2, round(half * 1.5)))
    near = (_depth(inside) <= half) & (_depth(1 - inside) <= half)
    settled: UInt8Array = np.where(near, guess > 0.5, inside > 0).astype(np.uint8) * np.uint8(255)
    snapped = cv2.medianBlur(settled, 3)
    result = mask.copy()
    result[window] = cv2.resize(snapped, (width, height), interpolation=cv2.INTER_LINEAR) > 127
    return result


def _depth(inside: UInt8Array) -> npt.NDArray[np.float32]:
    """(H, W) float32: pixels to the outline for those inside, 0 for others; the window's own edge is no outline."""
    padded = np.pad(inside, 1, mode="edge")
    return cast("npt.NDArray[np.float32]", cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1])


def _fitted_to_colour(guide: FloatArray, target: FloatArray, radius: int) -> FloatArray:
    """The guided filter: `target` (H, W) as a locally linear function of `guide` (H, W, 3), both float64 in [0, 1]."""

    def averaged(plane: FloatArray) -> FloatArray:
        side = 2 * radius + 1
        return cast("FloatArray", cv2.boxFilter(plane, -1, (side, side), borderType=cv2.BORDER_REFLECT))

    red, green, blue = colours = [np.ascontiguousarray(guide[..., c]) for c in range(3)]
    r, g, b, t = (averaged(plane) for plane in (red, green, blue, target))
    cr, cg, cb = (averaged(colour * target) - mean * t for colour, mean in zip(colours, (r, g, b), strict=True))
    rr, gg, bb = (averaged(c * c) - mean * mean + FLATNESS for c, mean in zip(colours, (r, g, b), strict=True))
    rg, rb, gb = averaged(red * green) - r * g, averaged(red * blue) - r * b, averaged(green * blue) - g * b
    # the symmetric 3 x 3 system by its adjugate
    a11, a12, a13 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    a22, a23, a33 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    determinant = rr * a11 + rg * a12 + rb * a13
    slopes = [
        (a11 * cr + a12 * cg + a13 * cb) / determinant,
        (a12 * cr + a22 * cg + a23 * cb) / determinant,
        (a13 * cr + a23 * cg + a33 * cb) / determinant,
    ]
    offset = t - slopes[0] * r - slopes[1] * g - slopes[2] * b
    fitted = averaged(offset)
    for slope, colour in zip(slopes, colours, strict=True):
        fitted += averaged(slope) * colour
    return fitted
