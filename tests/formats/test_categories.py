"""Numbers of classes: the same in every picture of a run."""

import json

import numpy as np
import pytest
from tests.formats.samples import disc, mask, segmentation

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import coco, panoptic, semantic, yolo

SIZE = Size(60, 80)
ASKED = (Label("face"), Label("green"), Label("sky", is_thing=False))


def showing(*labels, vocabulary=ASKED):
    masks = tuple(mask(disc(SIZE, 10 + 15 * place, 20, 6), label) for place, label in enumerate(labels))
    return Segmentation(SIZE, masks, disjoint=True, model="embedded", vocabulary=vocabulary)


def classes(case):
    """The words of each format by their number, and those of the masks that it writes."""
    lines, *names = yolo.encode(case, None)
    told = json.loads(coco.encode(case, None)[0].data)
    legend = json.loads(semantic.encode(case, None)[1].data)["classes"]
    return {
        "names": [json.loads(line.partition(": ")[2]) for line in names[0].data.decode().splitlines()[1:]],
        "lines": [int(line.split(" ")[0]) for line in lines.data.decode().splitlines()],
        "categories": {kind["id"]: kind["name"] for kind in told["categories"]},
        "annotations": [one["category_id"] for one in told["annotations"]],
        "legend": {one["value"]: one["name"] for one in legend},
        "panoptic": [kind["name"] for kind in json.loads(panoptic.encode(case, None)[1].data)["categories"]],
    }


@pytest.mark.parametrize("shown", [(), ("green",), ("green", "face"), ("sky", "green")])
def test_words_asked_for_have_the_same_numbers_whatever_a_picture_shows(shown):
    words = ["face", "green", "sky"]
    told = classes(showing(*(Label(name) for name in shown)))
    assert told["names"] == told["panoptic"] == words
    assert told["categories"] == told["legend"] == dict(enumerate(words, 1))
    assert told["lines"] == [words.index(name) for name in shown]
    assert told["annotations"] == [words.index(name) + 1 for name in shown]


def test_what_was_not_asked_for_comes_after_the_words():
    told = classes(showing(Label("dog", 2), Label("green"), None, Label("cat")))
    assert told["names"] == ["face", "green", "sky", "object", "dog", "cat"]
    assert told["lines"] == [4, 1, 3, 5]
    assert told["annotations"] == [4, 2, 0, 5]
    assert [told["categories"][number] for number in told["annotations"]] == ["dog", "green", "object", "cat"]


def test_a_vocabulary_with_numbers_of_its_own_keeps_them():
    coloured = (Label("person", 1), Label("car", 3), Label("road", 100, is_thing=False))
    told = classes(showing(Label("road", 100, is_thing=False), vocabulary=coloured))
    assert told["categories"] == {1: "person", 3: "car", 100: "road"}
    assert (told["annotations"], told["lines"]) == ([100], [2])


def test_a_word_that_is_not_shown_is_thing_or_stuff_all_the_same():
    (document,) = coco.encode(showing(), None)
    assert [kind["supercategory"] for kind in json.loads(document.data)["categories"]] == ["thing", "thing", "stuff"]


def test_a_vocabulary_larger_than_a_semantic_picture_lists_what_is_shown():
    many = tuple(Label(f"kind {number}", number) for number in range(1, 300))
    picture, legend = semantic.encode(showing(many[280], vocabulary=many), None)
    assert [(one["value"], one["category_id"]) for one in json.loads(legend.data)["classes"]] == [(1, 281)]
    assert picture.data


def test_without_a_vocabulary_what_is_shown_is_numbered():
    case = segmentation(mask(np.ones((4, 4)), Label("cat")))
    assert classes(case)["names"] == ["cat"]


def again(form, case):
    """The segmentation that reading the files of a format gives."""
    return form.read(*(file.data for file in form.encode(case, None)))


@pytest.mark.parametrize("form", [coco, panoptic])
@pytest.mark.parametrize("shown", [(), ("green",), ("sky", "green")])
def test_all_words_come_back_with_their_numbers_whatever_a_picture_shows(form, shown):
    case = showing(*(Label(name) for name in shown))
    found = again(form, case)
    numbered = (Label("face", 1), Label("green", 2), Label("sky", 3, is_thing=False))
    assert found.vocabulary == numbered
    assert [one.label for one in found.masks] == [next(one for one in numbered if one.name == name) for name in shown]
    assert form.encode(found, None) == form.encode(case, None)


@pytest.mark.parametrize("form", [coco, panoptic])
def test_what_was_not_asked_for_is_no_word_when_it_comes_back(form):
    backwards = (Label("road", 100, is_thing=False), Label("car", 3))
    case = showing(Label("dog", 2), None, Label("car", 3), vocabulary=backwards)
    assert again(form, case).vocabulary == backwards
    assert form.encode(again(form, case), None) == form.encode(case, None)
    assert again(form, showing(Label("dog", 2), vocabulary=())).vocabulary == ()


WRONG_COUNTS = [-1, 4, 10**30, "2", None, True, 1.5, [1]]
WRONG_WORDS = [{"name": 5}, {"name": None}, {"id": "x"}, {"id": True}, {"id": 1.0}]


@pytest.mark.parametrize("form", [coco, panoptic])
@pytest.mark.parametrize("count", WRONG_COUNTS, ids=repr)
def test_a_vocabulary_of_another_size_than_there_are_categories_is_refused(form, count):
    with pytest.raises(InvalidPrompt):
        changed(form, lambda document: document["info"].update(vocabulary=count))


@pytest.mark.parametrize("form", [coco, panoptic])
@pytest.mark.parametrize("change", WRONG_WORDS, ids=repr)
def test_a_word_needs_a_name_and_a_number(form, change):
    with pytest.raises(InvalidPrompt):
        changed(form, lambda document: document["categories"][2].update(change))


@pytest.mark.parametrize("form", [coco, panoptic])
def test_a_document_that_does_not_say_how_many_words_it_has_has_none(form):
    assert changed(form, lambda document: document["info"].pop("vocabulary")).vocabulary == ()


def test_what_is_no_label_is_no_word():
    with pytest.raises(InvalidPrompt):
        changed(coco, lambda document: document["categories"][2].update(supercategory="none"))


def changed(form, change):
    """What is read when a document with three words, of which the first is shown, was changed."""
    *picture, document = form.encode(showing(Label("face")), None)
    told = json.loads(document.data)
    change(told)
    return form.read(*(file.data for file in picture), json.dumps(told))
