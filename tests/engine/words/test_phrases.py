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
        ("big cars", {"head": "cars", "size": "large"}),
        ("a tiny bird", {"head": "bird", "size": "small"}),
        ("the larger dog", {"head": "dog", "size": "largest"}),
        ("the three largest cars", {"head": "cars", "size": "largest", "count": 3}),
        ("2 dogs", {"head": "dogs", "count": 2}),
        ("a few apples", {"head": "apples"}),
        ("most of the cars", {"head": "cars"}),
        ("dark red car", {"head": "car", "colours": ("red",)}),
        ("man in the red hat", {"head": "man in the red hat"}),
        ("tall woman in a blue coat", {"head": "tall woman in a blue coat"}),
        ("man to the left of the tree", {"head": "man to the left of the tree"}),
        ("cup left of the plate", {"head": "cup left of the plate"}),
        ("second car from the left", {"head": "second car from the left"}),
        ("the dogs on the left side of the picture", {"head": "dogs", "halves": ("left",)}),
        ("cars in the upper right corner", {"head": "cars", "halves": ("top", "right")}),
        ("person that is on the right", {"head": "person", "halves": ("right",)}),
        ("the top left window", {"head": "window", "extreme": "top"}),
        ("small thing on the table", {"head": "thing on the table", "size": "small"}),
        ("the main subject of the photo", {"head": "subject"}),
        ("the main object", {"head": "subject"}),
        ("cats and dogs", {"head": "cats and dogs"}),
        ("segmet the cat", {"head": "segmet the cat"}),
        ("the red one", {"head": "", "colours": ("red",)}),
        ("an orange", {"head": "", "colours": ("orange",)}),
        ("background", {"head": "background"}),
        ("no smoking sign", {"head": "no smoking sign"}),
        ("the no-parking sign on the left", {"head": "no parking sign", "halves": ("left",)}),
        ("do not enter sign", {"head": "do not enter sign"}),
    ],
)
def test_a_phrase_falls_into_its_parts(text, parts):
    assert read_phrase(text) == Phrase(text, **parts)


@pytest.mark.parametrize("text", ["", "  ", "?!", "🐶", "★ \u2013 !"])
def test_a_phrase_that_names_nothing_is_refused(text):
    with pytest.raises(InvalidPrompt, match="names nothing"):
        read_phrase(text)


def test_a_phrase_that_is_too_long_is_told_so():
    with pytest.raises(InvalidPrompt, match="too long: 201 characters"):
        read_phrase("a" * 201)


@pytest.mark.parametrize(
    "text", ["Dog 🐶", "🐶 dog", "dog🐶", "dog ❤️", "★ dog ★", "dog!! 👍🏽", "👨‍👩‍👧 dog", "- dog -", "# dog"]
)
def test_symbols_around_words_say_nothing(text):
    assert read_phrase(text) == Phrase(text, head="dog")


@pytest.mark.parametrize("text", ["кошка", "कुत्ता", "chien-loup", "c++ book", "dog's tail"])
def test_letters_of_every_script_are_words(text):
    assert read_phrase(text).head == text.replace("-", " ")


@pytest.mark.parametrize(
    "text",
    [
        "not the truck",
        "no cars",
        "everything except the sky",
        "cars but not trucks",
        "neither cats nor dogs",
        "no traffic sign",
    ],
)
def test_a_phrase_that_says_what_is_not_meant_is_refused(text):
    with pytest.raises(InvalidPrompt, match="says what is not meant"):
        read_phrase(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orange", {"head": "orange"}),
        ("the largest orange", {"head": "orange", "size": "largest"}),
        ("a green orange", {"head": "orange", "colours": ("green",)}),
        ("orange in the bowl", {"head": "orange in the bowl"}),
        ("orange car", {"head": "car", "colours": ("orange",)}),
        ("orange things", {"head": "", "colours": ("orange",)}),
    ],
)
def test_a_colour_that_is_a_thing_too_is_the_thing_where_no_noun_follows(text, parts):
    assert read_phrase(text, things=("orange",)) == Phrase(text, **parts)
