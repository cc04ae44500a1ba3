"""The document that programs read."""

import json

from tests.formats.samples import CASES, picture

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.formats.json import document, encode


def test_a_record_has_the_fields_of_segment_anything_in_order():
    case = CASES["labels"]
    first, _, third = document(case, "a/b.jpg")["masks"]
    rle = case.masks[0].rle
    assert first == {
        "id": 1,
        "area": 253,
        "bbox": [11, 11, 19, 19],
        "predicted_iou": 0.875,
        "stability_score": 0.9688,
        "label": "dog",
        "score": 0.5,
        "point_coords": [[20, 20], [3.25, 4]],
        "point_labels": [1, 0],
        "segmentation": {"size": [60, 80], "counts": rle.counts.decode()},
    }
    assert list(first)[:3] == ["id", "area", "bbox"]
    assert (third["label"], third["score"], third["point_coords"], third["point_labels"]) == (None, None, [], [])


def test_the_document_names_picture_and_model():
    found = document(CASES["no masks"], "a/b.jpg")
    assert found == {"image": {"path": "a/b.jpg", "width": 40, "height": 20}, "model": "embedded", "masks": []}
    assert list(found) == ["image", "model", "masks"]


def test_the_file_is_the_document():
    case = CASES["labels"]
    (file,) = encode(case, picture(case.size), "a/b.jpg")
    assert json.loads(file.data) == document(case, "a/b.jpg")
    assert file.data.count(b"\n") == 1


def test_masks_can_be_read_back_from_the_document():
    case = CASES["overlapping masks"]
    for record, mask in zip(document(case, "")["masks"], case.masks, strict=True):
        height, width = record["segmentation"]["size"]
        assert RLE.from_coco(Size(height, width), record["segmentation"]["counts"]) == mask.rle
