"""Words and thresholds, as people give them."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rubylith.cli import _outcomes, segment
from rubylith.dialects.native.read import read_order
from rubylith.dialects.native.wire import PromptIn
from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Inline
from rubylith.domain.prompt import Everything
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.service.models import Models
from rubylith.service.prompts import Words, read_prompt

SAM2 = str(Path(__file__).parents[1] / "fixtures" / "tiny-sam2")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, {"car": None, "dog": None}),
        (0.3, {"car": 0.3, "dog": 0.3}),
        ([0.3], {"car": 0.3, "dog": 0.3}),
        ((0.3, 1), {"car": 0.3, "dog": 1.0}),
        (np.array([0.25, 0.5]), {"car": 0.25, "dog": 0.5}),
    ],
)
@pytest.mark.parametrize("text", ["car, dog", ["car", " dog "]])
def test_a_threshold_is_for_all_phrases_or_for_each(text, given, read):
    assert read_prompt(words=Words(text, threshold=given), options={}).thresholds == read


@pytest.mark.parametrize("threshold", [(0.1, 0.2, 0.3), (), "low", ("low", "high"), 1.5, (0.5, -0.1), float("nan")])
def test_what_is_no_threshold_is_refused(threshold):
    with pytest.raises(InvalidPrompt):
        read_prompt(words=Words("car, dog", threshold=threshold), options={})


def test_tiles_go_with_words_and_with_everything():
    assert read_prompt(words=Words("car"), options={"tile_side": 640, "max_masks": 3}).tile_side == 640
    assert read_prompt(options={"tile_side": 640}).tile_side == 640
    for words in (Words("car"), Words(mode="panoptic")):
        with pytest.raises(InvalidPrompt, match="tile_side"):
            read_prompt(words=words, options={"tile_side": 100 if words.text else 640})


@pytest.mark.parametrize("text", ["dog and sky", "dog & sky", "dog\nsky", "dog; sky", "dog/sky", ["dog", "sky"]])
def test_words_in_one_string_are_parted_at_every_joint(text):
    assert read_prompt(words=Words(text), options={}).phrases == ("dog", "sky")


def test_a_phrase_in_a_list_stays_as_it_is():
    assert read_prompt(words=Words(["dog and cat, sitting"]), options={}).phrases == ("dog and cat, sitting",)


@pytest.mark.parametrize(
    ("model", "default", "least"),
    [
        (None, "embedded", 0.88),
        (None, "sam2.1-tiny", 0.8),
        (None, SAM2, 0.8),
        ("tiny-sam2", SAM2, 0.8),
        (SAM2, SAM2, 0.88),  # callers know it by its name
        ("sam2.1-tiny", "embedded", 0.8),
        ("sam-base", "sam2.1-tiny", 0.88),
        (SAM2, "embedded", 0.88),  # a path that a stranger names is not looked at
    ],
)
def test_what_is_not_said_of_everything_is_the_models_own(model, default, least):
    defaults = partial(Models(default, EmbeddingCache(0)).everything, model)
    assert read_prompt(options={"max_masks": 3}, defaults=defaults) == Everything(pred_iou_thresh=least, max_masks=3)
    assert read_prompt(options={"pred_iou_thresh": 0.88}, defaults=defaults) == Everything()


def test_every_door_asks_a_model_for_everything_with_its_own_defaults(monkeypatch):
    order = read_order(
        PromptIn(model="sam2.1-tiny"),
        Inline(b""),
        "embedded",
        everything=Models("embedded", EmbeddingCache(0)).everything,
    )
    assert order.prompt == Everything(pred_iou_thresh=0.8)
    asked = []
    monkeypatch.setattr(_outcomes, "show", lambda _words, prompt, *_, **__: asked.append(prompt) or 0)
    segment.command(["photo.png"], model=SAM2)
    segment.command(["photo.png"])
    monkeypatch.setenv("RUBYLITH_MODEL", "sam2.1-tiny")
    segment.command(["photo.png"])
    assert [prompt.pred_iou_thresh for prompt in asked] == [0.8, 0.88, 0.8]
