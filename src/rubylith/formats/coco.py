"""COCO's instances file for one picture; pycocotools loads it, and `read` gives the same masks back, bit for bit.

Masks are compressed RLE. `iscrowd` is 0 although COCO itself keeps RLE for crowds: pycocotools reads both forms for
either, and a crowd would not count as an object in an evaluation. Beside COCO's own fields an annotation carries
`predicted_iou`, `stability_score`, `score` (the detector's), `point_coords` and `point_labels`, and `info` says how
many of the categories, the first ones, are the vocabulary; readers of COCO pass over all that.
Source: cocodataset.org, data format; cocoapi, PythonAPI/pycocotools/coco.py.
"""

import json
from typing import Any

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._categories import Category, categories, count_of_words, words_of
from rubylith.formats._documents import to_bytes

SUMMARY = "COCO's instances file, masks as run lengths"
NEEDS_PIXELS = False
NOT_A_LABEL = "none"  # supercategory of masks without a label


def encode(segmentation: Segmentation, _image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
    """`coco.json`."""
    return (Encoded("coco.json", "application/json", to_bytes(document(segmentation, path))),)


def document(segmentation: Segmentation, file_name: str) -> dict[str, Any]:
    """The whole document, ready for JSON; keys always in the same order."""
    size = segmentation.size
    kinds, numbers = categories(segmentation)
    return {
        "info": {
            "description": "Rubylith",
            "model": segmentation.model,
            "disjoint": segmentation.disjoint,
            "vocabulary": count_of_words(segmentation),
        },
        "licenses": [],
        "images": [{"id": 1, "width": size.width, "height": size.height, "file_name": file_name}],
        "annotations": [
            _annotation(identity, mask, number)
            for identity, (mask, number) in enumerate(zip(segmentation.masks, numbers, strict=True), 1)
        ],
        "categories": [{"id": k.number, "name": k.name, "supercategory": _supercategory(k)} for k in kinds],
    }


def read(data: bytes | str) -> Segmentation:
    """The segmentation in a document that `encode` wrote: masks exactly, scores as they were, the vocabulary.

    InvalidPrompt for anything else. A label without a number comes back with the one it was given; of the vocabulary
    words with a number come first, and what shares its number, or its name where it has none, comes back once.
    """
    try:
        found: dict[str, Any] = json.loads(data)
        (picture,) = found["images"]
        size = Size(picture["height"], picture["width"])
        kinds = {kind["id"]: kind for kind in found["categories"]}
        masks = tuple(_mask(annotation, kinds[annotation["category_id"]]) for annotation in found["annotations"])
        if any(mask.rle.size != size for mask in masks):
            raise ValueError
        info = found["info"]
        words = words_of(found)
        if any(word["supercategory"] == NOT_A_LABEL for word in words):
            raise ValueError
        vocabulary = tuple(_label(word) for word in words)
        return Segmentation(size, masks, info["disjoint"], info["model"], vocabulary=vocabulary)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidPrompt(
            "This is no COCO file with the masks of one picture", "Give a coco.json that Rubylith wrote"
        ) from error


def _annotation(identity: int, mask: Mask, category: int) -> dict[str, Any]:
    size, label = mask.rle.size, mask.label
    return {
        "id": identity,
        "image_id": 1,
        "category_id": category,
        "segmentation": {"size": [size.height, size.width], "counts": mask.rle.counts.decode("ascii")},
        "area": mask.rle.area,
        "bbox": list(mask.rle.box.xywh),
        "iscrowd": 0,
        "predicted_iou": mask.predicted_iou,
        "stability_score": mask.stability_score,
        "score": label.score if label else None,
        "point_coords": [[point.x, point.y] for point in mask.points],
        "point_labels": [int(point.positive) for point in mask.points],
        "object_index": mask.object_index,
    }


def _mask(annotation: dict[str, Any], kind: dict[str, Any]) -> Mask:
    height, width = annotation["segmentation"]["size"]
    rle = RLE.from_coco(Size(height, width), annotation["segmentation"]["counts"])
    clicks = zip(annotation["point_coords"], annotation["point_labels"], strict=True)
    label = None if kind["supercategory"] == NOT_A_LABEL else _label(kind, annotation["score"])
    return Mask(
        rle,
        rle.box,
        annotation["predicted_iou"],
        annotation["stability_score"],
        tuple(Point(x, y, bool(positive)) for (x, y), positive in clicks),
        label,
        annotation["object_index"],
    )


def _label(kind: dict[str, Any], score: float | None = None) -> Label:
    return Label(kind["name"], kind["id"], kind["supercategory"] == "thing", score)


def _supercategory(kind: Category) -> str:
    if kind.label is None:
        return NOT_A_LABEL
    return "thing" if kind.label.is_thing else "stuff"
