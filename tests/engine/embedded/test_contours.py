"""Where the network of contours sees borders."""

import numpy as np
import pytest
from tests.engine.embedded.shapes import clover_scene, disc_scene

from rubylith.domain.prompt import Everything
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.picture import read_picture
from rubylith.engine.embedded.proposals import select
from rubylith.engine.runtimes import Device

NANO = Nano(Device())


def ring(mask: np.ndarray, within: int = 2) -> np.ndarray:
    """Pixels at most `within` across or down from the outline of a mask: (H, W) bool."""
    rows, columns = np.nonzero(np.diff(mask, axis=0))[0], np.nonzero(np.diff(mask, axis=0))[1]
    near = np.zeros_like(mask)
    for row, column in [*zip(rows, columns, strict=True), *np.argwhere(np.diff(mask, axis=1))]:
        near[max(row - within, 0) : row + within + 1, max(column - within, 0) : column + within + 1] = True
    return near


@pytest.mark.parametrize("scene", [disc_scene, clover_scene])
def test_borders_are_likely_on_the_outline_and_nowhere_far_from_one(scene):
    pixels, mask = scene()
    likely = NANO.borders(pixels)
    assert likely.shape == mask.shape
    assert likely.min() >= 0
    assert likely.max() <= 1
    assert likely[ring(mask)].mean() > 4 * likely[~ring(mask, 12)].mean()


@pytest.mark.parametrize("column", [60, 61, 101, 140])
def test_a_border_is_found_where_it_is(column):
    """At all scales: maps that lie half a pixel beside the picture would add up to a broad or shifted ridge."""
    pixels = np.full((150, 200, 3), (90, 100, 80), np.uint8)
    pixels[:, column:] = (170, 90, 70)
    across = NANO.borders(pixels)[40:110].mean(axis=0)
    assert abs((across[10:-10].argmax() + 10) - (column - 0.5)) <= 1.5


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (16, 16), (33, 47), (300, 5)])
def test_pictures_of_any_size_have_borders_of_that_size(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    likely = NANO.borders(pixels)
    assert likely.shape == size
    assert likely.dtype == np.float32
    assert np.isfinite(likely).all()


@pytest.mark.parametrize("colour", [0, 90, 255])
def test_nothing_is_told_apart_in_a_picture_of_one_colour(colour):
    picture = read_picture(np.full((300, 400, 3), colour, np.uint8), NANO)
    assert len(picture.leaves.areas) == 1
    (region,) = select(picture, Everything())
    assert picture.hierarchy.areas[region.node] == picture.leaves.labels.size
