"""Grown, shrunk, filled and blurred masks, in closed form: the time does not depend on how far.

Growing by n steps is n dilations by a 3 x 3 neighbourhood, which comes to a distance: what lies within n steps of the
mask. The picture ends at its border: what lies beyond neither grows in nor eats away.
"""

import math

import cv2
import numpy as np

from rubylith.domain.image import UInt8Array
from rubylith.domain.rle import BoolArray, FloatArray

Window = tuple[slice, slice]


def grown(mask: BoolArray, steps: int, *, diagonal: bool) -> BoolArray:
    """The mask after `steps` dilations, or after that many erosions where `steps` is negative: (H, W) bool.

    mask: (H, W) bool. diagonal: a step goes to all eight neighbours, else to the four that share an edge.
    """
    if steps == 0 or not mask.any() or mask.all():
        return mask.copy()
    if steps < 0:
        return ~grown(~mask, -steps, diagonal=diagonal)
    height, width = mask.shape
    if steps >= (max(height, width) if diagonal else height + width):
        return np.ones_like(mask)
    window = _window(mask, steps)
    metric = cv2.DIST_C if diagonal else cv2.DIST_L1
    free = np.logical_not(mask[window]).view(np.uint8)
    away = cv2.distanceTransform(free, metric, cv2.DIST_MASK_3)  # exact for these two metrics
    result = np.zeros_like(mask)
    result[window] = away <= steps
    return result


def filled(mask: BoolArray) -> BoolArray:
    """The mask without holes, (H, W) bool: with all from where no path of shared edges leads to the border."""
    count, parts = cv2.connectedComponents(np.logical_not(mask).view(np.uint8), connectivity=4)
    labels = np.asarray(parts, np.int32)
    outside = np.zeros(count, np.bool_)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[edge] = True
    return mask | ~outside[labels]


def blurred(mask: BoolArray, radius: int, sigma: float) -> UInt8Array:
    """The mask as 0 and 255 after a Gaussian blur: (H, W) uint8.

    mask: (H, W) bool. The kernel has 2 * radius + 1 weights a side, or fewer where the picture is no larger than it.
    sigma: in pixels. Beyond the border the picture is continued by reflection that does not repeat the edge pixel.
    """
    grey = np.where(mask, np.uint8(255), np.uint8(0))
    weights = kernel(radius, sigma, shorter_side=min(mask.shape))
    reach = len(weights) // 2
    if reach == 0 or not mask.any():
        return grey
    window = _window(mask, 2 * reach)  # twice, so that what is reflected at an inner edge is empty
    soft = cv2.sepFilter2D(grey[window], cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REFLECT_101)
    grey[window] = np.clip(np.rint(soft), 0, 255).astype(np.uint8)
    return grey


def kernel(radius: int, sigma: float, *, shorter_side: int) -> FloatArray:
    """The weights in one direction, (2 * reach + 1,) float64 that sum to 1; those that are nothing are left out.

    Pictures whose shorter side is not longer than the kernel get an odd one of about half that side, or none below 3.
    """
    size = 2 * radius + 1
    if shorter_side <= size:
        size = shorter_side // 2
        size += 1 - size % 2
    if radius == 0 or size < 3:
        return np.ones(1)
    places = np.arange(-(size // 2), size // 2 + 1)
    weights = np.exp(-(places**2) / (2 * sigma**2))
    weights = weights[weights > np.finfo(np.float32).tiny]
    return weights / math.fsum(weights)


def _window(mask: BoolArray, margin: int) -> Window:
    """The rows and columns of the mask and `margin` more on each side, as far as the picture goes."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    spans = [(int(places[0]), int(places[-1]) + 1) for places in (rows, columns)]
    top, left = (slice(max(0, first - margin), last + margin) for first, last in spans)
    return top, left
