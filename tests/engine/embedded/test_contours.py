"""Where the network of contours sees borders."""

import numpy as np
import pytest
from tests.engine.embedded.shapes import clover_scene, disc_scene

from rubylith.domain.errors import ModelFailed
from rubylith.domain.prompt import Everything
from rubylith.engine.embedded import contours
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


class SeesBright:
    """A network whose borders are what is bright, at half the size, as the real one gives them."""

    inputs = ("image",)

    def run(self, arrays):
        bright = arrays["image"][0].mean(axis=2, dtype=np.float32)
        rows, columns = bright.shape
        halved = bright.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
        return {"borders": np.tile((halved - 100) / 10, (1, 2, 1, 1))}


@pytest.mark.parametrize("scale", contours.SCALES)
@pytest.mark.parametrize(("height", "width"), [(150, 200), (151, 201), (101, 333)])
def test_a_border_lies_where_it_was_seen(scale, height, width, monkeypatch):
    """At each scale by itself, near the far edges too, where a wrong step adds up."""
    monkeypatch.setattr(contours, "SCALES", (scale,))
    pixels = np.zeros((height, width, 3), np.uint8)
    row, column = height - 20, width - 24
    pixels[row : row + 4], pixels[:, column : column + 4] = 255, 255
    likely = contours.likely_borders(SeesBright(), pixels)
    for line, place in ((likely[:, 10], row), (likely[10], column)):
        near = line[place - 8 : place + 12]
        centre = (near * np.arange(place - 8, place + 12)).sum() / near.sum()
        assert abs(centre - (place + 1.5)) < 0.6


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (16, 16), (33, 47), (300, 5)])
def test_pictures_of_any_size_have_borders_of_that_size(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    likely = NANO.borders(pixels)
    assert likely.shape == size
    assert likely.dtype == np.float32
    assert np.isfinite(likely).all()


def test_borders_that_are_no_numbers_are_the_files_fault(monkeypatch):
    monkeypatch.setitem(NANO.__dict__, "_contours", type("Broken", (SeesBright,), {"run": _nothing})())
    with pytest.raises(ModelFailed, match=r"contours\.onnx, is damaged: it answers what is no number"):
        NANO.borders(disc_scene()[0])


def _nothing(_self, arrays):
    rows, columns = arrays["image"].shape[1:3]
    return {"borders": np.full((1, 2, rows // 2, columns // 2), np.nan, np.float32)}


@pytest.mark.parametrize("colour", [0, 90, 255])
def test_nothing_is_told_apart_in_a_picture_of_one_colour(colour):
    picture = read_picture(np.full((300, 400, 3), colour, np.uint8), NANO)
    assert len(picture.leaves.areas) == 1
    (region,) = select(picture, Everything())
    assert picture.hierarchy.areas[region.node] == picture.leaves.labels.size
