"""A neural model behind the service: a picture is looked at once, however often it is clicked on."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.golden_quality import interior, iou, shapes_of
from tests.engine.drawings import drawings
from tests.pictures import encoded
from tests.running import serve

from rubylith.domain.image import Inline
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.domain.request import SegmentRequest

GOLDEN = str(Path(__file__).parents[1] / "fixtures" / "golden")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_MODEL": GOLDEN}) as running:
        yield running.built.service


def test_a_further_click_neither_decodes_the_picture_nor_looks_at_it_again(service):
    caller = service.access.caller(None)
    drawing = drawings()[2]
    picture = Inline(encoded(drawing.pixels))
    shapes = sorted(shapes_of(drawing), key=lambda shape: -shape.sum())[:3]
    answers = []
    for shape in shapes:
        click = Objects((ObjectPrompt((interior(shape),)),))
        answers.append(service.segment(SegmentRequest(picture, click, "golden"), caller)[1].result())
    assert ["decode" in answer.timings for answer in answers] == [True, False, False]
    assert np.mean([iou(a.segmentation.masks[0].rle.bitmap(), s) for a, s in zip(answers, shapes, strict=True)]) >= 0.7
