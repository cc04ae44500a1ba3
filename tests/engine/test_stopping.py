"""Work of every kind says how far it is, and can be stopped where it says so."""

import numpy as np
import pytest

from rubylith.domain.geometry import Box
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Subject, Text
from rubylith.engine.engine import Engine

KINDS = [
    Objects(tuple(ObjectPrompt(box=Box(4, 4, 20 + i, 20)) for i in range(9)), refinements=1),
    Subject(),
    Text(("subject", "red", "largest object", "face")),
    Everything(),
]


class Stopped(Exception):
    """What the callback raises."""


def picture():
    pixels = np.full((48, 64, 3), 230, np.uint8)
    pixels[10:30, 10:30] = (200, 30, 30)
    pixels[20:44, 36:60] = (30, 60, 200)
    return Image(pixels, "picture")


@pytest.mark.parametrize("prompt", KINDS, ids=lambda prompt: type(prompt).__name__)
def test_progress_rises_to_one_and_is_heard_before_the_work_is_done(prompt):
    heard = []
    Engine().segment(picture(), prompt, progress=heard.append)
    assert len(heard) > 1
    assert heard == sorted(heard)
    assert (heard[0] < 0.5, heard[-1]) == (True, 1.0)


@pytest.mark.parametrize("prompt", KINDS, ids=lambda prompt: type(prompt).__name__)
def test_what_the_callback_raises_stops_the_work(prompt):
    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        Engine().segment(picture(), prompt, progress=stop)


def test_many_objects_can_be_stopped_between_them():
    heard = []
    Engine().segment(picture(), KINDS[0], progress=heard.append)
    assert len(heard) >= 6
