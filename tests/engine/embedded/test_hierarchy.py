"""Regions that hold regions."""

import cv2
import numpy as np
import pytest
from tests.engine.embedded.shapes import disc_scene

from rubylith.engine.embedded.edges import SOFT_BINS, planes_of
from rubylith.engine.embedded.picture import Picture, read_picture


@pytest.fixture(scope="module")
def picture() -> Picture:
    return read_picture(disc_scene()[0])


def test_prices_never_fall_and_areas_add_up_towards_the_root(picture):
    tree = picture.hierarchy
    inner = np.flatnonzero(tree.children[:, 0] >= 0)
    assert (np.diff(tree.heights[inner]) >= 0).all()
    assert np.allclose(tree.areas[inner], tree.areas[tree.children[inner]].sum(axis=1))
    assert tree.areas[-1] == picture.leaves.labels.size


def test_boxes_of_regions_are_tight(picture):
    tree = picture.hierarchy
    for node in range(0, len(tree.parents), 7):
        member = np.isin(picture.leaves.labels, tree.leaves_of(node))
        rows, columns = np.flatnonzero(member.any(axis=1)), np.flatnonzero(member.any(axis=0))
        assert tree.boxes[node].tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_histograms_of_superpixels_are_means_over_their_pixels(picture):
    planes = planes_of(picture.small)
    for leaf in range(0, len(picture.leaves.areas), 9):
        inside = picture.leaves.labels == leaf
        wanted = [bins[plane[inside]].mean(axis=0) for plane, bins in zip(planes, SOFT_BINS, strict=True)]
        assert picture.leaves.histograms[leaf] == pytest.approx(np.concatenate(wanted), abs=1e-5)


def test_the_last_merges_part_disc_bar_and_ground(picture):
    height, width = picture.leaves.labels.shape
    disc = cv2.resize(disc_scene()[1].astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    tree = picture.hierarchy
    inside = tree.sums(np.bincount(picture.leaves.labels[disc], minlength=len(tree.order)).astype(float))
    ious = inside / (tree.areas + disc.sum() - inside)
    assert ious.max() > 0.9
    assert ious.argmax() >= len(tree.parents) - 8


def test_a_higher_cut_never_has_more_regions(picture):
    counts = [len(np.unique(picture.hierarchy.cut(height))) for height in (0.0, 0.05, 0.1, 0.3, 0.6, 9.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == len(picture.hierarchy.order)
    assert counts[-1] == 1
