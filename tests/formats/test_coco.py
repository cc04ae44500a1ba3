"""COCO's own reader loads the file, and the masks come back bit for bit."""

import contextlib
import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given
from pycocotools.coco import COCO
from tests.formats.samples import CASES, picture, segmentations

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.mask import Label
from rubylith.formats import png
from rubylith.formats.coco import document, encode, read


@pytest.fixture
def loaded(tmp_path):
    """A function that opens a segmentation's file with pycocotools."""

    def load(case):
        (file,) = encode(case, picture(case.size), "photo.jpg")
        path = tmp_path / file.name
        path.write_bytes(file.data)
        with contextlib.redirect_stdout(io.StringIO()):
            return COCO(path)

    return load


@pytest.mark.parametrize("case", CASES)
def test_pycocotools_reads_the_same_masks(case, loaded):
    coco = loaded(CASES[case])
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=1))
    assert len(annotations) == len(CASES[case].masks)
    for annotation, mask in zip(annotations, CASES[case].masks, strict=True):
        assert np.array_equal(coco.annToMask(annotation), mask.rle.bitmap())
        assert (annotation["area"], annotation["bbox"]) == (mask.rle.area, list(mask.box.xywh))


def test_labels_are_categories_and_masks_are_no_crowds(loaded):
    coco = loaded(CASES["labels"])
    assert {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())} == {
        0: "object",
        17: "dog",
        18: CASES["labels"].masks[1].label.name,
    }
    assert coco.getCatIds(catNms=["dog"]) == [17]
    assert [a["category_id"] for a in coco.loadAnns(coco.getAnnIds())] == [17, 18, 0]
    assert len(coco.getAnnIds(iscrowd=False)) == 3
    assert coco.loadImgs(1)[0] == {"id": 1, "width": 80, "height": 60, "file_name": "photo.jpg"}


@given(segmentations())
def test_what_was_written_comes_back(case):
    (file,) = encode(case, None)
    found = read(file.data)
    assert [m.rle for m in found.masks] == [m.rle for m in case.masks]
    assert (found.size, found.model, found.disjoint) == (case.size, case.model, case.disjoint)
    assert encode(found, None)[0].data == file.data


@given(segmentations())
def test_png_files_are_the_same_after_a_journey_through_coco(case):
    assert png.encode(read(encode(case, None)[0].data), None) == png.encode(case, None)


def test_everything_known_about_a_mask_comes_back():
    case = CASES["labels"]
    found = read(encode(case, None)[0].data)
    assert found.masks[0] == case.masks[0]
    assert found.masks[1].label == dataclasses.replace(case.masks[1].label, category_id=18)
    assert found.masks[2].label is None


def test_a_label_called_object_stays_a_label():
    case = CASES["one pixel"]
    named = dataclasses.replace(case, masks=(dataclasses.replace(case.masks[0], label=Label("object", 0)),))
    assert read(encode(named, None)[0].data) == named
    mixed = dataclasses.replace(case, masks=(*named.masks, *case.masks))
    assert [c["id"] for c in document(mixed, "")["categories"]] == [0, 1]
    assert read(encode(mixed, None)[0].data) == mixed


BARE = b'{"images": [{"width": 1, "height": 1}], "annotations": [], "categories": [], "info": []}'


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"images": [1, 2]}', b"\xff", b'{"images": [{}]}', BARE])
def test_other_documents_are_refused(data):
    with pytest.raises(InvalidPrompt, match=r"coco\.json"):
        read(data)
