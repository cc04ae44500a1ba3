"""What is done to masks after the model has spoken."""

import numpy as np

from rubylith.domain.geometry import Size
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


def test_each_pixel_goes_to_the_smallest_mask_that_covers_it():
    large, small, hidden = square(0, 0, 10, 10), square(2, 2, 5, 5), square(2, 2, 5, 5)
    result = disjoint([mask_of(large), mask_of(small), mask_of(hidden)], Size(20, 20))
    assert len(result) == 2
    assert np.array_equal(result[0].rle.bitmap(), large & ~small)
    assert sum(mask.rle.area for mask in result) == 100
