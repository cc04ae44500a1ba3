"""Masks → better masks: duplicates dropped, crumbs and pinholes mended, overlaps settled. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box, Size
from rubylith.domain.mask import Mask
from rubylith.domain.rle import RLE, BoolArray
from rubylith.engine import Progress
from rubylith.engine.progress import ignore

FloatArray = npt.NDArray[np.floating]


def box_array(boxes: Sequence[Box]) -> npt.NDArray[np.float64]:
    """(N, 4) float64 XYXY."""
    return np.array([(b.x0, b.y0, b.x1, b.y1) for b in boxes], np.float64).reshape(-1, 4)


def box_nms(boxes: FloatArray, scores: FloatArray, threshold: float) -> list[int]:
    """Indices of the boxes that survive non-maximum suppression, highest score first; ties keep their order.

    boxes: (N, 4) XYXY. scores: (N,). A box goes when its IoU with a better, kept one is above `threshold`.
    """
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])  # (N, 2) top left of the intersections
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        intersections = np.prod(np.maximum(high - low, 0), axis=1)
        unions = areas[best] + areas[rest] - intersections
        order = rest[intersections <= threshold * unions]
    return kept


def remove_small_regions(bitmap: BoolArray, min_area: int) -> tuple[BoolArray, bool]:
    """Fill holes and drop islands of fewer than `min_area` pixels; also says whether there were any.

    bitmap: (H, W) bool. The largest island always stays, and counts as one that was there if it is small itself.
    Source: segment-anything, utils/amg.py.
    """
    holes = _small_components(~bitmap, min_area)
    filled = bitmap | holes
    islands = _small_components(filled, min_area)
    had_any = bool(holes.any() or islands.any())
    if np.array_equal(islands, filled) and islands.any():
        islands &= ~_largest_component(filled)
    return filled & ~islands, had_any


def mend_small_regions(
    masks: Sequence[Mask], min_area: int, nms_threshold: float, *, progress: Progress = ignore
) -> tuple[Mask, ...]:
    """`remove_small_regions` on each mask, then NMS again, which prefers masks that needed no mending.

    Source: segment-anything, automatic_mask_generator.py, postprocess_small_regions; looked at in a window around each
    mask, which gives the same and costs what the mask covers. progress: hears of every mask.
    """
    mended: list[Mask] = []
    untouched: list[float] = []
    for index, mask in enumerate(masks):
        window, x, y = _window_around(mask.rle, min_area)
        bitmap, had_any = remove_small_regions(window, min_area) if window.size else (window, False)
        untouched.append(0.0 if had_any else 1.0)
        if had_any:
            rle = RLE.from_window(mask.rle.size, bitmap, x, y)
            mended.append(replace(mask, rle=rle, box=rle.box))
        else:
            mended.append(mask)
        progress((index + 1) / len(masks))
    kept = box_nms(box_array([m.box for m in mended]), np.array(untouched), nms_threshold)
    return tuple(mended[index] for index in sorted(kept))


def disjoint(masks: Sequence[Mask], size: Size) -> tuple[Mask, ...]:
    """Give every pixel to the smallest mask that covers it; masks that keep no pixel go."""
    owner = np.zeros((size.height, size.width), np.int32)
    windows: list[tuple[slice, slice]] = []
    tights: list[BoolArray] = []
    for mask in masks:
        box, tight = mask.rle.tight()
        windows.append((slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))))
        tights.append(tight)
    for index in sorted(range(len(masks)), key=lambda index: -masks[index].rle.area):
        owner[windows[index]][tights[index]] = index + 1
    result: list[Mask] = []
    for index, (mask, window, tight) in enumerate(zip(masks, windows, tights, strict=True)):
        own = owner[window] == index + 1
        if not own.any():
            continue
        if np.array_equal(own, tight):
            result.append(mask)
        else:
            rle = RLE.from_window(size, own, window[1].start, window[0].start)
            result.append(replace(mask, rle=rle, box=rle.box))
    return tuple(result)


def _window_around(rle: RLE, min_area: int) -> tuple[BoolArray, int, int]:
    """The bitmap in a window, and the x and y of its top left pixel.

    So much ground lies around the mask that any part of it that reaches the window's edge, unless that is the
    picture's too, has `min_area` pixels already.
    """
    box, tight = rle.tight()
    if not tight.size:
        return tight, 0, 0
    height, width = tight.shape
    x0, y0, x1, y1 = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    tall, wide = math.ceil(min_area / width), math.ceil(min_area / height)
    left, above = min(x0, wide), min(y0, tall)
    right, below = min(rle.size.width - x1, wide), min(rle.size.height - y1, tall)
    return np.pad(tight, ((above, below), (left, right))), x0 - left, y0 - above


def _small_components(bitmap: BoolArray, min_area: int) -> BoolArray:
    labels, areas = components(bitmap)
    small = areas < min_area
    small[0] = False  # what is not in the bitmap
    return small[labels]


def _largest_component(bitmap: BoolArray) -> BoolArray:
    """Of several the first in reading order: how they are numbered depends on where the window begins."""
    labels, areas = components(bitmap)
    largest = 1 + np.flatnonzero(areas[1:] == areas[1:].max())
    return labels == labels[np.isin(labels, largest)][0]


def components(bitmap: BoolArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Labels (H, W) of the 8-connected parts, 0 outside the bitmap, and the area of each label (N,)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bitmap.view(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
