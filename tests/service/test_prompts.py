"""Words and thresholds, as people give them."""

import numpy as np
import pytest

from rubylith.domain.errors import InvalidPrompt
from rubylith.service.prompts import Words, read_prompt


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
