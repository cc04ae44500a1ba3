"""Lines that training reads: one object each."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from tests.formats.samples import CASES, bitmaps, blobs, disc, ring, segmentation

from rubylith.domain.geometry import Size
from rubylith.formats import _contours
from rubylith.formats.yolo import encode


def read(case):
    """(class, vertices in pixels) of every line."""
    files = {file.name: file.data.decode() for file in encode(case, None)}
    for line in files["labels.txt"].splitlines():
        category, *shares = line.split(" ")
        values = np.array(shares, float).reshape(-1, 2)
        assert values.min() >= 0
        assert values.max() <= 1
        yield int(category), values * [case.size.width, case.size.height]


@given(bitmaps)
def test_one_ring_gives_back_small_masks_with_parts_and_holes(bitmap):
    if 0 < bitmap.sum() <= 400:
        ((_, ring_),) = read(segmentation(bitmap))
        assert np.array_equal(_contours.rasterise([np.rint(ring_)], Size(*bitmap.shape)), bitmap)


@pytest.mark.parametrize("seed", range(5))
def test_one_ring_gives_back_large_masks(seed):
    bitmap = blobs(seed)
    ((_, vertices),) = read(segmentation(bitmap))
    again = _contours.rasterise([vertices], Size(*bitmap.shape))
    assert (again & bitmap).sum() / (again | bitmap).sum() >= 0.99


def test_a_hole_stays_open_where_opencv_fills_the_line():
    """As Ultralytics reads it: vertices cut down to whole pixels, cv2.fillPoly."""
    size = Size(200, 200)
    bitmap = ring(size, 100, 100, 80, 40)
    ((_, vertices),) = read(segmentation(bitmap))
    again = np.zeros((200, 200), np.uint8)
    cv2.fillPoly(again, [vertices.astype(np.int32)], 1)
    assert not again[80:120, 80:120].any()
    assert (bitmap & (again > 0)).sum() / (bitmap | (again > 0)).sum() > 0.95


def test_classes_count_from_0_without_gaps_and_names_are_listed():
    case = CASES["labels"]
    assert [kind for kind, _ in read(case)] == [1, 2, 0]
    names = encode(case, None)[1]
    assert (names.name, names.media_type) == ("names.yaml", "application/yaml")
    assert names.data.decode().splitlines()[:3] == ["names:", '  0: "object"', '  1: "dog"']


def test_without_labels_there_is_one_class_and_no_list():
    size = Size(40, 40)
    case = segmentation(disc(size, 10, 10, 5), disc(size, 30, 30, 5))
    assert [category for category, _ in read(case)] == [0, 0]
    assert len(encode(case, None)) == 1


def test_a_mask_without_pixels_has_no_line():
    assert len(list(read(CASES["an empty mask among others"]))) == 1
