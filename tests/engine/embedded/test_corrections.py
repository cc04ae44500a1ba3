"""A click changes what lies around it: neither everything, nor next to nothing."""

from pathlib import Path

import numpy as np
import pytest
from tests.engine.embedded.shapes import disc_scene, iou

import rubylith
from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine.embedded.network import Nano
from rubylith.engine.models.embedded import Embedded
from rubylith.engine.runtimes import Device

ROUND_THE_DISC = Box(33, 38, 147, 152)
MODELS = pytest.mark.parametrize("model", [Embedded(Nano(Device())), Embedded(None)], ids=["nano", "alone"])


def answered(model: Embedded, prompt: ObjectPrompt) -> np.ndarray:
    embedding = model.embed(Image(disc_scene()[0], "0" * 64))
    return model.decode(embedding, [prompt])[0][0].rle.bitmap()


@MODELS
def test_not_this_in_a_box_leaves_the_rest_of_what_the_box_means(model: Embedded) -> None:
    _, disc = disc_scene()
    mask = answered(model, ObjectPrompt((Point(90.5, 95.5, positive=False),), ROUND_THE_DISC))
    assert not mask[95, 90]
    assert np.count_nonzero(mask & disc) > 0.4 * np.count_nonzero(disc)


@MODELS
def test_this_too_in_a_box_adds_to_what_the_box_means(model: Embedded) -> None:
    whole = answered(model, ObjectPrompt(box=ROUND_THE_DISC))
    mask = answered(model, ObjectPrompt((Point(38.5, 43.5),), ROUND_THE_DISC))
    assert not whole[43, 38]
    assert mask[43, 38]
    assert np.count_nonzero(mask & whole) > 0.9 * np.count_nonzero(whole)


@MODELS
def test_a_click_far_from_a_mask_adds_a_thing_and_neither_a_speck_nor_the_picture(model: Embedded) -> None:
    _, disc = disc_scene()
    previous = RLE.from_bitmap(disc)
    mask = answered(model, ObjectPrompt((Point(210.5, 90.5),), previous=previous))  # the bar beside it
    assert iou(mask & disc, disc) > 0.9
    assert 200 < np.count_nonzero(mask & ~disc) < 0.5 * disc.size


@pytest.mark.parametrize(("first", "further"), [((290, 150), (230, 265)), ((19, 45), (286, 213))])
def test_the_same_in_a_photograph(first: tuple[int, int], further: tuple[int, int]) -> None:
    photo = rubylith.embed(Path(__file__).parents[3] / "examples" / "photo.jpg")
    before = rubylith.segment(photo, points=[first]).masks[0]
    after = rubylith.segment(photo, points=[first, further], previous=before).masks[0]
    assert 1000 < after.area - before.area < 0.25 * after.rle.size.area
