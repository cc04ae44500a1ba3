"""Which masks SAM 3 answers with, and what is told of them beside their pictures."""

from dataclasses import replace
from typing import Any

from rubylith.dialects.fal.pictures import union_of
from rubylith.dialects.fal.wire import ChoiceIn
from rubylith.domain.geometry import Size
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation


def chosen(segmentation: Segmentation, choice: ChoiceIn) -> Segmentation:
    """The best masks, or one: the best for words, all together for points and boxes, each of which is meant."""
    masks = segmentation.masks
    if choice.return_multiple_masks:
        return replace(segmentation, masks=masks[: choice.max_masks])
    if len(masks) < 2 or masks[0].label is not None:
        return replace(segmentation, masks=masks[:1])
    union = replace(union_of(segmentation), predicted_iou=min(mask.predicted_iou for mask in masks))
    return replace(segmentation, masks=(union,))


def write_told(segmentation: Segmentation, choice: ChoiceIn) -> dict[str, Any]:
    """`scores`, `boxes` and `metadata`, as far as they are wanted, in the order of the masks."""
    told: dict[str, Any] = {}
    if choice.include_scores:
        told["scores"] = [_score(mask) for mask in segmentation.masks]
    if choice.include_boxes:
        told["boxes"] = [_box(mask, segmentation.size) for mask in segmentation.masks]
    if told:
        entries = range(len(segmentation.masks))
        one = {"scores": "score", "boxes": "box"}
        told["metadata"] = [{"index": n} | {one[name]: all_of[n] for name, all_of in told.items()} for n in entries]
    return told


def write_rle(segmentation: Segmentation, choice: ChoiceIn) -> str | list[str]:
    """COCO's compressed counts: a list where several masks are wanted, else one text, empty where nothing is found."""
    counts = [mask.rle.counts.decode("ascii") for mask in segmentation.masks]
    return counts if choice.return_multiple_masks else "".join(counts[:1])


def _score(mask: Mask) -> float:
    score = mask.label.score if mask.label is not None else None
    return round(float(mask.predicted_iou if score is None else score), 6)


def _box(mask: Mask, size: Size) -> list[float]:
    """Centre and extent as shares of the picture: cx, cy, w, h."""
    box = mask.rle.box
    x, y = (box.x0 + box.x1) / 2 / size.width, (box.y0 + box.y1) / 2 / size.height
    return [round(float(value), 6) for value in (x, y, (box.x1 - box.x0) / size.width, (box.y1 - box.y0) / size.height)]
