"""Between picture and square: where points go, and that windows of enlarged logits are parts of the whole."""

import numpy as np
import pytest

from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.image import Image
from rubylith.domain.rle import RLE
from rubylith.engine.frames import MEAN, STD, Frame

RNG = np.random.default_rng(0)


def test_sam_pads_below_and_to_the_right():
    frame = Frame.padded(Size(75, 100), 64, 32)
    assert (frame.used, frame.valid) == (Size(48, 64), Size(24, 32))
    pixels = frame.pixels(Image(np.full((75, 100, 3), 128, np.uint8), "x"))
    assert pixels.shape == (1, 3, 64, 64)
    assert np.allclose(pixels[0, :, :48], ((128 / 255 - MEAN) / STD)[:, None, None], atol=1e-6)
    assert not pixels[0, :, 48:].any()
    assert frame.points((Point(100, 75),)).tolist() == [[64, 48]]


def test_sam2_stretches():
    frame = Frame.stretched(Size(75, 100), 64, 16)
    assert (frame.used, frame.valid) == (Size(64, 64), Size(16, 16))
    assert frame.corners(Box(50, 0, 100, 75)).tolist() == [[32, 0], [64, 64]]


@pytest.mark.parametrize("lay", [Frame.padded, Frame.stretched])
@pytest.mark.parametrize("size", [Size(75, 100), Size(300, 20), Size(64, 64), Size(9, 200)], ids=str)
def test_any_window_of_the_enlarged_logits_is_that_part_of_the_whole(lay, size):
    frame = lay(size, 64, 16)
    logits = RNG.normal(size=(16, 16)).astype(np.float32)
    whole = frame.enlarge(logits, (0, 0, size.width, size.height))
    assert whole.shape == (size.height, size.width)
    x0, y0, x1, y1 = size.width // 3, size.height // 4, size.width // 3 + 5, size.height // 4 + 3
    assert np.allclose(frame.enlarge(logits, (x0, y0, x1, y1)), whole[y0:y1, x0:x1], atol=1e-5)


@pytest.mark.parametrize("lay", [Frame.padded, Frame.stretched])
def test_nothing_above_the_cut_lies_outside_the_window_of_its_cells(lay):
    for size in (Size(75, 100), Size(300, 20), Size(9, 200)):
        frame = lay(size, 64, 16)
        logits = np.full((16, 16), -2, np.float32)
        logits[3:5, 6:9] = 5
        inside = frame.enlarge(logits, (0, 0, size.width, size.height)) > -1
        x0, y0, x1, y1 = frame.window_of(np.array([6, 3, 9, 5]))
        assert inside.sum() == inside[y0:y1, x0:x1].sum()


def test_a_mask_as_logits_is_the_mask_again():
    frame = Frame.padded(Size(75, 100), 64, 64)
    bitmap = np.zeros((75, 100), np.bool_)
    bitmap[20:50, 30:80] = True
    logits = frame.logits_of(RLE.from_bitmap(bitmap))
    again = frame.enlarge(logits, (0, 0, 100, 75)) > 0
    assert (again & bitmap).sum() / (again | bitmap).sum() > 0.97
    assert logits.min() == -10


@pytest.mark.parametrize("window", [(0, 0, 9, 7), (2, 0, 6, 7), (3, 2, 5, 5), (0, 3, 9, 4), (8, 6, 9, 7)])
def test_rle_of_a_window_is_that_of_the_whole(window):
    x0, y0, x1, y1 = window
    for density in (0, 0.3, 0.8, 1):
        bitmap = np.zeros((7, 9), np.bool_)
        bitmap[y0:y1, x0:x1] = RNG.random((y1 - y0, x1 - x0)) < density
        assert RLE.from_window(Size(7, 9), bitmap[y0:y1, x0:x1], x0, y0) == RLE.from_bitmap(bitmap)


def test_a_frame_counts_what_it_keeps_for_enlarging():
    frame = Frame.padded(Size(300, 500), 128, 32)
    frame.enlarge(np.zeros((32, 32), np.float32), (0, 0, 500, 300))
    assert frame.nbytes == frame._rows.nbytes + frame._columns.nbytes
