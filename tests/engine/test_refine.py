"""What is done to masks after the model has spoken."""

import hypothesis.extra.numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubylith.domain.geometry import Size
from rubylith.domain.job import Cancelled
from rubylith.domain.mask import Mask
from rubylith.domain.rle import RLE
from rubylith.engine.refine import box_nms, disjoint, mend_small_regions, remove_small_regions


def mask_of(bitmap, predicted_iou=0.9):
    rle = RLE.from_bitmap(bitmap)
    return Mask(rle, rle.box, predicted_iou)


def square(y0, x0, y1, x1, size=20):
    bitmap = np.zeros((size, size), bool)
    bitmap[y0:y1, x0:x1] = True
    return bitmap


def test_nms_keeps_the_better_of_two_and_whatever_lies_apart():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]], float)
    assert box_nms(boxes, np.array([0.5, 0.9, 0.1]), 0.7) == [1, 2]
    assert box_nms(boxes, np.array([0.5, 0.9, 0.1]), 0.9) == [1, 0, 2]


def test_nms_of_nothing_is_nothing():
    assert box_nms(np.zeros((0, 4)), np.zeros(0), 0.5) == []


def test_holes_are_filled_and_islands_dropped_below_the_limit():
    bitmap = square(2, 2, 12, 12)
    bitmap[5:7, 5:7] = False  # a hole of 4
    bitmap[15:18, 15:18] = True  # an island of 9
    assert np.array_equal(remove_small_regions(bitmap, 4)[0], bitmap)
    assert remove_small_regions(bitmap, 4)[1] is False
    filled, changed = remove_small_regions(bitmap, 5)
    assert changed
    assert filled[5:7, 5:7].all()
    assert filled[15:18, 15:18].all()
    cleaned, _ = remove_small_regions(bitmap, 10)
    assert np.array_equal(cleaned, square(2, 2, 12, 12))


def test_the_largest_island_stays_however_small():
    bitmap = square(0, 0, 2, 2) | square(10, 10, 13, 13)
    cleaned, changed = remove_small_regions(bitmap, 100)
    assert changed
    assert np.array_equal(cleaned, square(10, 10, 13, 13))


def test_a_mask_that_is_one_small_island_counts_as_mended_as_in_the_reference():
    crumb = square(2, 2, 5, 5)
    assert remove_small_regions(crumb, 100)[1]
    kept = mend_small_regions([mask_of(crumb), mask_of(square(1, 1, 6, 6))], 20, 0.3)
    assert [mask.rle.area for mask in kept] == [25]


def test_of_islands_as_large_as_each_other_the_first_stays_wherever_the_window_begins():
    bitmap = np.zeros((8, 10), bool)
    bitmap[6, 2] = bitmap[7, 0] = True
    (mended,) = mend_small_regions([mask_of(bitmap)], 2, 0.7)
    assert np.argwhere(mended.rle.bitmap()).tolist() == [[6, 2]]


def test_an_empty_mask_stays_empty():
    cleaned, changed = remove_small_regions(np.zeros((20, 20), bool), 5)
    assert not changed
    assert not cleaned.any()


def test_of_two_masks_alike_after_mending_the_untouched_one_stays():
    whole = square(2, 2, 12, 12)
    pierced = whole.copy()
    pierced[5, 5] = False
    kept = mend_small_regions([mask_of(pierced, 0.99), mask_of(whole, 0.5)], 3, 0.7)
    assert [mask.predicted_iou for mask in kept] == [0.5]


@settings(max_examples=300, deadline=None)
@given(
    hypothesis.extra.numpy.arrays(
        bool, hypothesis.extra.numpy.array_shapes(min_dims=2, max_dims=2, max_side=14)
    ).filter(np.any),
    st.integers(1, 250),
)
def test_mending_in_a_window_is_mending_of_the_whole(bitmap, min_area):
    mask = mask_of(bitmap)
    (mended,) = mend_small_regions([mask], min_area, 0.7)
    whole, changed = remove_small_regions(bitmap, min_area)
    assert np.array_equal(mended.rle.bitmap(), whole)
    assert (mended is mask) is not changed
    assert mended.box == mended.rle.box


def test_mending_tells_how_far_it_is_and_can_be_stopped():
    masks, told = [mask_of(square(2, 2, 12, 12))] * 4, []
    mend_small_regions(masks, 3, 1.0, progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]

    def stop(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        mend_small_regions(masks, 3, 1.0, progress=stop)


@settings(max_examples=200, deadline=None)
@given(hypothesis.extra.numpy.arrays(bool, st.tuples(st.integers(0, 5), st.just(6), st.just(7))))
def test_disjoint_masks_are_what_the_smallest_cover(bitmaps):
    masks = [mask_of(bitmap) for bitmap in bitmaps]
    found = disjoint(masks, Size(6, 7))
    order = sorted(range(len(bitmaps)), key=lambda index: -bitmaps[index].sum())
    owner = np.full((6, 7), -1)
    for index in order:
        owner[bitmaps[index]] = index
    wanted = [owner == index for index in range(len(bitmaps)) if (owner == index).any()]
    assert [np.array_equal(mask.rle.bitmap(), one) for mask, one in zip(found, wanted, strict=True)] == [True] * len(
        wanted
    )


def test_each_pixel_goes_to_the_smallest_mask_that_covers_it():
    large, small, hidden = square(0, 0, 10, 10), square(2, 2, 5, 5), square(2, 2, 5, 5)
    result = disjoint([mask_of(large), mask_of(small), mask_of(hidden)], Size(20, 20))
    assert len(result) == 2
    assert np.array_equal(result[0].rle.bitmap(), large & ~small)
    assert sum(mask.rle.area for mask in result) == 100
