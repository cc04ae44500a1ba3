"""Requests in English and what they ask for: the table of the protocol's part 7.4, then more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.prompt import Mode
from rubylith.language import Concept, Wish
from rubylith.language.sentences import read
from rubylith.language.vocabularies import DEFAULT, INDOOR, OUTDOOR

INSTANCE, SEMANTIC, PANOPTIC = Mode


def wish(mode, *concepts):
    return Wish(mode, tuple(Concept(*c) if isinstance(c, tuple) else Concept(c) for c in concepts))


TABLE = [
    ("Segment all the cars in this image", wish(INSTANCE, "car")),
    ("segment the dog and the two cats", wish(INSTANCE, "dog", ("cat", 2))),
    ("Segment every face", wish(INSTANCE, "face")),
    ("Detect the 'car' and its 'wheels' in the image", wish(INSTANCE, "car", "wheel")),
    ("Detect all the people in this image, and segment them.", wish(INSTANCE, "person")),
    ("Can you mask out the black and white dog, please?", wish(INSTANCE, "black and white dog")),
    ("semantic segmentation of the street", wish(SEMANTIC, *OUTDOOR)),
    ("semantic segmentation of the road and the sky", wish(SEMANTIC, "road", "sky")),
    ("panoptic segmentation", wish(PANOPTIC, *DEFAULT)),
    ("Point to all the cars and doors in this image", wish(INSTANCE, "car", "door")),
    ("Segment everything", wish(INSTANCE)),
    ("Hello", None),
]

MORE = [
    ("", wish(INSTANCE)),
    ("dog", wish(INSTANCE, "dog")),
    ("a dog", wish(INSTANCE, ("dog", 1))),
    ("3 dogs", wish(INSTANCE, ("dog", 3))),
    ("cars, trucks, people", wish(INSTANCE, "car", "truck", "person")),
    ("a man with a hat", wish(INSTANCE, ("man with a hat", 1))),
    ("What can you do?", None),
    ("How are you", None),
    ("thanks", None),
    ("I like cats", None),
    ("how many cars are there in the picture?", wish(INSTANCE, "car")),
    ("Where is the red ball?", wish(INSTANCE, "red ball")),
    ("What animals are in this picture?", wish(INSTANCE, "animal")),
    ("Segment the person in the red shirt", wish(INSTANCE, "person in the red shirt")),
    ("segment the man riding a horse", wish(INSTANCE, "man riding a horse")),
    ("Please locate the two people standing next to the car", wish(INSTANCE, ("person standing next to the car", 2))),
    ("Find: cars, trucks & buses", wish(INSTANCE, "car", "truck", "bus")),
    ("Segment:\n- cars\n- traffic lights\n- people", wish(INSTANCE, "car", "traffic light", "person")),
    ("Segment the dog.\nReturn a list of masks.", wish(INSTANCE, "dog")),
    ("I want you to segment the dog's tail and the cat's ears", wish(INSTANCE, "dog's tail", "cat's ear")),
    ("Detect objects such as cars, trucks and buses", wish(INSTANCE, "car", "truck", "bus")),
    ("List all the fruits (apples, bananas)", wish(INSTANCE, "fruit", "apple", "banana")),
    ("Give me masks for all of the chairs", wish(INSTANCE, "chair")),
    ("Draw bounding boxes around the three dogs", wish(INSTANCE, ("dog", 3))),
    ("Return the mask of the tree as a PNG", wish(INSTANCE, "tree")),
    ("Segment all objects of type car", wish(INSTANCE, "car")),
    ("detect the dog and segment the cat", wish(INSTANCE, "dog", "cat")),
    ("Segment the sheep, the scissors and the glasses", wish(INSTANCE, "sheep", "scissors", "glasses")),
    ("Segment a pair of shoes", wish(INSTANCE, ("shoe", 2))),
    ("Segment two pairs of glasses", wish(INSTANCE, ("glasses", 2))),
    ("In this image, find all the wine glasses", wish(INSTANCE, "wine glass")),
    ("Here is my photo. Please cut out the largest apple!", wish(INSTANCE, "largest apple")),
    ("Segment everything except the background", Wish(INSTANCE, without=("background",))),
    ("Please segment the objects in the image using SAM", wish(INSTANCE)),
    ("Segment red objects", wish(INSTANCE, "red object")),
    ("label every pixel semantically", wish(SEMANTIC, *DEFAULT)),
    ("classify each of the pixels", wish(SEMANTIC, *DEFAULT)),
    ("Do a panoptic segmentation of the living room", wish(PANOPTIC, *INDOOR)),
    ("sky, road, grass and cars panoptic", wish(PANOPTIC, "sky", "road", "grass", "car")),
    ("segment cars and bicycles per class", wish(SEMANTIC, "car", "bicycle")),
    ("instance segmentation of the boats", wish(INSTANCE, "boat")),
    ("Perform instance segmentation for the two zebras in the picture", wish(INSTANCE, ("zebra", 2))),
    ('Segment the dog and return "mask_url"', wish(INSTANCE, "dog")),
    ("Detect “traffic lights” and «stop signs»", wish(INSTANCE, "traffic light", "stop sign")),
    ("Count the knives and the loaves of bread", wish(INSTANCE, "knife", "loaf of bread")),
    ("Segment at most 3 apples", wish(INSTANCE, ("apple", 3))),
    ("Segment one apple and any pear", wish(INSTANCE, ("apple", 1), "pear")),
    ("Segment the running shoes", wish(INSTANCE, "running shoe")),
    ("Identify the top two dogs", wish(INSTANCE, ("dog", 2))),
    ("Segment the child, or the children", wish(INSTANCE, "child")),
    ("a dog and three dogs", wish(INSTANCE, ("dog", 3))),
    ("Analyze this image", wish(INSTANCE)),
    ("Can you find the cat and the dog, and outline them?", wish(INSTANCE, "cat", "dog")),
    ("Detect cars from the attached photo and provide bounding boxes", wish(INSTANCE, "car")),
    ("Cut out the product from the background", wish(INSTANCE, "product")),
    ("Segment the buildings, then the trees.", wish(INSTANCE, "building", "tree")),
    ("outline every house with a red roof", wish(INSTANCE, "house with a red roof")),
    ("Could you kindly isolate the woman's face and her hands?", wish(INSTANCE, "woman's face", "hand")),
    ("Segment all three cats", wish(INSTANCE, "cat")),
    ("SEGMENT THE BLACK CAT", wish(INSTANCE, "black cat")),
    ("分割汽车", wish(INSTANCE, "分割汽车")),
]


@pytest.mark.parametrize(("text", "meant"), TABLE, ids=[text for text, _ in TABLE])
def test_the_table_of_the_protocol(text, meant):
    assert read(text) == meant


@pytest.mark.parametrize(("text", "meant"), MORE, ids=[text for text, _ in MORE])
def test_more_sentences(text, meant):
    assert read(text) == meant


def test_instructions_beside_the_request_may_name_the_mode():
    assert read("the road", system="You do semantic segmentation.") == wish(SEMANTIC, "road")


def test_hints_are_taken_only_where_the_request_names_nothing():
    assert read("Segment everything", hints=("car", "dog", "car")) == wish(INSTANCE, "car", "dog")
    assert read("Segment the cat", hints=("car",)) == wish(INSTANCE, "cat")
    assert read("Hello", hints=("car",)) is None


def test_more_than_32_things_are_refused():
    names = [f"thing{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(33)]
    assert len(read("segment " + ", ".join(names[:32])).concepts) == 32
    with pytest.raises(InvalidPrompt, match="names 33 things"):
        read("segment " + ", ".join(names))


@given(st.text(max_size=300))
def test_any_text_is_read_or_asks_for_nothing(text):
    try:
        meant = read(text)
    except InvalidPrompt:
        return
    assert meant is None or all(c.name == c.name.strip() and c.name and c.limit != 0 for c in meant.concepts)


WORDS = (
    "segment the two black and white dogs cats , ; in this image with of a pair 3 'x' \" such as everything .".split()
)


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_any_mixture_of_the_grammars_words_is_read(text):
    meant = read(text)
    assert meant is None or len(set(meant.names)) == len(meant.names)
