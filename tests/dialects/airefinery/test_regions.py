"""Which points mean one region, and whose a pixel is where regions overlap."""

import numpy as np
import pytest

from rubylith.dialects.airefinery.regions import label_map, same_region
from rubylith.domain.geometry import Point, Size
from rubylith.domain.mask import Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation

SIZE = Size(10, 30)


def band(x0, x1, *points, iou=0.9):
    """A mask of whole columns, clicked at these columns of row 5."""
    bitmap = np.zeros((SIZE.height, SIZE.width), bool)
    bitmap[:, x0:x1] = True
    rle = RLE.from_bitmap(bitmap)
    return Mask(rle, rle.box, predicted_iou=iou, points=tuple(Point(x, 5) for x in points))


def labels(*masks):
    return label_map(Segmentation(SIZE, masks, disjoint=False, model="drawn"))


@pytest.mark.parametrize(
    ("masks", "groups"),
    [
        ([band(0, 10, 2), band(20, 30, 25)], ((0,), (1,))),
        ([band(0, 10, 2), band(0, 10, 8)], ((0, 1),)),
        ([band(0, 10, 2), band(7, 10, 8)], ((0,), (1,))),  # only one lies in the other's mask
        ([band(7, 10, 8), band(0, 10, 2)], ((0,), (1,))),
        ([band(0, 12, 2), band(0, 30, 11), band(8, 30, 25)], ((0, 1, 2),)),  # a chain
        ([band(0, 10, 2), band(20, 30, 25), band(0, 10, 3)], ((0, 2), (1,))),
        ([band(0, 0, 2), band(0, 0, 2.9), band(0, 0, 3)], ((0, 1), (2,))),  # empty masks; two on one pixel
    ],
)
def test_points_in_each_others_masks_mean_one_region(masks, groups):
    assert same_region(masks) == groups


def test_the_higher_score_lies_on_top_and_of_equals_the_first():
    higher = labels(band(0, 20, 1, iou=0.5), band(10, 30, 29, iou=0.8))
    assert np.unique(higher[:, 10:20]).tolist() == [2]
    equal = labels(band(0, 20, 1), band(10, 30, 29))
    assert np.unique(equal[:, 10:20]).tolist() == [1]


def test_the_pixel_under_a_point_is_its_own_regions():
    covered = labels(band(10, 12, 10.7, iou=0.1), band(0, 30, 29))
    assert covered[5, 10] == 1
    assert (covered == 1).sum() == 1


@pytest.mark.parametrize("points", [((3,), (3, 8)), ((3, 8), (3,)), ((3,), (3,))])
def test_every_region_is_seen_even_where_points_are_shared(points):
    shared = labels(*(band(0, 30, *columns) for columns in points))
    assert np.unique(shared).tolist() == [1, 2]


def test_a_region_outside_of_any_mask_is_background():
    assert np.unique(labels(band(10, 20, 15))).tolist() == [0, 1]
