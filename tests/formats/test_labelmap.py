"""One number per pixel."""

import io

import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import CASES, disc, mask, segmentation

from rubylith.domain.errors import TooLarge
from rubylith.domain.geometry import Size
from rubylith.formats.labelmap import encode


def labels(case):
    (file,) = encode(case, None)
    with PIL.Image.open(io.BytesIO(file.data)) as opened:
        return np.asarray(opened), opened.mode


def test_disjoint_masks_come_back_from_their_numbers():
    case = CASES["300 masks"]
    found, mode = labels(case)
    assert mode.startswith("I")
    assert all(np.array_equal(found == number, m.rle.bitmap()) for number, m in enumerate(case.masks, 1))


def test_up_to_255_masks_take_8_bits():
    masks = CASES["300 masks"].masks
    assert labels(segmentation(*masks[:255]))[1] == "L"
    assert labels(segmentation(*masks[:256]))[1].startswith("I")


def test_the_smaller_mask_lies_on_top_whatever_the_order():
    size = Size(50, 50)
    large, small = disc(size, 25, 25, 20), disc(size, 25, 25, 5)
    for order in ((large, small), (small, large)):
        found, _ = labels(segmentation(*order))
        number = 1 + [o is small for o in order].index(True)
        assert np.array_equal(found == number, small)
        assert np.array_equal(found > 0, large)


def test_of_equals_the_better_one_lies_on_top():
    found, _ = labels(segmentation(np.ones((2, 2), bool), np.ones((2, 2), bool)))
    assert found.tolist() == [[1, 1], [1, 1]]


def test_more_masks_than_numbers_is_an_error_that_says_what_to_do():
    one = mask(np.ones((1, 1), bool))
    with pytest.raises(TooLarge, match=r"65535 masks, but there are 65536.*max_masks"):
        encode(segmentation(*[one] * 65536), None)
