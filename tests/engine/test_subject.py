"""The subject of a picture, for every family and with the one that is always there."""

import tracemalloc

import numpy as np
import pytest
from tests.fakes import FakeSegmenter, disc

from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Subject
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding, subject
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


class Ready(FakeSegmenter):
    """Answers that are there already: a thing cut off by the frame, with a hole in the picture's middle that is another
    thing, and to a click outside of the hole that thing whole, but for a hole of one pixel.
    """

    def __init__(self, scale):
        super().__init__()
        self.size = Size(60 * scale, 80 * scale)
        hole = disc(self.size, 40 * scale, 30 * scale, 4 * scale)
        self.thing = np.kron(Column.thing, np.ones((scale, scale), np.bool_)) & ~hole.bitmap()
        inside, torn = np.zeros_like(self.thing), self.thing.copy()
        inside[9 * scale : 51 * scale, 12 * scale : 68 * scale] = True
        torn[21 * scale + 1, 45 * scale + 1] = False
        self.scale, self.hole = scale, self.answer(hole.bitmap())
        self.framed, self.torn = self.answer(self.thing & inside, 0.9), self.answer(torn)
        self.asked = []

    @staticmethod
    def answer(bitmap, promised=0.5):
        rle = RLE.from_bitmap(bitmap)
        return Mask(rle, rle.box, promised)

    def decode(self, embedding, prompts):
        (prompt,) = prompts
        if prompt.box is not None:
            return ((self.framed,),)
        self.asked += prompt.points
        in_hole = np.hypot(prompt.points[0].x / self.scale - 40, prompt.points[0].y / self.scale - 30) < 4
        return ((self.hole if in_hole else self.torn,),)

    def subject(self, progress=lambda _: None):
        embedding = Embedding(self.model, self.size, "any", features=None)
        (mask,) = subject.segment(self, embedding, progress=progress).masks
        return mask


@pytest.mark.parametrize("scale", [1, 5, 16, 30])
def test_in_pictures_of_any_size_the_same_is_taken_to_the_pixel(scale):
    segmenter = Ready(scale)
    mask = segmenter.subject()
    assert np.array_equal(mask.bitmap(), segmenter.thing)
    assert mask.box == mask.rle.box
    middle, deepest = segmenter.asked
    assert (middle.x, middle.y) == (40 * scale, 30 * scale)
    assert segmenter.thing[int(deepest.y), int(deepest.x)]


def test_a_large_picture_takes_no_more_memory_than_the_holes_of_the_answer_need():
    segmenter = Ready(50)
    area = segmenter.size.area
    tracemalloc.start()
    segmenter.subject()
    filled = tracemalloc.get_traced_memory()[1]
    segmenter.torn = segmenter.hole
    tracemalloc.reset_peak()
    segmenter.subject()
    judged = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert filled < 4 * area  # bytes; a bitmap has one a pixel
    assert judged < area


def test_work_on_a_subject_that_is_cut_off_can_be_stopped_between_its_steps():
    heard = []
    Ready(1).subject(heard.append)
    assert heard == sorted(heard)
    assert sum(0.7 < share < 1 for share in heard) >= 3


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
