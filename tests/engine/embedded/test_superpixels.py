"""The flood that everything stands on."""

import cv2
import numpy as np

from rubylith.engine.embedded.superpixels import flood, superpixels


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
    edges = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    labels = superpixels(edges)
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert all(cv2.connectedComponents((labels == k).astype(np.uint8), connectivity=4)[0] == 2 for k in range(20))


def test_a_picture_without_edges_is_one_superpixel():
    assert (superpixels(np.zeros((40, 50), np.float32)) == 0).all()
