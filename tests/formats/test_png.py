"""A mask's PNG is the mask, pixel for pixel."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from tests.formats.samples import CASES, bitmaps, mask, picture, segmentation

from rubylith.domain.rle import RLE
from rubylith.formats import _png, png, png1


@given(bitmaps)
def test_8_bit_png_is_the_mask_with_255_for_yes(bitmap):
    (file,) = png.encode(segmentation(bitmap), None)
    with PIL.Image.open(io.BytesIO(file.data)) as opened:
        assert opened.mode == "L"
        assert np.array_equal(np.asarray(opened), bitmap * np.uint8(255))


@given(bitmaps)
def test_1_bit_png_is_the_mask(bitmap):
    (file,) = png1.encode(segmentation(bitmap), None)
    with PIL.Image.open(io.BytesIO(file.data)) as opened:
        assert opened.mode == "1"
        assert np.array_equal(np.asarray(opened), bitmap)


@given(bitmaps)
def test_run_lengths_survive_the_way_through_a_png(bitmap):
    one = segmentation(bitmap)
    for writer in (png, png1):
        (file,) = writer.encode(one, None)
        again = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert RLE.from_bitmap(again > 0) == one.masks[0].rle


@pytest.mark.parametrize(("height", "width"), [(3000, 1500), (1100, 1023), (1, 3_000_000)])
@pytest.mark.parametrize("bit_depth", [1, 8])
def test_checksums_hold_over_long_stretches_of_nothing(height, width, bit_depth):
    """Both readers verify the checksum that is worked out rather than summed up."""
    bitmap = np.zeros((height, width), bool)
    bitmap[height // 2, width // 3 : width // 2] = True
    data = _png.grey_png(mask(bitmap), bit_depth=bit_depth)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.verify()
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert np.array_equal(np.asarray(opened) > 0, bitmap)


def test_files_are_numbered_by_the_masks_ids():
    case = CASES["300 masks"]
    names = [file.name for file in png.encode(case, picture(case.size))]
    assert (names[0], names[9], names[299]) == ("masks/001.png", "masks/010.png", "masks/300.png")
    assert png1.encode(case, picture(case.size))[0].name == "masks-1bit/001.png"


def test_a_small_mask_of_a_large_picture_takes_little_room():
    bitmap = np.zeros((3000, 4000), bool)
    bitmap[1000:1010, 1000:1010] = True
    assert len(_png.grey_png(mask(bitmap), bit_depth=8)) < 16000
    assert len(_png.grey_png(mask(bitmap), bit_depth=1)) < 3000
