"""Closed forms against what they stand for: repeated dilation, and the sum over the kernel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rubylith.service.morphology import blurred, filled, grown, kernel

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=17))
SPARSE = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24), fill=st.just(value=False))


def one_step(mask, *, diagonal):
    """One 3 x 3 dilation: each pixel is the highest of its neighbours."""
    height, width = mask.shape
    around = np.pad(mask, 1)
    places = [(y, x) for y in range(3) for x in range(3) if diagonal or 1 in (y, x)]
    return np.any([around[y : y + height, x : x + width] for y, x in places], axis=0)


def stepwise(mask, steps, *, diagonal):
    if steps < 0:
        return ~stepwise(~mask, -steps, diagonal=diagonal)
    for _ in range(steps):
        mask = one_step(mask, diagonal=diagonal)
    return mask


def summed(mask, radius, sigma):
    """The definition: weights over a reflected picture, in float64, not rounded."""
    size = 2 * radius + 1
    if min(mask.shape) <= size:
        size = min(mask.shape) // 2
        size += size % 2 == 0
    if radius == 0 or size < 3:
        return mask * 255.0
    half = size // 2
    weights = np.array([np.exp(-(i**2) / (2 * sigma**2)) for i in range(-half, half + 1)])
    weights /= weights.sum()
    around = np.pad(mask * 255.0, half, mode="reflect")
    height, width = mask.shape
    return sum(
        weights[i] * weights[j] * around[i : i + height, j : j + width] for i in range(size) for j in range(size)
    )


@given(MASKS | SPARSE, st.integers(-6, 6), st.booleans())
def test_growing_and_shrinking_is_what_repeated_steps_give(mask, steps, diagonal):
    before = mask.copy()
    assert (grown(mask, steps, diagonal=diagonal) == stepwise(mask, steps, diagonal=diagonal)).all()
    assert (mask == before).all()


@given(MASKS, st.sampled_from([-16384, 16384]), st.booleans())
def test_very_far_fills_what_has_anything_and_empties_what_is_not_full(mask, steps, diagonal):
    full = mask.any() if steps > 0 else mask.all()
    assert (grown(mask, steps, diagonal=diagonal) == full).all()


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("steps", [1, 40, 700, -1, -40])
def test_a_large_mask_grows_by_its_distance(steps, diagonal):
    mask = np.zeros((600, 900), bool)
    mask[100:300, 200:420] = True
    mask[500, 880] = True
    y, x = np.mgrid[:600, :900]
    edges = [(100, 300, 200, 420), (500, 501, 880, 881)]
    away = []
    for y0, y1, x0, x1 in edges:
        dy, dx = (np.maximum(np.maximum(a - p, p - (b - 1)), 0) for p, a, b in ((y, y0, y1), (x, x0, x1)))
        away.append(np.maximum(dy, dx) if diagonal else dy + dx)
    if steps > 0:
        expected = np.minimum(*away) <= steps
    else:
        n = -steps
        expected = np.zeros_like(mask)
        expected[100 + n : 300 - n, 200 + n : 420 - n] = True  # the sides of a rectangle are nearest
    assert (grown(mask, steps, diagonal=diagonal) == expected).all()


def test_what_touches_the_border_is_not_eaten_from_there():
    mask = np.zeros((20, 20), bool)
    mask[5:15, :8] = True
    shrunk = grown(mask, -3, diagonal=True)
    assert shrunk[8:12, :5].all()
    assert shrunk.sum() == 4 * 5


def flooded(mask):
    """What is not reached from the border, step by step."""
    fenced = np.pad(mask, 1)
    reached = np.zeros_like(fenced)
    reached[0], reached[-1], reached[:, 0], reached[:, -1] = (True,) * 4
    while not np.array_equal(further := one_step(reached, diagonal=False) & ~fenced, reached):
        reached = further
    return ~reached[1:-1, 1:-1]


@given(MASKS | SPARSE)
def test_a_filled_mask_has_all_that_is_cut_off_from_the_border(mask):
    before = mask.copy()
    assert np.array_equal(filled(mask), flooded(mask))
    assert np.array_equal(mask, before)


@given(MASKS | SPARSE, st.integers(0, 6), st.floats(0.1, 100))
def test_a_blur_is_the_sum_over_its_kernel(mask, radius, sigma):
    soft, exact = blurred(mask, radius, sigma), summed(mask, radius, sigma)
    assert soft.dtype == np.uint8
    assert np.abs(soft - exact).max() <= 0.5 + 1e-3  # rounded to the nearest


def test_a_wide_blur_of_a_small_thing_in_a_large_picture_is_exact_too():
    mask = np.zeros((300, 420), bool)
    mask[3:9, 200:230] = True
    mask[290:, 400:] = True
    for radius, sigma in ((30, 9.0), (100, 100.0), (100, 2.0)):
        assert np.abs(blurred(mask, radius, sigma) - summed(mask, radius, sigma)).max() <= 0.5 + 1e-3


def test_a_sigma_of_a_tenth_changes_nothing_whatever_the_kernel():
    mask = np.random.default_rng(0).random((50, 60)) > 0.5
    for radius in (0, 1, 20, 100):
        assert (blurred(mask, radius, 0.1) == mask * 255).all()


@pytest.mark.parametrize(
    ("radius", "side", "taps"),
    [(3, 100, 7), (3, 8, 7), (3, 7, 3), (3, 5, 3), (3, 4, 3), (3, 3, 1), (1, 3, 1), (0, 9, 1)],
)
def test_the_kernel_is_cut_down_for_small_pictures(radius, side, taps):
    weights = kernel(radius, 100.0, shorter_side=side)
    assert len(weights) == taps
    assert weights.sum() == pytest.approx(1)
