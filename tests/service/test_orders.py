"""Requests survive a stay in the database."""

import json

import numpy as np
import pytest

from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Inline, Link, Stored
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Overlap, Subject
from rubylith.domain.request import SegmentRequest
from rubylith.domain.rle import RLE
from rubylith.service.orders import read_request, write_request

PREVIOUS = RLE.from_bitmap(np.eye(9, dtype=bool))
PROMPTS = (
    Everything(),
    Everything(points_per_side=8, max_masks=3, overlap=Overlap.NONE),
    Objects((ObjectPrompt((Point(1.5, 2), Point(3, 4, positive=False)), Box(0, 1, 2, 3), PREVIOUS),), multimask=True),
    Objects((ObjectPrompt(box=Box(0, 1, 2, 3)), ObjectPrompt((Point(5, 6),)))),
    Objects((ObjectPrompt((Point(0.5, 0.25),)),), refinements=3, normalized=True),
    Subject(),
)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("source", [Link("https://example.org/a.jpg"), Stored("file-1")])
def test_a_request_reads_as_it_was_written(prompt, source):
    request = SegmentRequest(source, prompt, "embedded", ("json", "png"), with_pixels=True)
    assert read_request(json.loads(json.dumps(write_request(request)))) == request


def test_bytes_of_a_picture_never_wait_in_the_database():
    with pytest.raises(TypeError):
        write_request(SegmentRequest(Inline(b"x"), Everything(), "embedded", ("json",)))
