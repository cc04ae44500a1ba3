"""Polygons rasterise back to their masks, holes and all."""

import json

import numpy as np
import pytest
import skimage.draw
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.samples import bitmaps, blobs, disc, mask, ring, segmentation

from rubylith.domain.geometry import Size
from rubylith.formats import _contours
from rubylith.formats.polygons import document, encode


def parts_of(bitmap):
    (record,) = document(segmentation(bitmap), "")["masks"]
    return record["parts"]


def filled(parts, shape):
    """Even-odd filling by scikit-image, sampled at pixel centres."""
    result = np.zeros(shape, bool)
    for part in parts:
        for vertices in (part["outer"], *part["holes"]):
            result ^= skimage.draw.polygon2mask(shape, np.asarray(vertices)[:, ::-1] - 0.5)
    return result


def iou(one, other):
    return (one & other).sum() / max(1, (one | other).sum())


@given(bitmaps)
def test_small_masks_come_back_exactly(bitmap):
    if bitmap.sum() <= 400:
        assert np.array_equal(filled(parts_of(bitmap), bitmap.shape), bitmap)


@given(bitmaps)
def test_exact_rings_come_back_exactly_and_never_touch_themselves(bitmap):
    parts = _contours.trace(bitmap)
    rings = [ring for part in parts for ring in part.rings]
    assert np.array_equal(_contours.rasterise(rings, Size(*bitmap.shape)), bitmap)
    assert all(len(np.unique(ring, axis=0)) == len(ring) for ring in rings)


@pytest.mark.parametrize("seed", range(20))
def test_large_masks_come_back_within_a_hundredth(seed):
    bitmap = blobs(seed)
    assert bitmap.sum() > 400
    parts = parts_of(bitmap)
    assert iou(filled(parts, bitmap.shape), bitmap) >= 0.99


@pytest.mark.parametrize("shape", ["comb", "checkerboard", "noise", "diagonal", "frame"])
def test_awkward_large_masks_come_back_within_a_hundredth(shape):
    rows, columns = np.indices((60, 90))
    bitmap = {
        "comb": columns % 2 == 0,
        "checkerboard": (rows + columns) % 2 == 0,
        "noise": np.random.default_rng(3).random((60, 90)) < 0.5,
        "diagonal": abs(rows - columns) < 4,
        "frame": (rows < 3) | (rows > 56) | (columns < 2) | (columns > 88),
    }[shape]
    assert iou(filled(parts_of(bitmap), bitmap.shape), bitmap) >= 0.99


@given(st.lists(st.tuples(st.floats(-3, 23), st.floats(-3, 18)), min_size=3, max_size=12))
def test_rasterising_agrees_with_scikit_image(vertices):
    """Up to pixels whose centre lies on an edge, which may go either way."""
    xy = np.asarray(vertices) + np.array([0.1234, 0.0567])
    ours = _contours.rasterise([xy], Size(15, 20))
    theirs = skimage.draw.polygon2mask((15, 20), xy[:, ::-1] - 0.5)
    rows, columns = np.nonzero(ours != theirs)
    ends = np.roll(xy, -1, axis=0)
    for x, y in zip(columns + 0.5, rows + 0.5, strict=True):
        along = ends - xy
        share = np.clip(((np.array([x, y]) - xy) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12), 0, 1)
        assert np.linalg.norm(xy + share[:, None] * along - [x, y], axis=1).min() < 1e-6


def test_parts_and_holes_are_told_apart():
    size = Size(80, 160)
    bitmap = ring(size, 40, 40, 30, 15) | disc(size, 40, 40, 5) | ring(size, 115, 40, 25, 10)
    parts = parts_of(bitmap)
    assert [len(part["holes"]) for part in parts] == [1, 1, 0]


def test_pixels_that_touch_at_a_corner_are_two_parts():
    parts = parts_of(np.eye(2, dtype=bool))
    assert [part["outer"] for part in parts] == [[[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 1], [2, 1], [2, 2], [1, 2]]]


def test_a_hole_that_meets_the_outside_at_a_corner_is_still_a_hole():
    bitmap = np.ones((3, 3), bool)
    bitmap[1, 1] = bitmap[2, 2] = False
    (part,) = parts_of(bitmap)
    assert len(part["holes"]) == 1
    assert len(part["outer"]) == 6


def test_one_pixel_is_a_square_of_its_four_corners():
    bitmap = np.zeros((5, 7), bool)
    bitmap[2, 4] = True
    assert parts_of(bitmap) == [{"outer": [[4, 2], [5, 2], [5, 3], [4, 3]], "holes": []}]


def test_large_round_masks_need_few_vertices():
    (part,) = parts_of(disc(Size(400, 400), 200, 200, 180))
    assert len(part["outer"]) <= 80


def test_the_file_is_the_document():
    case = segmentation(mask(blobs(1)), mask(np.zeros((90, 120), bool)))
    (file,) = encode(case, None, "a.jpg")
    found = json.loads(file.data)
    assert found == document(case, "a.jpg")
    assert found["masks"][1] == {"id": 2, "label": None, "area": 0, "parts": []}
