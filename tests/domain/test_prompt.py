"""Prompts: what makes sense, and what is said where it does not."""

import numpy as np
import pytest

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.prompt import LIMITS, Everything, ObjectPrompt, Objects, check_objects, in_pixels
from rubylith.domain.rle import RLE

SIZE = Size(100, 200)
EMPTY = RLE.from_bitmap(np.zeros((100, 200), bool))
FULL = RLE.from_bitmap(np.ones((100, 200), bool))


@pytest.mark.parametrize(
    "prompt",
    [
        ObjectPrompt((Point(0, 0),)),
        ObjectPrompt((Point(199.9, 99.9),)),
        ObjectPrompt(box=Box(-5, -5, 500, 500)),
        ObjectPrompt((Point(10, 10), Point(20, 20, positive=False)), Box(5, 5, 15, 15)),
        ObjectPrompt(previous=FULL),
        ObjectPrompt((Point(3, 3, positive=False),), previous=FULL),
    ],
)
def test_sense_passes(prompt):
    check_objects(Objects((prompt,)), SIZE)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (ObjectPrompt(), "no positive point and no box"),
        (ObjectPrompt((Point(1, 1, positive=False),)), "no positive point"),
        (ObjectPrompt(previous=EMPTY), "no positive point and no box, and its previous mask is empty"),
        (ObjectPrompt((Point(200, 5),)), "200 x 100 pixels"),
        (ObjectPrompt((Point(-1, 5),)), "outside the picture"),
        (ObjectPrompt((Point(float("nan"), 5),)), "outside the picture"),
        (ObjectPrompt((Point(-0.5, 5), Point(0.5, 5, positive=False))), "outside the picture"),
        (ObjectPrompt(box=Box(5, 5, 5, 9)), "no area"),
        (ObjectPrompt(box=Box(9, 5, 5, 9)), "no area"),
        (ObjectPrompt(box=Box(float("inf"), 5, 5, 9)), "no area"),
        (ObjectPrompt(box=Box(300, 5, 400, 9)), "outside the picture"),
        (ObjectPrompt((Point(50, 50),), Box(0, 0, 20, 20)), "outside the box"),
        (ObjectPrompt((Point(5, 5), Point(5.4, 5.2, positive=False))), r"\(5, 5\) is clicked"),
        (ObjectPrompt(previous=RLE.from_bitmap(np.ones((9, 9), bool))), "9 x 9"),
    ],
)
def test_nonsense_is_named(prompt, words):
    with pytest.raises(InvalidPrompt, match=words):
        check_objects(Objects((prompt,)), SIZE)


def test_there_must_be_an_object():
    with pytest.raises(InvalidPrompt, match="0 objects"):
        check_objects(Objects(()), SIZE)


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e12, "8", True, object(), [1]])
def test_every_option_has_limits_that_are_named(name, value):
    with pytest.raises(InvalidPrompt, match=name):
        Everything(**{name: value})


@pytest.mark.parametrize("name", ["points_per_side", "max_masks", "crop_n_layers", "min_mask_region_area"])
def test_counts_are_whole(name):
    with pytest.raises(InvalidPrompt, match="whole number"):
        Everything(**{name: 1.5})
    Everything(**{name: np.int64(1)})


def test_the_edges_of_the_limits_are_allowed():
    for name, (low, high) in LIMITS.items():
        kind = float if isinstance(getattr(Everything(), name), float) else int
        Everything(**{name: kind(low)})
        Everything(**{name: kind(high)})


def test_shares_become_pixels_and_the_far_edge_is_the_last_pixel():
    prompt = ObjectPrompt((Point(0.25, 0.5), Point(1, 1, positive=False)), Box(0, 0.1, 1, 0.9))
    (scaled,) = in_pixels(Objects((prompt,), multimask=True, normalized=True), SIZE).objects
    assert scaled.points[0] == Point(50, 50)
    assert scaled.box == Box(0, 10, 200, 90)
    check_objects(Objects((scaled,)), SIZE)  # the click on the corner lies inside
    assert in_pixels(Objects((prompt,)), SIZE) == Objects((prompt,))
