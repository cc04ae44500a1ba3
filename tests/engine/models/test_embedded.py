"""The embedded model as its callers see it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from tests.engine.embedded.shapes import clover_scene, disc_scene, iou

from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine.models.embedded import load
from rubylith.engine.runtimes import Device

MODEL = load(None, Device())
PHOTO = Path(__file__).parents[3] / "examples" / "photo.jpg"
ALL = Everything(pred_iou_thresh=0, stability_score_thresh=0, box_nms_thresh=1)


def image(pixels: np.ndarray) -> Image:
    return Image(np.ascontiguousarray(pixels), "digest")


def photo(side: int = 400) -> np.ndarray:
    with Pillow.open(PHOTO) as opened:
        opened.thumbnail((side, side))
        return np.asarray(opened.convert("RGB"))


def propose(pixels: np.ndarray, everything: Everything):
    return MODEL.propose(MODEL.embed(image(pixels)), everything, lambda _: None)


def answers(pixels: np.ndarray):
    """All kinds of answers about one picture."""
    embedding = MODEL.embed(image(pixels))
    height, width = pixels.shape[:2]
    middle, corner = Point(width / 2, height / 2), Point(width * 0.1, height * 0.1, positive=False)
    first = MODEL.decode(embedding, [ObjectPrompt((middle,))])
    further = MODEL.decode(embedding, [ObjectPrompt((middle, corner), previous=first[0][0].rle)])
    boxed = MODEL.decode(embedding, [ObjectPrompt(box=Box(width * 0.2, height * 0.2, width * 0.8, height * 0.9))])
    return first, further, boxed, MODEL.propose(embedding, Everything(), lambda _: None)


@pytest.fixture(scope="module")
def disc():
    pixels, mask = disc_scene()
    return MODEL.embed(image(pixels)), mask


def test_the_same_picture_gives_the_same_bytes_twice():
    assert answers(photo(300)) == answers(photo(300))


def test_threads_that_interleave_pictures_get_what_they_would_get_alone():
    pictures = [disc_scene()[0], clover_scene()[0], photo(200), disc_scene()[0][:, ::-1]]
    alone = [answers(pixels) for pixels in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answers, pictures * 2)) == alone * 2


def test_threads_share_an_embedding(disc):
    prompts = [ObjectPrompt((Point(x, 95),)) for x in (20, 90, 60, 210)]
    alone = [MODEL.decode(disc[0], [prompt]) for prompt in prompts]
    fresh = MODEL.embed(image(disc_scene()[0]))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda prompt: MODEL.decode(fresh, [prompt]), prompts)) == alone


def test_one_click_gives_candidates_best_first_that_hold_the_click_and_differ(disc):
    (masks,) = MODEL.decode(disc[0], [ObjectPrompt((Point(90.5, 95.5),))])
    assert len(masks) == 3
    assert [m.predicted_iou for m in masks] == sorted((m.predicted_iou for m in masks), reverse=True)
    assert all(m.rle.bitmap()[95, 90] for m in masks)
    assert len({m.rle for m in masks}) == 3
    assert all(0 <= m.predicted_iou <= 1 and m.box == m.rle.box for m in masks)


def test_part_and_whole_are_among_the_candidates(disc):
    (masks,) = MODEL.decode(disc[0], [ObjectPrompt((Point(90.5, 95.5),))])
    rows, columns = np.mgrid[:180, :240]
    part = np.hypot(columns - 90, rows - 95) < 22
    assert max(iou(m.rle.bitmap(), part) for m in masks) > 0.85
    assert max(iou(m.rle.bitmap(), disc[1]) for m in masks) > 0.85


def test_a_negative_click_is_never_part_of_the_mask(disc):
    for x, y in ((90, 95), (60, 60), (230, 20), (10, 170)):
        clicks = (Point(115.5, 120.5), Point(x + 0.5, y + 0.5, positive=False))
        for mask in MODEL.decode(disc[0], [ObjectPrompt(clicks)])[0]:
            assert not mask.rle.bitmap()[y, x]
            assert mask.rle.bitmap()[120, 115]


def error_click(truth: np.ndarray, mask: np.ndarray) -> Point:
    """The middle of the largest error, as the evaluation of interactive segmentation has it."""
    depths = [
        cv2.distanceTransform(np.pad(e, 1).astype(np.uint8), cv2.DIST_L2, 5) for e in (truth & ~mask, mask & ~truth)
    ]
    kind = int(depths[1].max() > depths[0].max())
    y, x = np.unravel_index(int(depths[kind].argmax()), depths[kind].shape)
    return Point(float(x) - 0.5, float(y) - 0.5, positive=kind == 0)


def test_each_further_click_obeys_and_together_they_reach_the_object():
    pixels, clover = clover_scene()
    truth = clover & ~(np.indices(clover.shape)[1] > 118)  # the left half: no border of the picture ends it
    embedding = MODEL.embed(image(pixels))
    clicks = [Point(80, 70)]
    mask = MODEL.decode(embedding, [ObjectPrompt(tuple(clicks))])[0][0]
    reached = [iou(mask.rle.bitmap(), truth)]
    for _ in range(8):
        clicks.append(error_click(truth, mask.rle.bitmap()))
        mask = MODEL.decode(embedding, [ObjectPrompt(tuple(clicks), previous=mask.rle)])[0][0]
        assert all(mask.rle.bitmap()[int(c.y), int(c.x)] == c.positive for c in clicks)
        reached.append(iou(mask.rle.bitmap(), truth))
    assert reached[3] > reached[0]
    assert max(reached[4:]) > 0.9


def test_a_previous_mask_that_all_clicks_agree_with_is_left_alone(disc):
    previous = MODEL.decode(disc[0], [ObjectPrompt((Point(115, 120),))])[0][-1].rle
    prompt = ObjectPrompt((Point(115, 120),), previous=previous)
    assert MODEL.decode(disc[0], [prompt])[0][0].rle == previous


def test_an_empty_mask_to_correct_gains_what_is_clicked(disc):
    empty = RLE.from_bitmap(np.zeros_like(disc[1]))
    prompt = ObjectPrompt((Point(115.5, 120.5), Point(230.5, 20.5, positive=False)), previous=empty)
    mask = MODEL.decode(disc[0], [prompt])[0][0].rle.bitmap()
    assert mask[120, 115]
    assert not mask[20, 230]


def test_a_correction_of_a_large_picture_leaves_far_pixels_as_they_were():
    pixels = cv2.resize(disc_scene()[0], (1200, 900), interpolation=cv2.INTER_CUBIC)
    embedding = MODEL.embed(image(pixels))
    previous = np.zeros((900, 1200), np.bool_)
    previous[3:7, 1100:1190] = True  # finer than the working size can show
    previous[300:600, 300:600] = True
    clicks = (Point(450, 450), Point(450, 700))
    mask = MODEL.decode(embedding, [ObjectPrompt(clicks, previous=RLE.from_bitmap(previous))])[0][0].rle.bitmap()
    assert mask[700, 450]
    assert np.array_equal(mask[:20, 1100:1190], previous[:20, 1100:1190])


def test_a_box_round_the_disc_gives_the_disc(disc):
    mask = MODEL.decode(disc[0], [ObjectPrompt(box=Box(35, 40, 146, 151))])[0][0]
    assert iou(mask.rle.bitmap(), disc[1]) > 0.95
    assert not mask.rle.bitmap()[:, 147:].any()


def test_a_box_and_a_click_against_it_agree(disc):
    prompt = ObjectPrompt((Point(90.5, 95.5, positive=False),), box=Box(35, 40, 146, 151))
    assert not MODEL.decode(disc[0], [prompt])[0][0].rle.bitmap()[95, 90]


def test_everything_finds_the_disc_and_each_mask_holds_its_seed(disc):
    masks = MODEL.propose(disc[0], Everything(), lambda _: None)
    assert max(iou(m.rle.bitmap(), disc[1]) for m in masks) > 0.9
    assert all(m.rle.bitmap()[int(m.points[0].y), int(m.points[0].x)] for m in masks)
    assert [m.predicted_iou for m in masks] == sorted((m.predicted_iou for m in masks), reverse=True)


def test_the_defaults_keep_a_useful_number_on_a_photograph():
    assert 30 <= len(propose(photo(512), Everything())) <= 170


def test_a_uniform_picture_is_one_mask():
    (mask,) = propose(np.full((60, 80, 3), 77, np.uint8), Everything())
    assert mask.rle.area == 60 * 80


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("pred_iou_thresh", (0.0, 0.8, 0.9, 0.95)),
        ("stability_score_thresh", (0.0, 0.7, 0.95, 1.0)),
        ("stability_score_offset", (0.0, 1.0, 3.0)),
    ],
)
def test_raising_a_threshold_keeps_fewer_and_only_known_masks(option, values):
    embedding = MODEL.embed(image(photo()))
    kept = [
        {
            m.rle
            for m in MODEL.propose(embedding, replace(ALL, stability_score_thresh=0.9, **{option: v}), lambda _: None)
        }
        if option == "stability_score_offset"
        else {m.rle for m in MODEL.propose(embedding, replace(ALL, **{option: v}), lambda _: None)}
        for v in values
    ]
    assert all(later <= earlier for earlier, later in pairwise(kept))
    assert len(kept[-1]) < len(kept[0])


def test_fewer_seeds_give_fewer_and_larger_regions():
    embedding = MODEL.embed(image(photo()))
    found = [MODEL.propose(embedding, replace(ALL, points_per_side=n), lambda _: None) for n in (4, 12, 48)]
    counts = [len(masks) for masks in found]
    areas = [np.median([m.rle.area for m in masks]) for masks in found]
    assert counts == sorted(set(counts))
    assert areas == sorted(areas, reverse=True)


def test_a_lower_box_nms_thresh_keeps_fewer():
    embedding = MODEL.embed(image(photo()))
    counts = [len(MODEL.propose(embedding, replace(ALL, box_nms_thresh=t), lambda _: None)) for t in (1.0, 0.7, 0.3)]
    assert counts == sorted(set(counts), reverse=True)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (5, 1), (3, 2000), (20000, 3)])
@pytest.mark.parametrize("flat", [True, False])
def test_pictures_of_any_shape_get_masks_of_their_size(shape, flat):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    embedding = MODEL.embed(image(np.full_like(pixels, 9) if flat else pixels))
    height, width = shape
    middle = Point(width / 2, height / 2)
    prompts = [
        ObjectPrompt((middle,)),
        ObjectPrompt(box=Box(0, 0, width, height)),
        ObjectPrompt((middle, Point(0, 0, False))),
    ]
    masks = [
        *MODEL.propose(embedding, Everything(), lambda _: None),
        *(m for c in MODEL.decode(embedding, prompts) for m in c),
    ]
    assert masks
    assert all((m.rle.size.height, m.rle.size.width) == shape for m in masks)


def test_what_a_crops_edge_cuts_off_is_left_out_by_its_pixels_in_the_picture():
    pixels, disc = (np.kron(each, np.ones((4, 4, 1)[: each.ndim], each.dtype)) for each in disc_scene())
    rows, columns = np.nonzero(disc)
    ends, seen = np.array([columns.min(), rows.min(), columns.max(), rows.max()]), []

    def apart_from_the_disc(boxes):
        seen.append(boxes)
        return np.abs(boxes - ends).max(1) > 8

    embedding = MODEL.embed(image(pixels))
    whole = MODEL.propose(embedding, ALL, lambda _: None)
    kept = MODEL.propose(embedding, ALL, lambda _: None, apart_from_the_disc)
    assert np.abs(seen[0] - ends).max(1).min() <= 4  # two pixels of the picture that is looked at
    assert any(iou(mask.rle.bitmap(), disc.astype(bool)) > 0.9 for mask in whole)
    assert not any(iou(mask.rle.bitmap(), disc.astype(bool)) > 0.9 for mask in kept)


def test_progress_rises_to_one():
    seen: list[float] = []
    MODEL.propose(MODEL.embed(image(disc_scene()[0])), Everything(), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_whole_picture_is_no_thing_unless_it_is_all_one():
    pixels = photo(200)
    masks = propose(pixels, ALL)
    assert masks
    assert max(mask.rle.area for mask in masks) < pixels.shape[0] * pixels.shape[1]
    (only,) = propose(np.full((40, 50, 3), 90, np.uint8), ALL)
    assert only.rle.area == 40 * 50


def test_a_box_bounds_a_mask_to_be_corrected():
    embedding = MODEL.embed(image(photo(200)))
    whole = RLE.from_bitmap(np.ones((embedding.size.height, embedding.size.width), bool))
    box = Box(3, 4, 20, 30)
    ((mask,),) = MODEL.decode(embedding, [ObjectPrompt(box=box, previous=whole)])
    assert mask.box == box


def test_an_embedding_says_what_it_takes_in_memory():
    small, large = (MODEL.embed(image(photo(side))).nbytes for side in (100, 800))  # 400 is how large 100 is seen
    assert 100_000 < small < large < 200_000_000


def test_no_more_threads_filter_a_picture_than_the_device_says():
    def at_work(device: Device) -> int:
        """How many threads of ours look at a picture beside the one that asks."""
        model, seen = load(None, device), set[int]()
        threading.setprofile(lambda *_: seen.add(threading.get_ident()))
        try:
            model.embed(image(photo(200)))
        finally:
            threading.setprofile(None)
        return len(seen - {threading.get_ident()})

    assert [at_work(Device(threads=count)) for count in (1, 2, None)] == [1, 2, 2]
