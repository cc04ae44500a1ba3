"""Pictures do not change under anybody's hands."""

import numpy as np
import pytest

from rubylith.domain.errors import InvalidImage
from rubylith.domain.image import Image


def test_the_pixels_are_read_only_and_the_callers_array_is_not():
    pixels = np.zeros((4, 6, 3), np.uint8)
    image = Image(pixels, "digest")
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0] = 1
    pixels[0] = 1
    assert (image.size.height, image.size.width) == (4, 6)


@pytest.mark.parametrize("pixels", [np.zeros((4, 6)), np.zeros((4, 6, 4), np.uint8), np.zeros((0, 6, 3), np.uint8)])
def test_anything_but_rgb_bytes_is_refused(pixels):
    with pytest.raises(InvalidImage, match="shape"):
        Image(pixels, "digest")
