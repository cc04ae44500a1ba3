"""From working size to full size."""

import cv2
import numpy as np

from rubylith.domain.geometry import Size
from rubylith.engine.embedded.upscale import LabelRuns, resize_bitmap, resize_labels


def test_runs_give_the_union_of_labels_exactly():
    labels = np.random.default_rng(0).integers(0, 5, (13, 17)).astype(np.int32)
    runs = LabelRuns.of(labels)
    for chosen in ([True] * 5, [False] * 5, [True, False, False, True, False], [False, True, True, False, True]):
        assert np.array_equal(runs.rle(np.array(chosen)).bitmap(), np.array(chosen)[labels])


def test_a_border_follows_the_picture_where_the_small_label_map_is_off():
    pixels = np.full((300, 400, 3), 40, np.uint8)
    rows, columns = np.mgrid[:300, :400]
    disc = np.hypot(columns - 200, rows - 150) < 90
    pixels[disc] = 200
    small = cv2.resize(disc.astype(np.float32), (80, 60), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    large = resize_labels(small, pixels) == 1
    plain = cv2.resize(small.astype(np.float32), (400, 300), interpolation=cv2.INTER_NEAREST) == 1
    assert (large != disc).sum() < 0.5 * (plain != disc).sum()


def test_beyond_the_side_that_is_followed_the_map_still_has_the_size_of_the_picture():
    labels = (np.indices((40, 30)).sum(axis=0) > 35).astype(np.int32)
    large = resize_labels(labels, np.zeros((2401, 1803, 3), np.uint8))
    assert large.shape == (2401, 1803)
    assert np.unique(large).tolist() == [0, 1]
    assert abs((large == 1).mean() - (labels == 1).mean()) < 0.01


def test_labels_of_a_picture_that_was_enlarged_come_back_as_they_were():
    labels = np.random.default_rng(0).integers(0, 9, (11, 17)).astype(np.int32)
    enlarged = labels.repeat(4, axis=0).repeat(4, axis=1)
    assert np.array_equal(resize_labels(enlarged, np.zeros((11, 17, 3), np.uint8)), labels)
    assert np.array_equal(resize_bitmap(enlarged > 4, Size(11, 17)), labels > 4)
