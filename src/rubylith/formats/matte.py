"""What the masks show, all together, on nothing, with soft edges: RGBA, transparent and black outside.

`matte.png` has the picture's size and its own colours; its alpha is a matte. A mask says of each pixel whether it
belongs to the object, but along an outline most pixels hold both: hair, fur, motion, and the lens. In a narrow band
round the outline each pixel is therefore taken apart into the colours found on either side of it, after Porter, Duff,
'Compositing digital images', SIGGRAPH 1984: pixel = alpha foreground + (1 - alpha) background. Beyond the band the mask
is believed.
"""

import itertools
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.image import Image, UInt8Array
from rubylith.domain.rle import BoolArray
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._png import encode_pixels

SUMMARY = "what the masks show, on nothing, with soft edges"
NEEDS_PIXELS = True

BAND, LEAST_BAND = 1 / 256, 2.0  # half width of the band: share of the picture's longer side, and pixels
REACH = 4  # bands from which the colours of either side are gathered
UNSURE = 1e-3  # weight of colours inside the band, which count only where there are no others
TRUST = 0.3  # standard deviation of the outline's own guess at alpha
NOISE = 6.0**2  # variance of colour, 0 to 255, below which sides are not told apart
HAZE = 0.05  # alpha this close to nothing or all is nothing or all
TILE = 512  # pixels a side that are worked on at once, which bounds memory; most tiles have no outline

FloatArray = npt.NDArray[np.float32]


def encode(segmentation: Segmentation, image: Image, _path: str = "", /) -> tuple[Encoded, ...]:
    """`matte.png`."""
    return (Encoded("matte.png", "image/png", encode_pixels(soft_cutout(segmentation, image))),)


def soft_cutout(segmentation: Segmentation, image: Image) -> UInt8Array:
    """(H, W, 4) uint8 RGBA: the picture's colours where any mask is, alpha as `soft_alpha` has it, else zeros."""
    alpha = soft_alpha(image.pixels, segmentation.union())
    cutout = np.dstack([image.pixels, alpha])
    cutout[alpha == 0] = 0
    return cutout


def soft_alpha(pixels: UInt8Array, bitmap: BoolArray) -> UInt8Array:
    """How much of each pixel is object: (H, W) uint8, 0 none and 255 all; only in a band round the outline in between.

    pixels: (H, W, 3) uint8 RGB; bitmap: (H, W) bool. The picture's own edge is no outline.
    """
    height, width = bitmap.shape
    alpha = bitmap.astype(np.uint8) * np.uint8(255)
    band = max(LEAST_BAND, BAND * max(height, width))
    margin = int((REACH + 2) * band) + 2
    for top, left in itertools.product(range(0, height, TILE), range(0, width, TILE)):
        tile = np.s_[top : top + TILE, left : left + TILE]
        y, x = max(0, top - margin), max(0, left - margin)
        around = np.s_[y : top + TILE + margin, x : left + TILE + margin]
        if not _is_uniform(bitmap[around]):
            inner = np.s_[top - y : top - y + TILE, left - x : left - x + TILE]
            alpha[tile] = _soft(pixels[around], bitmap[around], band)[inner]
    return alpha


def _soft(pixels: UInt8Array, bitmap: BoolArray, band: float) -> UInt8Array:
    """`soft_alpha` of one tile with what surrounds it: (h, w) uint8."""
    height, width = bitmap.shape
    depth = _depth(bitmap)
    step = max(1, round(band / 2))  # colours of a whole neighbourhood need not be gathered pixel by pixel
    size = (-(-width // step), -(-height // step))
    few = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    depths = cast("FloatArray", cv2.resize(depth, size, interpolation=cv2.INTER_AREA))
    foreground, spread = _side(few, depths, band, step)
    background, other_spread = _side(few, -depths, band, step)
    apart = foreground - background
    contrast = np.einsum("hwc,hwc->hw", apart, apart) * np.float32(TRUST**2)
    noise = (spread + other_spread) / 2 + np.float32(NOISE)
    # (outline noise + (pixel - background) apart) / (noise + contrast), whose slow parts are known at every step only
    slopes = apart * np.float32(TRUST**2) / (noise + contrast)[..., None]
    offset = -np.einsum("hwc,hwc->hw", background, slopes)
    slow = np.dstack([slopes, offset, noise / (noise + contrast)])
    slow = cv2.resize(slow, (width, height), interpolation=cv2.INTER_LINEAR)
    outline = np.clip(0.5 + depth / band, 0, 1)
    guess = np.einsum("hwc,hwc->hw", pixels, slow[..., :3]) + slow[..., 3] + slow[..., 4] * outline
    guess = np.clip((guess - HAZE) / (1 - 2 * HAZE), 0, 1)
    near = np.clip(2 - 2 * np.abs(depth) / band, 0, 1)
    hard = bitmap.astype(np.float32)
    return np.rint(255 * (hard + near * (guess - hard))).astype(np.uint8)


def _side(colours: FloatArray, depths: FloatArray, band: float, step: int) -> tuple[FloatArray, FloatArray]:
    """Mean colour (h, w, 3) and its variance (h, w), around each place, of those with positive depth.

    step: pixels between places, one way.
    """
    side = 2 * round(REACH * band / step) + 1

    def gathered(values: FloatArray) -> FloatArray:
        return cast("FloatArray", cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT))

    weights = np.where(depths > band, 1, np.where(depths > 0, UNSURE, 0)).astype(np.float32)
    total = gathered(weights) + np.float32(1e-12)
    mean = np.asarray(gathered(colours * weights[..., None]) / total[..., None], np.float32)
    square = gathered(np.einsum("hwc,hwc->hw", colours, colours) * weights) / total
    variance = (square - np.einsum("hwc,hwc->hw", mean, mean)) / 3
    return mean, np.maximum(variance, 0)


def _depth(bitmap: BoolArray) -> FloatArray:
    """(h, w) float32: pixels to the outline, positive inside, negative outside."""
    inside = bitmap.view(np.uint8)
    within, without = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (inside, 1 - inside))
    return np.where(bitmap, within - 0.5, 0.5 - without).astype(np.float32)


def _is_uniform(bitmap: BoolArray) -> bool:
    return bool(bitmap.all()) or not bitmap.any()
