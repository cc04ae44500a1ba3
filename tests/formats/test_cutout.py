"""What the masks show, on nothing."""

import io

import numpy as np
import PIL.Image
from tests.formats.samples import CASES, picture, segmentation

from rubylith.formats.cutout import encode


def cut(case):
    image = picture(case.size)
    files = {file.name: np.asarray(PIL.Image.open(io.BytesIO(file.data))) for file in encode(case, image)}
    return image.pixels, files


def test_all_masks_together_keep_their_place_and_nothing_else_shows():
    case = CASES["overlapping masks"]
    case = segmentation(*case.masks[:3])
    pixels, files = cut(case)
    union = np.any([m.rle.bitmap() for m in case.masks], axis=0)
    together = files["cutout.png"]
    assert np.array_equal(together[..., 3], union * np.uint8(255))
    assert np.array_equal(together[union][:, :3], pixels[union])
    assert not together[~union].any()


def test_each_of_several_masks_is_cropped_to_its_box():
    case = CASES["overlapping masks"]
    pixels, files = cut(case)
    assert sorted(files) == ["cutout.png", *(f"cutouts/00{n}.png" for n in (1, 2, 3, 4))]
    third, bitmap = files["cutouts/003.png"], case.masks[2].rle.bitmap()[25:36, 31:42]
    assert np.array_equal(third[..., 3], bitmap * np.uint8(255))
    assert np.array_equal(third[bitmap][:, :3], pixels[25:36, 31:42][bitmap])


def test_one_mask_gives_one_file():
    assert list(cut(CASES["one pixel"])[1]) == ["cutout.png"]


def test_an_empty_mask_has_no_file_of_its_own():
    assert list(cut(CASES["an empty mask among others"])[1]) == ["cutout.png", "cutouts/002.png"]
