"""Pictures of every size are seen at a size that edges, regions and the networks are made for."""

import cv2
import numpy as np
import pytest

import rubylith
from rubylith.domain.geometry import Size
from rubylith.engine.embedded.picture import WORKING_SIDE, read_picture


@pytest.mark.parametrize(
    ("longer", "seen"), [(2000, WORKING_SIDE), (512, 512), (400, 400), (341, WORKING_SIDE), (128, 512), (20, 80)]
)
def test_large_pictures_are_shrunk_and_small_ones_enlarged_up_to_four_times(longer: int, seen: int) -> None:
    picture = read_picture(np.zeros((longer // 2, longer, 3), np.uint8))
    assert picture.small.shape[1] == seen
    assert picture.size == Size(longer // 2, longer)
    assert picture.runs.size == picture.size


def test_a_thumbnail_gets_a_mask_for_each_thing_in_its_own_pixels() -> None:
    rng = np.random.default_rng(0)
    thumbnail = np.clip(rng.normal((70, 120, 80), 14, (64, 96, 3)), 0, 255).astype(np.uint8)
    things = [np.zeros((64, 96), np.uint8) for _ in range(3)]
    for thing, centre in zip(things, ((20, 20), (48, 40), (76, 22)), strict=True):
        cv2.circle(thing, centre, 5, 1, -1)
        thumbnail[thing > 0] = np.clip(rng.normal((200, 170, 60), 14, (int(thing.sum()), 3)), 0, 255)
    masks = [mask.bitmap() for mask in rubylith.segment(thumbnail).masks]
    for thing in things:
        best = max((mask & (thing > 0)).sum() / (mask | (thing > 0)).sum() for mask in masks)
        assert best > 0.75
    clicked = rubylith.segment(thumbnail, points=[(48, 40)]).masks[0].bitmap()
    boxed = rubylith.segment(thumbnail, boxes=[(42, 34, 55, 47)]).masks[0].bitmap()
    for mask in (clicked, boxed):
        assert mask.shape == (64, 96)
        assert (mask & (things[1] > 0)).sum() / (mask | (things[1] > 0)).sum() > 0.75


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3), (7, 90)])
def test_pictures_of_few_pixels_are_answered(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert all(mask.bitmap().shape == shape for mask in rubylith.segment(pixels).masks)
    middle = shape[1] / 2, shape[0] / 2
    assert rubylith.segment(pixels, points=[middle]).masks[0].bitmap()[int(middle[1]), int(middle[0])]
    assert rubylith.segment(pixels, boxes=[(0, 0, shape[1], shape[0])]).masks[0].bitmap().any()
