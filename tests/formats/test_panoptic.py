"""COCO's panoptic pair, read the way panopticapi and pycocotools read it."""

import io
import json

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from tests.formats.samples import CASES, disc, mask, segmentation, segmentations

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label
from rubylith.formats._layers import label_map
from rubylith.formats.panoptic import encode, read


def rgb2id(colours):
    """panopticapi/utils.py."""
    return colours[:, :, 0] + 256 * colours[:, :, 1] + 256 * 256 * colours[:, :, 2]


def opened(case):
    picture, document = encode(case, None, "cat.jpg")
    with PIL.Image.open(io.BytesIO(picture.data)) as png:
        assert png.mode == "RGB"
        return rgb2id(np.asarray(png, np.uint32)), json.loads(document.data)


@pytest.mark.parametrize("name", CASES)
def test_the_picture_and_the_document_agree_as_pq_compute_demands(name):
    numbers, told = opened(CASES[name])
    (annotation,) = told["annotations"]
    kinds = {kind["id"]: kind for kind in told["categories"]}
    found, areas = np.unique(numbers[numbers > 0], return_counts=True)
    segments = {one["id"]: one for one in annotation["segments_info"]}
    assert sorted(segments) == found.tolist()
    for number, area in zip(found.tolist(), areas.tolist(), strict=True):
        left, top, width, height = segments[number]["bbox"]
        rows, columns = np.nonzero(numbers == number)
        assert segments[number]["area"] == area
        assert (left, top, left + width - 1, top + height - 1) == (
            columns.min(), rows.min(), columns.max(), rows.max(),
        )  # fmt: skip
        assert kinds[segments[number]["category_id"]]["isthing"] in {0, 1}
    assert annotation["file_name"] == "panoptic.png"
    assert told["images"][0]["file_name"] == "cat.jpg"
    assert len({tuple(kind["color"]) for kind in told["categories"]}) == len(kinds)


@settings(deadline=None)
@given(segmentations())
def test_any_disjoint_masks_come_back(case):
    numbers = label_map(case)
    picture, document = encode(case, None)
    again = read(picture.data, document.data)
    assert again.size == case.size
    assert again.disjoint
    seen = [number for number in range(1, len(case.masks) + 1) if (numbers == number).any()]
    for number, one in zip(seen, again.masks, strict=True):
        assert np.array_equal(one.bitmap(), numbers == number)
        assert one.predicted_iou == case.masks[number - 1].predicted_iou


def test_labels_come_back_with_their_numbers_and_kinds():
    size = Size(60, 80)
    sky = mask(disc(size, 20, 20, 9), Label("sky", 187, is_thing=False, score=0.5))
    dog = mask(disc(size, 60, 40, 9), Label("dog", 18, score=0.25))
    picture, document = encode(segmentation(sky, dog), None)
    assert [one.label for one in read(picture.data, document.data).masks] == [sky.label, dog.label]
    again = read(picture.data, document.data)
    assert encode(again, None)[0].data == picture.data


def test_numbers_beyond_a_byte_use_green():
    numbers, _ = opened(CASES["300 masks"])
    assert numbers.max() == 300


@pytest.mark.parametrize("data", [(b"", b"{}"), (b"no picture", b"no json")])
def test_other_files_are_refused(data):
    with pytest.raises(InvalidPrompt, match=r"panoptic\.png"):
        read(*data)
