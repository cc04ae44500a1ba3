"""What people call things, and what detectors call them."""

import pytest

from rubylith.engine.detectors.fastestdet import VOCABULARY
from rubylith.engine.words.vocabulary import MEANT, known_part, name_in, nearest


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
        ("everyone", "person"),
        ("cup of coffee", "cup"),
        ("two-litre bottle of milk", "bottle"),
        ("glass of red wine", "wine-glass"),
        ("slice of pizza", "pizza"),
        ("bunch of bananas", "banana"),
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


WITH_TAILS = """person in front of the car|man with the umbrella|bottle on the table|dog on the sofa
person riding a horse|door of the car|car without people|boy playing football
woman talking on the phone|man dressed in a tie|photo of a dog
hands of the clock|bag full of oranges|child close to the bus|picture of a cup of coffee|cat looking at a bird
shadow of the bicycle|reflection of a train|people waiting for the bus|cup left of the laptop|woman who has a dog"""


@pytest.mark.parametrize("said", [one for line in WITH_TAILS.split("\n") for one in line.split("|")])
def test_a_noun_with_more_than_a_name_has_none(said):
    assert name_in(said, VOCABULARY) is None


@pytest.mark.parametrize("said", ["cats and dogs", "dog or a cat", "segmet the cat", "second car", "perro el cat"])
def test_what_is_no_noun_has_no_name(said):
    assert name_in(said, VOCABULARY) is None


def test_the_part_of_a_phrase_that_is_known_is_told():
    assert known_part("old man next to the car", VOCABULARY) == "old man"
    assert known_part("shadow of the car", VOCABULARY) is None
    assert known_part("car", VOCABULARY) is None
