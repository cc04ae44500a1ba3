"""Which seeds are asked, in what order, and what is held of their answers."""

import itertools

import cv2
import numpy as np
import pytest

from rubylith.domain.errors import Overloaded, TooLarge
from rubylith.domain.geometry import Size
from rubylith.domain.prompt import Everything
from rubylith.engine import OutOfTime, grid
from rubylith.engine.decoders import Proposals, measure
from rubylith.engine.frames import Frame
from rubylith.engine.memory import affordable
from rubylith.engine.progress import ignore
from rubylith.engine.windows import anything

LOW = 64
FRAME = Frame.stretched(Size(200, 320), 256, LOW)


class Discs:
    """A decoder that sees a disc at each of some places, and says how good it is. Everywhere else it sees nothing."""

    def __init__(self, *discs):
        self.discs = discs  # x, y, radius in shares of the square, and predicted IoU
        self.asked = []

    def propose(self, features, points, *, iou_above, offset, valid):
        self.asked += [tuple(p) for p in points / FRAME.side]
        rows, columns = np.mgrid[:LOW, :LOW] + 0.5
        seeds, iou, logits = [], [], []
        for seed, (x, y) in enumerate(points / FRAME.side):
            for cx, cy, radius, quality in self.discs:
                if (x - cx) ** 2 + (y - cy) ** 2 < radius**2 and quality > iou_above:
                    seeds.append(seed)
                    iou.append(quality)
                    distance = np.hypot(columns / LOW - cx, rows / LOW - cy)
                    logits.append(((radius - distance) * 2000).astype(np.float32))
        if not seeds:
            logits = np.zeros((0, LOW, LOW), np.float32)
        stability, boxes = measure(np.array(logits), offset, valid)
        return Proposals(np.array(seeds, np.int64), np.array(iou, np.float32), stability, boxes, np.array(logits))


def propose(decoder, are_whole=anything, progress=ignore, **options):
    features = {"all": np.zeros(4)}
    return grid.propose(decoder, FRAME, features, Everything(**options), progress=progress, are_whole=are_whole)


def test_seeds_are_asked_row_by_row():
    decoder = Discs()
    propose(decoder, points_per_side=4)
    wanted = [((x + 0.5) / 4, (y + 0.5) / 4) for y in range(4) for x in range(4)]
    assert np.allclose(decoder.asked, wanted)


def test_fast_asks_nothing_twice_and_spares_seeds_inside_of_good_masks():
    whole, fast = Discs((0.5, 0.5, 0.15, 0.97)), Discs((0.5, 0.5, 0.15, 0.97))
    assert [m.rle for m in propose(whole)] == [m.rle for m in propose(fast, fast=True)]
    assert len(set(fast.asked)) == len(fast.asked)
    spared = set(whole.asked) - set(fast.asked)
    assert len(spared) > 40
    assert all((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.16**2 for x, y in spared)


@pytest.mark.parametrize("disc", [(0.5, 0.5, 0.15, 0.9), (0.5, 0.5, 0.4, 0.97)], ids=["middling", "large"])
def test_fast_spares_no_seeds_in_masks_that_are_not_good_or_not_modest(disc):
    decoder = Discs(disc)
    propose(decoder, fast=True)
    assert len(decoder.asked) == 32 * 32


def test_without_time_a_few_seeds_of_the_coarse_grid_are_asked_and_their_masks_given():
    decoder = Discs((1 / 12 * 3, 1 / 12 * 3, 0.2, 0.97))
    with pytest.raises(OutOfTime) as late:
        propose(decoder, points_per_side=6, max_seconds=0)
    assert len(late.value.masks) == 1
    coarse = [((x + 0.5) / 6, (y + 0.5) / 6) for y in (1, 3, 5) for x in (1, 3, 5)]
    assert np.allclose(decoder.asked, coarse[: grid.AT_ONCE])


def test_with_time_enough_all_seeds_are_asked():
    decoder = Discs()
    propose(decoder, points_per_side=5, max_seconds=1000)
    assert len(set(decoder.asked)) == 25


def test_many_candidates_are_thinned_before_they_fill_the_memory(monkeypatch):
    discs = [(0.3, 0.3, 0.2, 0.97), (0.3, 0.3, 0.21, 0.95), (0.7, 0.7, 0.2, 0.96)]
    wanted = [m.rle for m in propose(Discs(*discs))]
    monkeypatch.setattr(grid, "HELD_BYTES", 20_000)
    assert len(wanted) == 2
    assert [m.rle for m in propose(Discs(*discs))] == wanted
    gathering = grid._Gathering(FRAME, Everything())
    for _ in range(50):
        points = FRAME.points((grid.Point(96, 60), grid.Point(224, 140)))
        proposals = Discs(*discs).propose(None, points, iou_above=0, offset=1, valid=FRAME.valid)
        gathering.add((grid.Point(96, 60), grid.Point(224, 140)), proposals)
    assert len(gathering.candidates) < 10


def test_masks_that_none_hides_are_refused_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(grid, "HELD_BYTES", 20_000)
    monkeypatch.setattr(grid, "MOST_BYTES", 100_000)
    with pytest.raises(TooLarge, match=r"take more than .* MB\. Raise pred_iou_thresh"):
        propose(Discs((0.5, 0.5, 0.3, 0.97)), box_nms_thresh=1.0)


def test_candidates_are_thinned_only_when_what_was_left_has_doubled(monkeypatch):
    monkeypatch.setattr(grid, "HELD_BYTES", 20_000)
    thinned = []
    thin = grid._Gathering._thin
    monkeypatch.setattr(grid._Gathering, "_thin", lambda self: (thinned.append(len(self.candidates)), thin(self)))
    propose(Discs((0.5, 0.5, 0.3, 0.97)), box_nms_thresh=1.0)
    assert len(thinned) > 3
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(thinned))


