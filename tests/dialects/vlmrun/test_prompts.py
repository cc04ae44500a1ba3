"""Requests in words → what the engine is asked."""

import pytest

from rubylith.dialects.vlmrun.prompts import prompt_of
from rubylith.domain.prompt import Everything, Mode, Scene, Text
from rubylith.language import sentences
from rubylith.language.vocabularies import DEFAULT, OUTDOOR

OWN = Everything(pred_iou_thresh=0.8)  # what everything means to the model


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("panoptic segmentation", Scene(Mode.PANOPTIC, names=DEFAULT)),
        ("semantic segmentation of the street scene", Scene(Mode.SEMANTIC, names=OUTDOOR)),
        ("panoptic segmentation of the road and the sky", Text(("road", "sky"), limits=(None, None))),
        ("segment everything", OWN),
        ("segment everything except the dog", Text(("object",), without=("dog",))),
        ("segment one car", Text(("car",), limits=(1,))),
    ],
)
def test_a_request_becomes_a_prompt(text, prompt):
    wish = sentences.read(text)
    assert wish is not None
    assert prompt_of(wish, lambda: OWN) == prompt
