"""The flood that everything stands on."""

import cv2
import numpy as np
import pytest

from rubylith.domain.prompt import Everything
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.picture import read_picture
from rubylith.engine.embedded.proposals import select
from rubylith.engine.embedded.superpixels import flood, still_places, superpixels
from rubylith.engine.runtimes import Device


def test_a_flood_meets_on_the_ridge_even_if_it_is_nearer_to_one_marker():
    levels = np.zeros((9, 30), np.uint8)
    levels[:, 22] = 200
    markers = np.zeros((9, 30), np.int32)
    markers[4, 1], markers[4, 28] = 1, 2
    labels = flood(levels, markers)
    assert (labels[:, :22] == 1).all()
    assert (labels[:, 23:] == 2).all()


def test_a_flood_takes_the_lowest_pass_not_the_shortest_way():
    levels = np.full((11, 11), 100, np.uint8)
    levels[5, :] = 10  # a valley along the middle row, which ends at a wall
    levels[:, 10] = 250
    markers = np.zeros((11, 11), np.int32)
    markers[5, 0], markers[0, 9] = 1, 2
    assert flood(levels, markers)[5, 9] == 1


def test_superpixels_are_numbered_without_gaps_and_each_is_one_piece():
    rng = np.random.default_rng(0)
    labels = superpixels(rng.random((60, 80)).astype(np.float32), rng.integers(0, 256, (60, 80, 3), np.uint8))
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert all(cv2.connectedComponents((labels == k).astype(np.uint8), connectivity=4)[0] == 2 for k in range(20))


def test_a_picture_without_edges_is_one_superpixel():
    assert (superpixels(np.zeros((40, 50), np.float32), np.zeros((40, 50, 3), np.uint8)) == 0).all()


def test_flat_colour_is_not_cut_where_edges_are_strong_beside_it():
    pixels = np.full((60, 80, 3), 230, np.uint8)
    pixels[20:40, 30:50] = (200, 40, 40)
    edges = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    labels = superpixels(edges, pixels)
    assert len(np.unique(labels[:15])) == 1
    assert len(np.unique(labels[25:35, 35:45])) == 1
    assert labels[0, 0] == labels[-1, -1] != labels[30, 40]


def test_specks_of_flat_colour_in_noise_are_no_superpixels_of_their_own():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 80, 3), np.uint8)
    pixels[20:28, 30:38] = 128
    assert not still_places(pixels).any()
    pixels[20:29, 30:39] = 128
    assert still_places(pixels).sum() == 25


def test_a_gap_in_an_outline_does_not_join_a_thing_with_its_ground():
    rows, columns = np.mgrid[:400, :500]
    disc = np.hypot(columns - 250, rows - 200) < 90
    circle = np.full((400, 500, 3), 245, np.uint8)
    cv2.ellipse(circle, (250, 200), (90, 90), 0, 4, 356, (20, 20, 20), 2, cv2.LINE_AA)
    ramp = 60 + columns / 500 * 130
    crossing = np.where(disc, 250 - ramp, ramp).astype(np.uint8)[..., None].repeat(3, axis=2)
    faint = np.where(disc, 16, 12).astype(np.uint8)[..., None].repeat(3, axis=2)
    for pixels in (circle, crossing, faint):
        picture = read_picture(pixels, Nano(Device()))
        regions = select(picture, Everything())
        members = [np.isin(picture.leaves.labels, picture.hierarchy.leaves_of(region.node)) for region in regions]
        assert max((one & disc).sum() / (one | disc).sum() for one in members) > 0.93


@pytest.mark.parametrize("has_networks", [True, False])
def test_drawings_in_flat_colour_and_gentle_gradients_have_a_mask_for_each_thing_and_no_more(has_networks):
    face = np.full((300, 300, 3), (30, 60, 90), np.uint8)
    cv2.circle(face, (150, 150), 110, (240, 220, 90), -1, cv2.LINE_AA)
    for x in (115, 185):
        cv2.circle(face, (x, 120), 16, (30, 30, 30), -1, cv2.LINE_AA)
    cv2.ellipse(face, (150, 170), (60, 45), 0, 10, 170, (30, 30, 30), 8, cv2.LINE_AA)
    gradient = np.linspace(60, 220, 400).astype(np.uint8)[None, :, None].repeat(300, 0).repeat(3, 2)
    disc = gradient.copy()
    cv2.circle(disc, (200, 150), 60, (220, 60, 60), -1, cv2.LINE_AA)
    nano = Nano(Device()) if has_networks else None
    counts = [len(select(read_picture(pixels, nano), Everything())) for pixels in (face, gradient, disc)]
    assert counts[0] <= 7  # ground, face, two eyes, mouth
    assert counts[1] == 1
    assert counts[2] <= 2
