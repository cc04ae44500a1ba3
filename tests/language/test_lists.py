"""Where one phrase ends and the next begins, in a line of phrases and in a request alike."""

import pytest

from rubylith.language import phrases
from rubylith.language.lists import phrases_in

SEVERAL = {
    "Dog and cat, red cup": ("Dog", "cat", "red cup"),
    "dog & cat": ("dog", "cat"),
    "dog&cat": ("dog", "cat"),
    "dog/cat + bird": ("dog", "cat", "bird"),
    "cats and/or dogs": ("cats", "dogs"),
    "dogs, and background;": ("dogs", "background"),
    "dog\nsky\r\ntree": ("dog", "sky", "tree"),
    "a cat. a dog .": ("a cat", "a dog"),
    "cat.dog": ("cat", "dog"),
    "red, blue and green": ("red", "blue", "green"),
    "dog AND black and white cat": ("dog", "black and white cat"),
    "red cup and black cat": ("red cup", "black cat"),
    "left and right hand": ("left hand", "right hand"),
    "person with a hat and glasses": ("person with a hat", "glasses"),
    "salt and pepper shakers and dog": ("salt and pepper shakers", "dog"),
    " , and & ": (),
}
ONE = (
    "black and white dog",
    "the red and blue car",
    "salt & pepper shaker",
    "the car between the tree and the house",
    "AT&T logo",
    "A/C unit",
    "St. Bernard",
    "u.s. flag",
    "3.5 inch disk",
    "sand",
    "candy bar",
)


@pytest.mark.parametrize(("line", "parted"), SEVERAL.items())
def test_a_line_of_phrases_is_parted(line, parted):
    assert phrases_in(line) == parted


@pytest.mark.parametrize("line", ONE)
def test_what_is_one_thing_stays_whole(line):
    assert phrases_in(line) == (line,)
    assert len(phrases.listed(line.lower()).concepts) == 1
