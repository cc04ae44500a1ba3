"""Pen strokes and dots among everything, and what is no stroke."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.engine.embedded.shapes import iou

from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything
from rubylith.engine.embedded.strokes import strokes
from rubylith.engine.embedded.superpixels import still_places
from rubylith.engine.engine import Engine

PHOTO = Path(__file__).parents[3] / "examples" / "photo.jpg"
PAPER, INK = (250, 248, 240), (30, 30, 60)


def paper():
    return np.full((400, 500, 3), PAPER, np.uint8)


def best(pixels, truths):
    """Of each truth the highest IoU with any mask of everything."""
    masks = [mask.bitmap() for mask in Engine().segment(Image(pixels, "drawing"), Everything()).masks]
    return [max((iou(mask, truth) for mask in masks), default=0.0) for truth in truths]


@pytest.mark.parametrize("kind", [cv2.LINE_8, cv2.LINE_AA])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_thin_strokes_are_told_apart(width, kind):
    pixels, truths = paper(), []
    for start, end in (((30, 40), (210, 160)), ((260, 350), (440, 60)), ((60, 300), (200, 320))):
        cv2.line(pixels, start, end, INK, width, kind)
        alone = np.zeros(pixels.shape[:2], np.uint8)
        cv2.line(alone, start, end, 1, width)
        truths.append(alone > 0)
    assert min(best(pixels, truths)) > (0.5 if kind == cv2.LINE_8 else 0.4)  # soft ones are two pixels wider


def test_a_closed_pen_line_stays_the_outline_of_what_it_surrounds():
    pixels, inside = paper(), np.zeros((400, 500), np.uint8)
    cv2.circle(pixels, (240, 200), 110, INK, 2)
    cv2.circle(inside, (240, 200), 110, 1, -1)
    assert best(pixels, [inside > 0])[0] > 0.95


def test_dots_are_told_apart_where_no_seed_of_the_grid_falls():
    pixels, truths = paper(), []
    for x, y in ((41, 53), (133, 121), (226, 303), (390, 90), (447, 338)):
        cv2.circle(pixels, (x, y), 3, INK, -1)
        alone = np.zeros(pixels.shape[:2], np.uint8)
        cv2.circle(alone, (x, y), 3, 1, -1)
        truths.append(alone > 0)
    assert min(best(pixels, truths)) > 0.7


def test_one_seed_asks_for_no_more_than_what_it_falls_on():
    pixels = paper()
    cv2.circle(pixels, (41, 53), 3, INK, -1)
    found = Engine().segment(Image(pixels, "dot"), Everything(points_per_side=1))
    assert all(mask.bitmap()[200, 250] for mask in found.masks)


def test_hatching_and_the_outline_of_a_filled_thing_are_no_strokes():
    hatched, filled, tip = paper(), paper(), paper()
    for x in range(150, 330, 6):
        cv2.line(hatched, (x, 120), (x + 40, 260), INK, 2)
    cv2.circle(filled, (240, 200), 110, (200, 60, 60), -1)
    cv2.circle(filled, (240, 200), 110, INK, 2)
    cv2.fillPoly(tip, [np.array([[200, 20], [230, 380], [170, 380]])], INK)
    for pixels in (hatched, filled, tip):
        assert not strokes(pixels, still_places(pixels))[0].any()


@pytest.mark.parametrize(("drawn", "told_apart"), [(200, 200), (201, 0)])
def test_more_than_200_strokes_are_a_texture_of_which_none_is_told_apart(drawn, told_apart):
    pixels = paper()
    for place in range(drawn):
        row, column = divmod(place, 20)
        cv2.line(pixels, (20 + 24 * column, 20 + 24 * row), (28 + 24 * column, 20 + 24 * row), INK, 2)
    assert strokes(pixels, still_places(pixels))[0].max() == told_apart


def test_of_a_thumbnail_no_mask_is_so_small_that_it_shows_no_shape():
    thumbnail = cv2.resize(cv2.imread(str(PHOTO))[..., ::-1], (48, 32), interpolation=cv2.INTER_AREA)
    found = Engine().segment(Image(np.ascontiguousarray(thumbnail), "thumbnail"), Everything())
    assert found.masks
    assert min(mask.area for mask in found.masks) >= 7  # 9, but for what a pixel's middle decides