def test_a_thing_that_a_crop_cuts_off_hides_none_that_is_whole():
    whole, leaking = (0.5, 0.5, 0.3, 0.93), (0.51, 0.5, 0.31, 0.95)
    assert len(propose(Discs(whole, leaking))) == 1
    (kept,) = propose(Discs(whole, leaking), are_whole=lambda boxes: boxes[:, 2] < 0.81 * FRAME.picture.width)
    assert kept.predicted_iou == pytest.approx(0.93)


def test_a_survivor_is_drawn_with_all_the_cells_that_its_outline_is_mixed_from():
    frame = Frame.padded(Size(4000, 4000), 1024, 256)
    logits = np.full((256, 256), -3.0, np.float32)
    logits[100:110, 100:110] = 30.0
    wanted, stability = grid._cut(frame, logits, (0, 0, 256, 256), 1.0)
    proposals = Proposals(
        np.zeros(1, np.int64), np.ones(1, np.float32), *measure(logits[None], 1.0, frame.valid), logits[None]
    )
    everything = Everything(stability_score_thresh=0.0)
    gathering = grid._Gathering(frame, everything)
    gathering.add((grid.Point(1640, 1640),), proposals)
    (found,) = grid._survivors(gathering.candidates, gathering.boxes, frame, everything, progress=ignore)
    assert found.rle == wanted
    assert found.stability_score == stability


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 500), Size(500, 1)])
def test_masks_a_pixel_thin_hide_each_other_too(size):
    frame = Frame.stretched(size, 256, LOW)
    features, options = {"all": np.zeros(4)}, Everything(points_per_side=8)
    masks = grid.propose(Discs((0.5, 0.5, 0.6, 0.97)), frame, features, options, progress=ignore)
    assert len(masks) == 1


def test_masks_a_pixel_thin_are_thinned_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(grid, "HELD_BYTES", 20_000)
    monkeypatch.setattr(grid, "MOST_BYTES", 20_000)
    frame, features = Frame.stretched(Size(1, 1), 256, LOW), {"all": np.zeros(4)}
    assert len(grid.propose(Discs((0.5, 0.5, 0.3, 0.97)), frame, features, Everything(), progress=ignore)) == 1


def test_drawing_tells_how_far_it_is():
    told = []
    propose(Discs((0.25, 0.5, 0.1, 0.97), (0.75, 0.5, 0.1, 0.97)), progress=told.append)
    assert told == sorted(told)
    assert len([share for share in told if share > 1 - grid.ENCODING_SHARE]) > 10


def test_less_is_done_at_once_where_memory_is_short_and_nothing_where_there_is_none():
    assert affordable(100, 8, available=10_000) == 8
    assert affordable(100, 8, available=600) == 3
    with pytest.raises(Overloaded, match=r"takes about 100 MB of memory and 50 MB are left.*smaller model"):
        affordable(100 << 20, 8, available=50 << 20)


@pytest.mark.parametrize("frame", [FRAME, Frame.padded(Size(90, 250), 96, 96), Frame.padded(Size(500, 300), 128, 32)])
def test_the_box_of_a_mask_is_that_of_the_mask_enlarged(frame):
    """Also where a mask barely reaches its last cell, or has specks; pointed corners may be off by two pixels."""
    random = np.random.default_rng(5)
    for sharpness in (1, 3, 8):
        for _ in range(20):
            logits = cv2.GaussianBlur(random.normal(size=(frame.low, frame.low)).astype(np.float32), (0, 0), sharpness)
            logits = (logits - np.quantile(logits, random.uniform(0.7, 0.99))) / logits.std()
            _, boxes = measure(logits[None], 1.0, frame.valid)
            rle, _ = grid._cut(frame, logits, (0, 0, frame.valid.width, frame.valid.height), 0.0)
            if not rle.area:
                continue
            found = grid._pixel_box(frame, logits, boxes[0])
            wanted = np.array([rle.box.x0, rle.box.y0, rle.box.x1 - 1, rle.box.y1 - 1])
            assert np.abs(found - wanted).max() <= 2  # of 90 to 500 pixels
