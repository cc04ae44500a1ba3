"""The record of segment-anything for every mask, in one document; the command's `--json` prints the same.

`bbox` is left, top, width, height in pixels; `segmentation` is COCO's compressed RLE; `label` and `score` (the
detector's) are null for a mask without a label; `point_coords` are the clicks that a mask answers, as x, y, and
`point_labels`, in the same order, 1 for those on the object and 0 for those beside it. Where `max_seconds` ended the
search before all of the picture was looked through, `"truncated": true` stands before the masks.
Source: facebookresearch/segment-anything, segment_anything/automatic_mask_generator.py.
"""

from typing import Any

from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._documents import to_bytes

SUMMARY = "scores, boxes and run lengths in one document"
NEEDS_PIXELS = False
SCORE_DIGITS, PIXEL_DIGITS = 4, 2


def encode(segmentation: Segmentation, _image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
    """`masks.json`."""
    return (Encoded("masks.json", "application/json", as_bytes(segmentation, path)),)


def as_bytes(segmentation: Segmentation, path: str) -> bytes:
    """The document as it stands in the file, on one line. path: what to call the picture."""
    return to_bytes(document(segmentation, path))


def document(segmentation: Segmentation, path: str) -> dict[str, Any]:
    """The whole document, ready for JSON; keys always in the same order. path: what to call the picture."""
    size = segmentation.size
    return {
        "image": {"path": path, "width": size.width, "height": size.height},
        "model": segmentation.model,
        **({"truncated": True} if segmentation.truncated else {}),
        "masks": [_record(number, mask) for number, mask in enumerate(segmentation.masks, 1)],
    }


def _record(number: int, mask: Mask) -> dict[str, Any]:
    size, label = mask.rle.size, mask.label
    return {
        "id": number,
        "area": mask.rle.area,
        "bbox": [_pixels(value) for value in mask.box.xywh],
        "predicted_iou": _score(mask.predicted_iou),
        "stability_score": _score(mask.stability_score),
        "label": label.name if label else None,
        "score": _score(label.score) if label else None,
        "point_coords": [[_pixels(point.x), _pixels(point.y)] for point in mask.points],
        "point_labels": [int(point.positive) for point in mask.points],
        "segmentation": {"size": [size.height, size.width], "counts": mask.rle.counts.decode("ascii")},
    }


def _score(value: float | None) -> float | None:
    return None if value is None else round(float(value), SCORE_DIGITS)


def _pixels(value: float) -> float:
    """Whole numbers without a point, others with at most PIXEL_DIGITS."""
    rounded = round(float(value), PIXEL_DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
