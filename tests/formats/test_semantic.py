"""What each pixel shows, with its legend."""

import io
import json

import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import disc, mask, segmentation

from rubylith.domain.errors import TooLarge
from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label
from rubylith.formats.semantic import encode

SIZE = Size(60, 80)


def test_pixels_have_their_class_and_its_colour_and_the_legend_says_both():
    dogs = [mask(disc(SIZE, x, 20, 6), Label("dog", 18)) for x in (20, 40)]
    sky = mask(disc(SIZE, 60, 40, 9), Label("sky", 187, is_thing=False))
    picture, document = encode(segmentation(*dogs, sky), None, "cat.jpg")
    legend = {one["name"]: one for one in json.loads(document.data)["classes"]}
    with PIL.Image.open(io.BytesIO(picture.data)) as png:
        values, colours = np.asarray(png), np.asarray(png.convert("RGB"))
    assert {name: one["category_id"] for name, one in legend.items()} == {"dog": 18, "sky": 187}
    assert {name: one["is_thing"] for name, one in legend.items()} == {"dog": True, "sky": False}
    assert np.array_equal(values == legend["dog"]["value"], dogs[0].bitmap() | dogs[1].bitmap())
    assert tuple(colours[40, 60]) == tuple(legend["sky"]["color"])
    assert legend["sky"]["area"] == sky.area
    assert not values[0, 0]


def test_all_colours_of_255_classes_differ_and_more_are_refused():
    masks = [mask(np.eye(1, dtype=bool), Label(f"kind {number}")) for number in range(256)]
    legend = json.loads(encode(segmentation(*masks[:255]), None)[1].data)["classes"]
    assert len({tuple(one["color"]) for one in legend}) == 255
    with pytest.raises(TooLarge, match="255 classes"):
        encode(segmentation(*masks), None)
