"""A picture that was looked at is not decoded again, whatever is asked about it next; a neural model in the loop."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.pictures import encoded, scene

from rubylith.domain.errors import InvalidImage
from rubylith.domain.geometry import Point
from rubylith.domain.image import Inline
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.domain.request import SegmentRequest
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device
from rubylith.service.intake import DEFAULT_LIMITS
from rubylith.service.models import Models
from rubylith.service.work import Opened, Worker

MODEL = str(Path(__file__).parents[1] / "fixtures" / "tiny-sam2")
NAME = "tiny-sam2"  # as callers know it


class Counting(Engine):
    """The real engine, which counts the pictures it is shown."""

    shown = 0

    def embed(self, image):
        self.shown += 1
        return super().embed(image)


@pytest.fixture
def engine():
    return Counting(MODEL, device=Device(threads=1))


@pytest.fixture
def worker(engine):
    cache = EmbeddingCache(64 << 20)
    models = Models(MODEL, cache, load=lambda name: engine)
    return Worker(models, cache, DEFAULT_LIMITS, lambda source, caller: Opened.of(source.data, source.name))


def asked(worker, data, prompt, **options):
    return worker.segment(SegmentRequest(Inline(data), prompt, NAME, **options), "", lambda share: None)


def click(x, y):
    return Objects((ObjectPrompt((Point(x, y),)),))


def test_further_prompts_on_a_picture_neither_decode_nor_embed_it(worker, engine):
    data = encoded(scene(120, 160))
    times_decoded = 0
    for prompt in (click(30, 40), click(80, 90), Everything(points_per_side=2), click(30, 40)):
        times_decoded += "decode" in asked(worker, data, prompt, formats=("json",)).timings
    assert (times_decoded, engine.shown) == (1, 1)


def test_answers_from_the_cache_are_those_of_a_first_look(worker, engine):
    data = encoded(scene(120, 160))
    asked(worker, data, click(1, 1))
    again = asked(worker, data, click(30, 40)).segmentation
    worker.cache.drop(NAME)
    assert asked(worker, data, click(30, 40)).segmentation.masks == again.masks
    assert engine.shown == 2


def test_bytes_that_are_no_picture_are_so_each_time(worker):
    for _ in range(2):
        with pytest.raises(InvalidImage):
            asked(worker, b"nonsense", click(1, 1))


def test_pixels_are_decoded_where_a_format_draws_on_them_but_not_looked_at_again(worker, engine):
    data = encoded(scene(120, 160))
    asked(worker, data, click(30, 40))
    assert "decode" in asked(worker, data, click(30, 40), formats=("overlay",)).timings
    assert "decode" in asked(worker, data, Everything(points_per_side=2, tile_side=256)).timings
    assert engine.shown == 1


def test_a_model_that_is_opened_anew_while_work_goes_on_gets_nothing_from_the_one_before():
    """Its files may have been written anew: what one has made the other must not read."""
    first, second = Counting(MODEL, device=Device(threads=1)), Counting(MODEL, device=Device(threads=1))
    opened, cache, data = iter((first, second)), EmbeddingCache(64 << 20), encoded(scene(120, 160))
    models = Models(MODEL, cache, load=lambda name: next(opened))

    def unloading(source, caller):
        if not second.shown and models.unload(NAME):
            models.get(NAME)
        return Opened.of(source.data, source.name)

    worker = Worker(models, cache, DEFAULT_LIMITS, unloading)
    asked(worker, data, click(30, 40))
    assert (first.shown, second.shown) == (1, 0)
    asked(replace(worker, open=lambda source, caller: Opened.of(source.data, source.name)), data, click(30, 40))
    assert (first.shown, second.shown) == (1, 1)
