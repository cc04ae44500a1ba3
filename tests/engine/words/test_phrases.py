"""Phrases: what is named, and how it is told from others of its kind."""

import pytest

from rubylith.domain.errors import InvalidPrompt
from rubylith.engine.words.phrases import Phrase, read_phrase


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("car", {"head": "car"}),
        ("The Cars.", {"head": "cars"}),
        ("all traffic lights", {"head": "traffic lights"}),
        ("red", {"head": "", "colours": ("red",)}),
        ("purple things", {"head": "", "colours": ("violet",)}),
        ("gray and white cat", {"head": "cat", "colours": ("grey", "white")}),
        ("largest object", {"head": "", "size": "largest"}),
        ("the biggest dog", {"head": "dog", "size": "largest"}),
        ("left", {"head": "", "extreme": "left"}),
        ("the leftmost person", {"head": "person", "extreme": "left"}),
        ("cars on the left", {"head": "cars", "halves": ("left",)}),
        (
            "the largest red car in the top left",
            {"head": "car", "colours": ("red",), "size": "largest", "halves": ("top", "left")},
        ),
        ("everything", {"head": ""}),
        ("background", {"head": "background"}),
    ],
)
def test_a_phrase_falls_into_its_parts(text, parts):
    assert read_phrase(text) == Phrase(text, **parts)


@pytest.mark.parametrize("text", ["", "  ", "?!", "x" * 201])
def test_a_phrase_that_names_nothing_is_refused(text):
    with pytest.raises(InvalidPrompt, match="names nothing"):
        read_phrase(text)
