"""Outlines move onto edges."""

import cv2
import numpy as np
from tests.engine.embedded.shapes import disc_scene, iou

from rubylith.engine.embedded.snapping import snap


def test_a_mask_that_is_a_bit_off_is_pulled_onto_the_edge():
    pixels, disc = disc_scene()
    loose = cv2.dilate(disc.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert iou(loose, disc) < 0.88
    assert iou(snap(pixels, loose), disc) > 0.95
    assert iou(snap(pixels, snap(pixels, loose)), disc) > 0.99


def test_an_empty_mask_stays_empty():
    pixels, disc = disc_scene()
    assert not snap(pixels, np.zeros_like(disc)).any()


def test_a_mask_on_a_flat_picture_keeps_its_place():
    _, disc = disc_scene()
    assert iou(snap(np.full((*disc.shape, 3), 90, np.uint8), disc), disc) > 0.95
