"""Which masks are things: whole ones, also before a ground that a single mask covers together with them."""

import json
import shutil

import numpy as np
from tests.engine.drawings import THRESHOLDS, drawings
from tests.engine.test_golden import GOLDEN

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Text
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.engine.engine import Engine
from rubylith.engine.grounded import _things_among

SIZE = Size(100, 100)
GROUND, RED = (90, 140, 90), (200, 40, 40)


def at(top, bottom, left, right):
    bitmap = np.zeros((100, 100), np.bool_)
    bitmap[top:bottom, left:right] = True
    return bitmap


def things(*bitmaps, pixels):
    masks = tuple(Mask(RLE.from_bitmap(one), RLE.from_bitmap(one).box, 0.9) for one in bitmaps)
    return [mask.rle.bitmap() for mask in _things_among(Segmentation(SIZE, masks, False, "test"), pixels)]


def test_a_thing_is_found_though_a_mask_of_all_lies_under_it():
    pixels = np.full((100, 100, 3), GROUND, np.uint8)
    thing, part = at(30, 60, 30, 60), at(35, 45, 35, 45)
    pixels[thing] = RED
    whole, ground_piece, corner = at(0, 100, 0, 100), at(75, 85, 40, 60), at(80, 100, 0, 20)
    (found,) = things(whole, thing, part, ground_piece, corner, pixels=pixels)
    assert (found == thing).all()


def test_what_runs_along_the_edge_is_no_thing():
    pixels = np.full((100, 100, 3), GROUND, np.uint8)
    assert things(at(0, 100, 0, 30), pixels=pixels) == []


def test_things_are_looked_for_with_the_models_own_thresholds(tmp_path):
    folder = shutil.copytree(GOLDEN, tmp_path / "golden")
    page = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(page | {"everything": THRESHOLDS}))
    picture = Image(drawings()[0].pixels, "a drawing")
    own, strict = (Engine(str(name)).segment(picture, Text(("object",))).masks for name in (folder, GOLDEN))
    assert len(own) > len(strict)
