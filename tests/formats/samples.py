"""Small segmentations to write, and hypothesis strategies for more of them."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation


def mask(bitmap, label=None, *, points=(), predicted_iou=0.875, stability_score=0.96875):
    rle = RLE.from_bitmap(np.asarray(bitmap, bool))
    return Mask(rle, rle.box, predicted_iou, stability_score, points, label)


def segmentation(*masks, size=None):
    """Masks may be given as bitmaps."""
    made = tuple(m if isinstance(m, Mask) else mask(m) for m in masks)
    return Segmentation(size or made[0].rle.size, made, disjoint=False, model="embedded")


def picture(size):
    """A colourful picture of this size, the same every time."""
    return Image(np.random.default_rng(7).integers(0, 256, (size.height, size.width, 3), np.uint8), "0" * 64)


def disc(size, x, y, radius):
    rows, columns = np.ogrid[: size.height, : size.width]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def ring(size, x, y, radius, hole):
    return disc(size, x, y, radius) & ~disc(size, x, y, hole)


def grid(size, *, side):
    """One square per cell of a grid, a pixel apart."""
    for top in range(0, size.height, side):
        for left in range(0, size.width, side):
            bitmap = np.zeros((size.height, size.width), bool)
            bitmap[top : top + side - 1, left : left + side - 1] = True
            yield bitmap


def _cases():
    wide, small = Size(20, 40), Size(60, 80)
    one_pixel = np.zeros((20, 40), bool)
    one_pixel[7, 11] = True
    strip = np.zeros((3, 20000), bool)
    strip[1, 50:19000] = True
    return {
        "no masks": segmentation(size=wide),
        "an empty mask": segmentation(np.zeros((20, 40), bool)),
        "an empty mask among others": segmentation(np.zeros((20, 40), bool), one_pixel),
        "one pixel": segmentation(one_pixel),
        "the whole picture": segmentation(np.ones((20, 40), bool)),
        "300 masks": segmentation(*grid(Size(60, 80), side=4)),
        "overlapping masks": segmentation(
            disc(small, 30, 30, 20), disc(small, 45, 30, 20), disc(small, 36, 30, 5), np.ones((60, 80), bool)
        ),
        "labels": segmentation(
            mask(disc(small, 20, 20, 9), Label("dog", 17, score=0.5), points=(Point(20, 20), Point(3.25, 4, False))),
            mask(disc(small, 50, 30, 9), Label("a <b> & \"c\" 'd' \x00 ü", None, is_thing=False)),
            mask(disc(small, 60, 40, 9)),
        ),
        "1 x 1": segmentation(np.ones((1, 1), bool)),
        "20000 x 3": segmentation(strip, ~strip),
    }


CASES = _cases()
bitmaps = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))


@st.composite
def segmentations(draw):
    """One to four masks over one picture, any pixels at all."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))
    found = draw(st.lists(hnp.arrays(bool, shape), min_size=1, max_size=4))
    labels = st.none() | st.builds(Label, st.text(max_size=5), st.integers(0, 90), st.just(True), st.floats(0, 1))
    return segmentation(*(mask(bitmap, draw(labels)) for bitmap in found))


def blobs(seed):
    """A ragged mask of over 400 pixels with parts and holes: smooth noise, cut."""
    size = Size(90, 120)
    noise = np.random.default_rng(seed).standard_normal((size.height // 6 + 2, size.width // 6 + 2))
    smooth = np.kron(noise, np.ones((6, 6)))
    for axis in (0, 1):
        smooth = sum(np.roll(smooth, shift, axis) for shift in range(-4, 5))
    return smooth[: size.height, : size.width] > 0
