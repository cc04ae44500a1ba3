"""Pictures of every size are seen at a size that edges, regions and the networks are made for."""

from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import rubylith
from rubylith.domain.geometry import Size
from rubylith.engine.embedded.picture import WORKING_SIDE, Picture, read_picture

PHOTO = Path(__file__).parents[3] / "examples" / "photo.jpg"


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


def held(thing: object, counted: set[int]) -> int:
    """Bytes of all arrays that a value leads to, each once; of a view those of all that it keeps alive."""
    if isinstance(thing, np.ndarray):
        while isinstance(thing.base, np.ndarray):
            thing = thing.base
        is_new = id(thing) not in counted
        counted.add(id(thing))
        return thing.nbytes if is_new else 0
    if not is_dataclass(thing):
        return 0
    parts = {**{field.name: getattr(thing, field.name) for field in fields(thing)}, **getattr(thing, "__dict__", {})}
    return sum(held(part, counted) for part in parts.values())


@pytest.mark.parametrize("size", [(48, 32), (256, 256), (500, 330), (600, 400), (2400, 1600)])
@pytest.mark.parametrize("kind", ["photograph", "flat", "noise"])
def test_a_picture_says_what_it_takes_in_memory_once_all_has_been_asked_of_it(size: tuple[int, int], kind: str) -> None:
    """The cache goes by it: what is left out here would be held beyond the limit."""
    with Image.open(PHOTO) as opened:
        pixels = np.asarray(opened.convert("RGB").resize(size))
    if kind != "photograph":
        noise = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
        pixels = noise if kind == "noise" else np.zeros_like(pixels)
    picture = read_picture(pixels)
    stated = picture.nbytes
    for name, value in vars(Picture).items():
        if isinstance(value, cached_property):
            getattr(picture, name)
    assert stated == pytest.approx(held(picture, set()), rel=0.1)
