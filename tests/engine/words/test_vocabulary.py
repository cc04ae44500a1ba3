"""What people call things, and what detectors call them."""

import pytest

from rubylith.engine.detectors.fastestdet import VOCABULARY
from rubylith.engine.words.vocabulary import MEANT, name_in, nearest


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cars", "car"),
        ("people", "person"),
        ("automobile", "car"),
        ("sofas", "couch"),
        ("police car", "car"),
        ("traffic light", "traffic-light"),
        ("wine glasses", "wine-glass"),
        ("mobile phones", "cell-phone"),
        ("tvs", "tv"),
        ("buses", "bus"),
        ("sheep", "sheep"),
        ("scissors", "scissors"),
        ("skis", "skis"),
        ("toothbrushes", "toothbrush"),
        ("old wooden benches", "bench"),
        ("teddy bears", "teddy-bear"),
        ("a baby", "person"),
        ("owls", "bird"),
        ("red fire engine", "truck"),
        ("ferries", "boat"),
        ("hamburgers", "sandwich"),
        ("station wagons", "car"),
        ("puppies", "dog"),
        ("screwdriver", None),
        ("unicorn", None),
        ("", None),
    ],
)
def test_a_noun_finds_its_name(said, meant):
    assert name_in(said, VOCABULARY) == meant


def test_every_synonym_means_a_name_that_some_detector_knows():
    assert set(MEANT.values()) <= {*VOCABULARY, "face"}
    assert not set(MEANT) & set(VOCABULARY)


def test_what_is_spelt_alike_is_offered():
    assert "car" in nearest("carr", VOCABULARY)
    assert nearest("xylophone", VOCABULARY) == ()
