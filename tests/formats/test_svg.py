"""A drawing that fits over the picture."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from tests.formats.samples import CASES, blobs, disc, ring, segmentation

from rubylith.domain.geometry import Size
from rubylith.formats import _contours
from rubylith.formats.svg import encode

NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


def drawing(case):
    return ET.fromstring(encode(case, None)[0].data)


def paths(case):
    return drawing(case).findall(".//svg:path", NAMESPACE)


def rings_of(path):
    """The vertices of every subpath, read as a browser does."""
    for subpath in re.findall(r"M([^z]*)z", path.get("d")):
        start, steps = subpath.split("l")
        moves = [float(v) for v in (start + " " + steps).split()]
        yield np.cumsum(np.reshape(moves, (-1, 2)), axis=0)


def test_the_view_box_is_the_picture_in_pixels():
    assert drawing(CASES["20000 x 3"]).get("viewBox") == "0 0 20000 3"


@pytest.mark.parametrize("seed", range(3))
def test_a_path_covers_its_mask_by_the_even_odd_rule(seed):
    bitmap = blobs(seed)
    case = segmentation(bitmap)
    (path,) = paths(case)
    (group,) = drawing(case)
    again = _contours.rasterise(rings_of(path), Size(*bitmap.shape))
    assert group.get("fill-rule") == "evenodd"
    assert (again & bitmap).sum() / (again | bitmap).sum() >= 0.99


def test_holes_are_subpaths_of_their_own():
    (path,) = paths(segmentation(ring(Size(80, 80), 40, 40, 30, 10)))
    assert len(list(rings_of(path))) == 2


def test_larger_masks_come_first_and_keep_their_ids():
    size = Size(60, 60)
    found = paths(segmentation(disc(size, 30, 30, 5), disc(size, 30, 30, 25)))
    assert [path.get("id") for path in found] == ["mask-2", "mask-1"]


def test_titles_carry_the_label_as_it_is_but_for_what_xml_forbids():
    titles = {p.get("id"): p.find("svg:title", NAMESPACE).text for p in paths(CASES["labels"])}
    assert titles == {"mask-1": "1 dog", "mask-2": "2 a <b> & \"c\" 'd'  ü", "mask-3": "3"}


def test_a_single_mask_is_rubylith_red():
    assert paths(CASES["one pixel"])[0].get("fill") == "#d11a3a"
