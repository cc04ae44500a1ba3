"""COCO's panoptic format for one picture: a PNG whose colours are numbers of segments, a JSON with what they are.

A pixel's segment is R + 256 G + 65536 B, 0 where there is none. Each pixel has one segment, so where masks overlap the
smaller lies on top and areas are of what can be seen; a mask that cannot be seen has no segment. Where no mask has a
label, all are of the one category `object`. panopticapi reads both; `read` gives the masks back, and the vocabulary,
which are as many of the categories, the first ones, as `info` says: numbered words first, and none twice.
Source: cocodataset.org, data format, panoptic segmentation; cocodataset/panopticapi, utils.py.
"""

import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._categories import categories, count_of_words, words_of
from rubylith.formats._documents import to_bytes
from rubylith.formats._layers import label_map
from rubylith.formats._palette import class_colour
from rubylith.formats._png import encode_pixels

SUMMARY = "COCO's panoptic PNG and JSON"
NEEDS_PIXELS = False
PICTURE, DOCUMENT = "panoptic.png", "panoptic.json"


def encode(segmentation: Segmentation, _image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
    """`panoptic.png` and `panoptic.json`."""
    numbers = label_map(segmentation)
    colours = np.stack([numbers & 255, numbers >> 8 & 255, numbers >> 16 & 255], axis=-1).astype(np.uint8)
    document = _document(segmentation, numbers, path)
    return (
        Encoded(PICTURE, "image/png", encode_pixels(colours)),
        Encoded(DOCUMENT, "application/json", to_bytes(document)),
    )


def read(picture: bytes, document: bytes | str) -> Segmentation:
    """The segmentation in both files, every mask as it could be seen; InvalidPrompt if they are not such a pair."""
    try:
        told: dict[str, Any] = json.loads(document)
        with PIL.Image.open(io.BytesIO(picture)) as opened:
            colours = np.asarray(opened.convert("RGB"), np.int32)
        numbers = colours[..., 0] + 256 * colours[..., 1] + 65536 * colours[..., 2]
        kinds = {kind["id"]: kind for kind in told["categories"]}
        (annotation,) = told["annotations"]
        masks = tuple(_mask(one, kinds[one["category_id"]], numbers) for one in annotation["segments_info"])
        vocabulary = tuple(_label(word) for word in words_of(told))
        model = told["info"]["model"]
        return Segmentation(Size(*numbers.shape), masks, disjoint=True, model=model, vocabulary=vocabulary)
    except (OSError, KeyError, TypeError, ValueError) as failure:
        raise InvalidPrompt(
            "These are not the two files of a panoptic result", f"Give {PICTURE} and {DOCUMENT} that Rubylith wrote"
        ) from failure


def _document(segmentation: Segmentation, numbers: npt.NDArray[np.int32], path: str) -> dict[str, Any]:
    size = segmentation.size
    kinds, of_masks = categories(segmentation)
    areas = np.bincount(numbers.ravel(), minlength=len(segmentation.masks) + 1)
    seen = [number for number in range(1, len(segmentation.masks) + 1) if areas[number]]
    return {
        "info": {
            "description": "Rubylith",
            "model": segmentation.model,
            "vocabulary": count_of_words(segmentation),
        },
        "licenses": [],
        "images": [{"id": 1, "width": size.width, "height": size.height, "file_name": path}],
        "annotations": [
            {
                "image_id": 1,
                "file_name": PICTURE,
                "segments_info": [
                    _segment(number, segmentation.masks[number - 1], of_masks[number - 1], numbers == number)
                    for number in seen
                ],
            }
        ],
        "categories": [
            {
                "id": kind.number,
                "name": kind.name,
                "supercategory": kind.name,
                "isthing": int(kind.label is None or kind.label.is_thing),
                "color": list(class_colour(place)),
            }
            for place, kind in enumerate(kinds)
        ],
    }


def _segment(number: int, mask: Mask, category: int, bitmap: npt.NDArray[np.bool_]) -> dict[str, Any]:
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "category_id": category,
        "area": int(np.count_nonzero(bitmap)),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "iscrowd": 0,
        "predicted_iou": mask.predicted_iou,
        "score": mask.label.score if mask.label else None,
        "has_label": mask.label is not None,
    }


def _mask(segment: dict[str, Any], kind: dict[str, Any], numbers: npt.NDArray[np.int32]) -> Mask:
    rle = RLE.from_bitmap(numbers == segment["id"])
    label = _label(kind, segment["score"]) if segment["has_label"] else None
    return Mask(rle, rle.box, segment["predicted_iou"], label=label)


def _label(kind: dict[str, Any], score: float | None = None) -> Label:
    return Label(kind["name"], kind["id"], bool(kind["isthing"]), score)
