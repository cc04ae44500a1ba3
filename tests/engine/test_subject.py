"""The subject of a picture, for every family and with the one that is always there."""

import numpy as np
import pytest
from tests.fakes import FakeSegmenter, disc

from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Subject
from rubylith.domain.rle import RLE
from rubylith.engine import subject
from rubylith.engine.engine import Engine

SIZE = Size(180, 240)


def drawn(x=120, y=90, radius=45):
    """A striped disc on a ground that darkens to one side, and what it covers."""
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width]
    pixels = np.stack([40 + columns // 8, 110 - columns // 8, 120 + rows // 9], axis=2).astype(np.uint8)
    inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    pixels[inside] = np.where((columns // 12 % 2)[..., None], (230, 120, 40), (240, 180, 60))[inside]
    return Image(pixels, f"{x} {y} {radius}"), inside


def iou(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


@pytest.mark.parametrize(("x", "y", "radius"), [(120, 90, 45), (120, 90, 30), (130, 85, 40)])
def test_a_thing_in_the_middle_is_the_subject(x, y, radius):
    image, truth = drawn(x, y, radius)
    (mask,) = Engine().segment(image, Subject()).masks
    assert iou(mask.bitmap(), truth) > 0.85


def test_the_same_picture_has_the_same_subject():
    image, _ = drawn()
    assert Engine().segment(image, Subject()) == Engine().segment(image, Subject())


def test_a_picture_of_nothing_has_a_subject_too():
    plain = Image(np.full((60, 80, 3), 128, np.uint8), "plain")
    assert len(Engine().segment(plain, Subject()).masks) == 1


@pytest.mark.parametrize("size", [Size(1, 1), Size(2, 300), Size(300, 2)])
def test_the_smallest_pictures_can_be_asked(size):
    image = Image(np.full((size.height, size.width, 3), 9, np.uint8), f"{size}")
    assert len(Engine().segment(image, Subject()).masks) <= 1


def test_every_family_is_asked_for_what_fills_the_middle():
    segmenter = FakeSegmenter()
    found = subject.segment(segmenter, segmenter.embed(Image(np.zeros((30, 30, 3), np.uint8), "any")))
    assert [mask.rle for mask in found.masks] == [disc(Size(30, 30), 15, 15).rle]


def test_a_family_that_finds_nothing_has_no_subject():
    class Blind(FakeSegmenter):
        def decode(self, embedding, prompts):
            return tuple(() for _ in prompts)

    segmenter = Blind()
    assert subject.segment(segmenter, segmenter.embed(Image(np.zeros((60, 80, 3), np.uint8), "any"))).masks == ()


def test_an_answer_that_leaves_the_middle_out_is_given_up_for_a_click_there():
    class Ring(FakeSegmenter):
        """What fills the box is the ground round the thing."""

        def decode(self, embedding, prompts):
            (prompt,) = prompts
            if prompt.box is None:
                return ((disc(embedding.size, 40, 30, 100), disc(embedding.size, 40, 30, 12)),)
            ring = ~disc(embedding.size, 40, 30, 12).bitmap()
            return ((Mask(RLE.from_bitmap(ring), Box.of(embedding.size), 0.9),),)

    segmenter = Ring()
    found = subject.segment(segmenter, segmenter.embed(Image(np.zeros((60, 80, 3), np.uint8), "any")))
    assert [mask.rle for mask in found.masks] == [disc(Size(60, 80), 40, 30, 12).rle]
