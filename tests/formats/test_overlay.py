"""The picture that people look at."""

import io

import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import CASES, disc, grid, picture, ring, segmentation

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.formats._palette import FILL, HUES, RED, colours
from rubylith.formats.overlay import encode, preview, render


def grey(size, level=120):
    return Image(np.full((size.height, size.width, 3), level, np.uint8), "0" * 64)


def blended(colour, level, opacity=FILL):
    return np.rint(np.array(colour) * opacity + level * (1 - opacity))


def test_without_masks_it_is_the_picture():
    case = CASES["no masks"]
    assert np.array_equal(render(case, picture(case.size)), picture(case.size).pixels)


def test_smaller_masks_hide_larger_ones_instead_of_mixing_with_them():
    size = Size(100, 100)
    case = segmentation(disc(size, 50, 50, 12), disc(size, 50, 50, 40))
    inner, outer = colours(case)
    shown = render(case, grey(size))
    assert np.abs(shown[50, 50] - blended(inner, 120)).max() <= 1
    assert np.abs(shown[50, 25] - blended(outer, 120)).max() <= 1
    assert np.array_equal(shown[2, 2], [120, 120, 120])


def test_outlines_are_stronger_than_what_they_surround():
    size = Size(100, 100)
    case = segmentation(disc(size, 30, 50, 20), disc(size, 75, 50, 20))
    shown, colour = render(case, grey(size)).astype(int), colours(case)[0]
    distance = np.abs(shown[50] - np.array(colour)).sum(axis=-1)
    assert distance[[9, 10]].min() < 0.3 * distance[30]
    assert distance[14] == distance[30]


def test_a_single_mask_is_red_and_the_rest_steps_back():
    size = Size(100, 100)
    warm = Image(np.tile(np.array([210, 160, 110], np.uint8), (100, 100, 1)), "0" * 64)
    shown = render(segmentation(disc(size, 50, 50, 30)), warm).astype(int)
    assert np.abs(shown[50, 50] - (np.array(RED) * FILL + np.array([210, 160, 110]) * (1 - FILL))).max() <= 1
    assert shown[5, 5].sum() < 0.8 * 480
    assert np.ptp(shown[5, 5]) < 0.5 * 100


def test_no_line_runs_along_the_edge_of_the_picture():
    size = Size(80, 120)
    case = segmentation(np.ones((80, 120), bool), disc(size, 60, 40, 10))
    shown = render(case, grey(size))
    assert (shown[0] == shown[0, 0]).all()
    assert np.array_equal(shown[0, 0], shown[10, 10])


@pytest.mark.parametrize(
    ("height", "width", "shown"), [(40, 3000, (27, 2048)), (3000, 1000, (2048, 683)), (3, 20000, (1, 2048))]
)
def test_large_pictures_are_scaled_to_a_longest_side_of_2048(height, width, shown):
    size = Size(height, width)
    half = np.zeros((height, width), bool)
    half[:, : width // 2] = True
    found = render(segmentation(half, ~half), grey(size))
    assert found.shape[:2] == shown
    left, right = colours(segmentation(half, ~half))
    assert np.abs(found[shown[0] // 2, shown[1] // 4] - blended(left, 120)).max() <= 1
    assert np.abs(found[shown[0] // 2, shown[1] * 3 // 4] - blended(right, 120)).max() <= 1


def test_scaled_masks_lie_where_they_lay():
    """The middle of an outline is within half a pixel of where the mask's edge falls."""
    size = Size(3001, 2500)
    bitmap = np.zeros((3001, 2500), bool)
    bitmap[1000:2000, 777:1777] = True
    both = segmentation(bitmap, disc(size, 100, 100, 20))
    row = render(both, grey(size), longest_side=1000)[500].astype(int)
    strength = np.abs(row - 120).sum(axis=-1)
    scale = row.shape[0] / 2500
    for edge in (777, 1777):
        middle = round(edge * scale)
        near = np.arange(middle - 4, middle + 5)
        weight = strength[near] - strength[near].min()
        weight[weight < 0.6 * weight.max()] = 0
        assert abs((weight * (near + 0.5)).sum() / weight.sum() - edge * scale) <= 0.6


def test_no_line_runs_along_the_edge_of_a_scaled_picture():
    """3001 rows by threes: the last block is two thirds empty."""
    size = Size(3001, 2500)
    shown = render(segmentation(np.ones((3001, 2500), bool), disc(size, 500, 500, 90)), grey(size), longest_side=1000)
    assert (shown[[0, -1]] == shown[500, 500]).all()
    assert (shown[:, [0, -1]] == shown[500, 500]).all()


def test_a_preview_for_notebooks_is_at_most_1024_wide():
    size = Size(30, 4000)
    with PIL.Image.open(io.BytesIO(preview(segmentation(np.ones((30, 4000), bool)), grey(size)))) as opened:
        assert (opened.format, opened.size) == ("PNG", (1024, 8))


def test_the_file_is_what_was_rendered():
    case = CASES["overlapping masks"]
    (file,) = encode(case, picture(case.size))
    with PIL.Image.open(io.BytesIO(file.data)) as opened:
        assert np.array_equal(np.asarray(opened), render(case, picture(case.size)))


def test_hues_are_evenly_spaced_and_equally_light():
    """The table against OKLCH. Source: Björn Ottosson, A perceptual color space for image processing, 2020."""
    for step, colour in enumerate(HUES):
        angle = np.radians(30 * step)
        lab = np.array([0.72, 0.14 * np.cos(angle), 0.14 * np.sin(angle)])
        to_lms = [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
        to_rgb = [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
        linear = np.clip(to_rgb @ (to_lms @ lab) ** 3, 0, 1)
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        assert np.abs(encoded * 255 - colour).max() <= 1


def test_neighbours_differ_in_hue():
    """Twelve to a row, so that handing out the hues in turn would make columns of one hue."""
    size = Size(60, 48)
    chosen = np.array([HUES.index(c) for c in colours(segmentation(*grid(size, side=4)))]).reshape(15, 12)
    for one, other in ((chosen[:, 1:], chosen[:, :-1]), (chosen[1:], chosen[:-1])):
        steps = abs(one - other)
        assert np.minimum(steps, 12 - steps).min() >= 2
    assert len(np.unique(chosen)) == 12


def test_nested_masks_differ_in_hue():
    size = Size(80, 80)
    inner, outer = colours(segmentation(disc(size, 40, 40, 10), ring(size, 40, 40, 30, 0)))
    steps = abs(HUES.index(inner) - HUES.index(outer))
    assert min(steps, 12 - steps) >= 3
