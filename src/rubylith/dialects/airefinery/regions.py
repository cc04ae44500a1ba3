"""Which points mean the same region, and which region a pixel belongs to. Pure functions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Point
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.domain.request import SegmentRequest
from rubylith.domain.rle import BoolArray
from rubylith.domain.segmentation import Segmentation
from rubylith.service.work import Answer


def regrouped(answer: Answer) -> SegmentRequest | None:
    """What to ask after an answer about single points: the same with those of one region in one prompt; None if all
    points stand alone, or stand in groups already.
    """
    masks = answer.segmentation.masks
    if any(len(mask.points) > 1 for mask in masks):
        return None
    groups = same_region(masks)
    if len(groups) == len(masks):
        return None
    objects = tuple(ObjectPrompt(tuple(masks[index].points[0] for index in group)) for group in groups)
    return replace(answer.request, prompt=Objects(objects))


def same_region(masks: Sequence[Mask]) -> tuple[tuple[int, ...], ...]:
    """Indices of the masks, one point each, whose points mean one region; in order, groups by their first.

    Two points do when each lies inside the other's mask, or both on one pixel, or when a chain of such points joins
    them.
    """
    points = [mask.points[0] for mask in masks]
    inside = np.stack([_holds(mask, points) for mask in masks])  # (N, N): mask, point
    pixels = np.array([_pixel(point) for point in points])  # (N, 2)
    same_pixel = (pixels[:, None] == pixels[None]).all(axis=2)
    joined = inside & inside.T | same_pixel
    while not np.array_equal(joined, further := joined @ joined):
        joined = further
    leaders = joined.argmax(axis=1)
    return tuple(tuple(np.flatnonzero(leaders == leader).tolist()) for leader in np.unique(leaders))


def label_map(segmentation: Segmentation) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: the number, from 1, of the region at each pixel; 0 where there is none. At most 255 masks.

    Of several the one with the highest predicted IoU, of equals the first. The pixel under a point is its own region's;
    where points of several regions share it, it goes to the one with the fewest, which might otherwise not be seen.
    """
    masks = segmentation.masks
    labels = np.zeros((segmentation.size.height, segmentation.size.width), np.uint8)
    for index in sorted(range(len(masks)), key=lambda i: (masks[i].predicted_iou, -i)):
        box, bitmap = masks[index].rle.tight()
        window = labels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
        window[bitmap] = index + 1
    for index in sorted(range(len(masks)), key=lambda i: -len(masks[i].points)):
        for point in masks[index].points:
            x, y = _pixel(point)
            labels[y, x] = index + 1
    return labels


def _holds(mask: Mask, points: Sequence[Point]) -> BoolArray:
    """(N,) bool: which points lie inside the mask."""
    box, bitmap = mask.rle.tight()
    x, y = (np.array([_pixel(point) for point in points]) - (int(box.x0), int(box.y0))).T
    height, width = bitmap.shape
    held = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    held[held] = bitmap[y[held], x[held]]
    return held


def _pixel(point: Point) -> tuple[int, int]:
    return int(point.x), int(point.y)
