"""From working size to full size."""

import cv2
import numpy as np

from rubylith.engine.embedded.upscale import LabelRuns, enlarge_labels


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
    large = enlarge_labels(small, pixels) == 1
    plain = cv2.resize(small.astype(np.float32), (400, 300), interpolation=cv2.INTER_NEAREST) == 1
    assert (large != disc).sum() < 0.5 * (plain != disc).sum()


def test_beyond_the_side_that_is_followed_the_map_still_has_the_size_of_the_picture():
    labels = (np.indices((40, 30)).sum(axis=0) > 35).astype(np.int32)
    large = enlarge_labels(labels, np.zeros((2401, 1803, 3), np.uint8))
    assert large.shape == (2401, 1803)
    assert np.unique(large).tolist() == [0, 1]
    assert abs((large == 1).mean() - (labels == 1).mean()) < 0.01
