"""Names for masks that were found without words: whoever here knows things by name votes on each mask.

A universal model votes with its segments, a detector with its boxes; the name whose region overlaps a mask best wins if
the two are the same thing by half. What nobody recognises stays without a label.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import rle_iou
from rubylith.engine.refine import FloatArray, box_array

SAME_THING = 0.5  # IoU of a mask, or of its box, with what has the name


def by_regions(masks: Sequence[Mask], named: Sequence[Mask]) -> tuple[Mask, ...]:
    """Masks with the labels of the named ones that cover the same; one that has a label keeps it."""
    if not masks or not named:
        return tuple(masks)
    overlaps = rle_iou([mask.rle for mask in masks], [one.rle for one in named])
    return _labelled(masks, overlaps, [one.label for one in named])


def by_boxes(masks: Sequence[Mask], labels: Sequence[Label], boxes: FloatArray) -> tuple[Mask, ...]:
    """Masks with the labels of boxes that fit round them. boxes: (N, 4) XYXY, one for each label."""
    if not masks or not labels:
        return tuple(masks)
    return _labelled(masks, _box_ious(box_array([mask.box for mask in masks]), boxes), labels)


def _labelled(masks: Sequence[Mask], overlaps: FloatArray, labels: Sequence[Label | None]) -> tuple[Mask, ...]:
    """overlaps: (masks, labels) IoU. Of labels that fit as well as each other the first stands."""
    result: list[Mask] = []
    for mask, row in zip(masks, overlaps, strict=True):
        best = int(np.argmax(row))
        fits = mask.label is None and row[best] >= SAME_THING
        result.append(replace(mask, label=labels[best]) if fits else mask)
    return tuple(result)


def _box_ious(one: FloatArray, other: FloatArray) -> FloatArray:
    """(N, 4) and (M, 4) XYXY → (N, M)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)
