"""What the masks show, on nothing, with soft edges."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import CASES, disc, picture, segmentation

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.formats.matte import TILE, encode, soft_alpha, soft_cutout

SIZE = Size(120, 160)
ORANGE, TEAL = (230, 120, 40), (20, 110, 130)


def composite(*, blur=2.0, noise=0.0):
    """An orange disc on teal, out of focus: pixels, and the true alpha from 0 to 1."""
    alpha = cv2.GaussianBlur(disc(SIZE, 80, 60, 40).astype(np.float64), (0, 0), blur)
    pixels = alpha[..., None] * ORANGE + (1 - alpha[..., None]) * TEAL
    pixels += np.random.default_rng(1).normal(0, noise, pixels.shape) if noise else 0
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), alpha


def error(alpha, truth):
    """Mean absolute difference where something is partly transparent, 0 to 1."""
    return float(np.abs(alpha / 255 - truth)[(truth > 0.02) & (truth < 0.98)].mean())


@pytest.mark.parametrize("noise", [0, 4])
def test_an_edge_out_of_focus_is_taken_apart_into_its_two_colours(noise):
    pixels, truth = composite(noise=noise)
    hard = truth > 0.5
    assert error(soft_alpha(pixels, hard), truth) < 0.4 * error(hard * 255, truth)


def test_an_outline_that_lies_a_little_off_is_moved_onto_the_pictures():
    pixels, truth = composite(blur=0.7)
    swollen = disc(SIZE, 80, 60, 41)
    assert error(soft_alpha(pixels, swollen), truth) < 0.5 * error(swollen * 255, truth)


def test_beyond_the_band_the_mask_is_believed():
    pixels, _ = composite()
    wrong = disc(SIZE, 40, 30, 20)  # half of it lies on teal
    alpha = soft_alpha(pixels, wrong)
    assert (alpha[disc(SIZE, 40, 30, 17)] == 255).all()
    assert not alpha[~disc(SIZE, 40, 30, 23)].any()


def test_sides_that_look_alike_get_a_smooth_edge_where_the_mask_is():
    flat = np.full((SIZE.height, SIZE.width, 3), 128, np.uint8)
    alpha = soft_alpha(flat, disc(SIZE, 80, 60, 40))
    row = alpha[60, 80:].astype(int)
    assert (np.diff(row) <= 0).all()
    assert 38 <= np.argmax(row < 128) <= 42


@pytest.mark.parametrize("value", [False, True])
def test_all_or_nothing_stays_all_or_nothing(value):
    pixels = picture(SIZE).pixels
    assert (soft_alpha(pixels, np.full(pixels.shape[:2], value)) == 255 * value).all()


def test_the_edge_of_the_picture_is_no_outline():
    pixels, _ = composite()
    left = np.zeros(pixels.shape[:2], bool)
    left[:, :80] = True
    assert (soft_alpha(pixels, left)[:, :70] == 255).all()


def test_a_tall_picture_has_no_seams():
    size = Size(3 * TILE, 40)
    pixels = np.repeat(np.linspace(0, 255, size.width, dtype=np.uint8)[None, :, None], size.height, axis=0)
    pixels = np.repeat(pixels, 3, axis=2)
    left = np.zeros((size.height, size.width), bool)
    left[:, :20] = True
    alpha = soft_alpha(pixels, left)
    assert np.array_equal(alpha, np.broadcast_to(alpha[0], alpha.shape))


def test_colours_are_the_pictures_own_and_nothing_of_the_background_is_left():
    pixels, truth = composite()
    image = Image(pixels, "digest")
    cutout = soft_cutout(segmentation(truth > 0.5), image)
    shown = cutout[..., 3] > 0
    assert np.array_equal(cutout[shown][:, :3], pixels[shown])
    assert not cutout[~shown].any()


def test_the_file_holds_all_masks_in_the_pictures_size():
    case = CASES["overlapping masks"]
    image = picture(case.size)
    (file,) = encode(case, image)
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(file.data))), soft_cutout(case, image))
