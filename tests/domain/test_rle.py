"""RLE: exact both ways, and nothing broken gets in from outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rubylith.domain import rle as rle_module
from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box, Size
from rubylith.domain.rle import RLE, rle_iou

bitmaps = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(bitmaps)
def test_bitmap_survives_the_round_trip(bitmap):
    rle = RLE.from_bitmap(bitmap)
    assert rle.size == Size(*bitmap.shape)
    assert rle.area == bitmap.sum()
    assert np.array_equal(rle.bitmap(), bitmap)


@given(bitmaps)
def test_runs_and_bitmaps_give_the_same_bytes(bitmap):
    flat = bitmap.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.r_[0, edges, flat.size])
    if flat[0]:
        runs = np.r_[0, runs]
    assert RLE.from_runs(Size(*bitmap.shape), runs) == RLE.from_bitmap(bitmap)


@given(bitmaps)
def test_coco_string_of_a_bitmap_is_accepted(bitmap):
    rle = RLE.from_bitmap(bitmap)
    assert RLE.from_coco(rle.size, rle.counts.decode()) == rle


@given(st.binary(max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_any_string_is_a_mask_of_that_size_or_is_rejected(counts, height, width):
    try:
        rle = RLE.from_coco(Size(height, width), counts)
    except InvalidPrompt:
        return
    assert rle.bitmap().shape == (height, width)


@pytest.mark.parametrize("counts", ["", "o", "00", "héllo", "zzzz", "\x00", "04"])
def test_broken_strings_are_named_as_such(counts):
    with pytest.raises(InvalidPrompt, match="10 x 10"):
        RLE.from_coco(Size(10, 10), counts)


def test_a_string_with_more_runs_than_pixels_is_refused_without_reading_them():
    size = Size(4, 4)
    with pytest.raises(InvalidPrompt, match="4 x 4"):
        RLE.from_coco(size, b"0" * 18)  # empty runs beyond the first
    assert RLE.from_coco(size, RLE.from_runs(size, np.r_[0, np.ones(16, int)]).counts).runs().size == 17


def test_the_most_codes_of_a_string_are_bounded_whatever_size_it_claims(monkeypatch):
    size = Size(64, 64)
    noise = RLE.from_bitmap(np.indices((64, 64)).sum(0) % 2 == 1)
    assert RLE.from_coco(size, noise.counts) == noise
    monkeypatch.setattr(rle_module, "MAX_CODES", len(noise.counts) - 1)
    with pytest.raises(InvalidPrompt, match="64 x 64"):
        RLE.from_coco(size, noise.counts)


@pytest.mark.parametrize(
    ("size", "counts"),
    [(Size(10, 10), b"P" * 8 + b"0"), (Size(1 << 20, 1 << 20), b"00"), (Size(10, 10), b"Oo10")],
    ids=["a run of too many codes", "more pixels than COCO counts", "a run below nothing"],
)
def test_a_string_that_no_encoder_writes_is_refused(size, counts):
    with pytest.raises(InvalidPrompt):
        RLE.from_coco(size, counts)


def test_box_is_tight_and_half_open():
    bitmap = np.zeros((5, 7), bool)
    bitmap[1:3, 2:6] = True
    assert RLE.from_bitmap(bitmap).box == Box(2, 1, 6, 3)
    assert RLE.from_bitmap(np.zeros((5, 7), bool)).box == Box(0, 0, 0, 0)


def test_iou_of_all_pairs():
    left, both = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    left[:, :2] = True
    ones = [RLE.from_bitmap(b) for b in (left, both, np.zeros((4, 4), bool))]
    assert np.allclose(rle_iou(ones, ones[:2]), [[1, 0.5], [0.5, 1], [0, 0]])
    assert rle_iou([], ones).shape == (0, 3)


@given(bitmaps)
def test_runs_are_what_the_string_says(bitmap):
    rle = RLE.from_bitmap(bitmap)
    assert RLE.from_runs(rle.size, rle.runs()) == rle
    assert rle.runs().sum() == rle.size.area


@given(bitmaps)
def test_tight_bitmap_is_the_whole_one_inside_its_box(bitmap):
    rle = RLE.from_bitmap(bitmap)
    box, inside = rle.tight()
    assert box == rle.box
    x0, y0, x1, y1 = (int(v) for v in (box.x0, box.y0, box.x1, box.y1))
    assert np.array_equal(inside, bitmap[y0:y1, x0:x1])


@given(bitmaps)
def test_some_rows_and_columns_are_those_of_the_whole_bitmap(bitmap):
    rows, columns = (np.arange(length)[::step] for length, step in zip(bitmap.shape, (2, 3), strict=True))
    seen = RLE.from_bitmap(bitmap).at(rows, columns)
    assert seen.flags.c_contiguous
    assert np.array_equal(seen, bitmap[::2, ::3])


def test_rows_and_columns_of_runs_that_no_encoder_writes():
    rle = RLE.from_runs(Size(3, 4), np.array([2, 0, 1, 2, 0, 1, 6, 0]))
    assert np.array_equal(rle.at(np.arange(3), np.arange(4)), rle.bitmap())


def test_tight_bitmap_of_runs_that_no_encoder_writes():
    """Runs of length 0 in the middle and at the end, as a string from outside may hold."""
    rle = RLE.from_runs(Size(3, 4), np.array([2, 0, 1, 2, 0, 1, 6, 0]))
    box, inside = rle.tight()
    assert (box, inside.tolist()) == (Box(1, 0, 2, 3), [[True], [True], [True]])
