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


def standing(across):
    """A striped column with a head, cut off by the lower edge, on the same ground, and what it covers."""
    image, _ = drawn(radius=0)
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width]
    inside = (abs(columns - 120) < across) & (rows > 70) | ((columns - 120) ** 2 + (rows - 50) ** 2 < 30**2)
    pixels = image.pixels.copy()
    pixels[inside] = np.where((rows // 12 % 2)[..., None], (230, 120, 40), (240, 180, 60))[inside]
    return Image(pixels, f"standing {across}"), inside


def iou(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


@pytest.mark.parametrize(("x", "y", "radius"), [(120, 90, 45), (120, 90, 30), (130, 85, 40)])
def test_a_thing_in_the_middle_is_the_subject(x, y, radius):
    image, truth = drawn(x, y, radius)
    (mask,) = Engine().segment(image, Subject()).masks
    assert iou(mask.bitmap(), truth) > 0.85


@pytest.mark.parametrize("across", [30, 40, 50])
def test_a_subject_that_goes_on_to_the_lower_edge_is_not_cut_off_before_it(across):
    image, truth = standing(across)
    (mask,) = Engine().segment(image, Subject()).masks
    assert iou(mask.bitmap(), truth) > 0.85
    assert mask.box.y1 == SIZE.height


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


class Framed(FakeSegmenter):
    """Of a thing it finds in a box what lies in it, and to a click answers with `clicked` of the place."""

    thing = clicked = None

    def decode(self, embedding, prompts):
        (prompt,) = prompts
        if prompt.box is None:
            bitmap, promised = self.clicked(prompt.points[0]), 0.5
        else:
            rows, columns = np.mgrid[: embedding.size.height, : embedding.size.width] + 0.5
            box = prompt.box
            inside = (columns > box.x0) & (columns < box.x1) & (rows > box.y0) & (rows < box.y1)
            bitmap, promised = self.thing & inside, 0.9
        rle = RLE.from_bitmap(bitmap)
        return ((Mask(rle, rle.box, promised),),)


def asked(segmenter):
    (mask,) = subject.segment(segmenter, segmenter.embed(Image(np.zeros((60, 80, 3), np.uint8), "any"))).masks
    return mask.bitmap()


class Column(Framed):
    thing = np.zeros((60, 80), np.bool_)
    thing[6:, 25:55] = True
    clicked = staticmethod(lambda _: Column.thing)


def test_of_an_answer_that_the_frame_cuts_off_the_rest_is_taken_from_a_click_that_agrees_with_it():
    assert np.array_equal(asked(Column()), Column.thing)


def test_where_the_middle_is_another_thing_a_click_in_the_answer_itself_tells_the_rest():
    class Holed(Column):
        hole = disc(Size(60, 80), 40, 30, 4).bitmap()
        thing = Column.thing & ~hole
        clicked = staticmethod(lambda point: Holed.hole if abs(point.x - 40) < 1 else Holed.thing)

    assert np.array_equal(asked(Holed()), Holed.thing)


def test_what_a_click_loses_in_the_midst_of_a_thing_the_box_gives_back():
    class Torn(Column):
        clicked = staticmethod(lambda _: Column.thing & ~disc(Size(60, 80), 45, 25, 5).bitmap())

    assert np.array_equal(asked(Torn()), Column.thing)


@pytest.mark.parametrize("other", [np.ones((60, 80), np.bool_), disc(Size(60, 80), 40, 30, 5).bitmap()])
def test_an_answer_stays_as_it_is_where_clicks_mean_another_thing_or_the_whole_picture(other):
    class Elsewhere(Column):
        clicked = staticmethod(lambda _: other)

    framed = np.zeros((60, 80), np.bool_)
    framed[9:51, 25:55] = True
    assert np.array_equal(asked(Elsewhere()), framed)


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
