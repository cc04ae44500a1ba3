"""Given objects, for every family: what is handed back to the model, and what comes out."""

import numpy as np
import pytest
from tests.fakes import FakeSegmenter, disc

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.engine import prompted

SIZE = Size(60, 80)


class Growing(FakeSegmenter):
    """A disc that is one pixel wider each time it is handed back."""

    def decode(self, embedding, prompts):
        return tuple((disc(SIZE, 40, 30, 5 if p.previous is None else p.previous.box.width / 2 + 1),) for p in prompts)


def run(segmenter, objects):
    embedding = segmenter.embed(Image(np.zeros((SIZE.height, SIZE.width, 3), np.uint8), "digest"))
    return prompted.segment(segmenter, embedding, objects).masks


def test_refinements_hand_the_best_mask_back_with_the_same_clicks():
    click = (ObjectPrompt((Point(40, 30),)),)
    widths = [run(Growing(), Objects(click, refinements=count))[0].box.width for count in (0, 1, 3)]
    assert widths[0] < widths[1] < widths[2]


def test_too_many_refinements_are_refused():
    with pytest.raises(InvalidPrompt, match="11 refinements"):
        run(Growing(), Objects((ObjectPrompt((Point(40, 30),)),), refinements=11))


def test_shares_of_the_picture_point_where_pixels_do():
    pixels = run(FakeSegmenter(), Objects((ObjectPrompt((Point(40, 15),)),)))
    shares = run(FakeSegmenter(), Objects((ObjectPrompt((Point(0.5, 0.25),)),), normalized=True))
    assert [mask.rle for mask in shares] == [mask.rle for mask in pixels]
