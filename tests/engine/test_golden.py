"""The whole neural path on masks that mean something: a small SAM that knows drawings, on drawings it never saw."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from benchmarks.golden_quality import interior, iou, shapes_of, tight
from tests.engine.drawings import SIZE, THRESHOLDS, cases, drawings
from tests.engine.prompts import assert_as_referred

from rubylith.domain.geometry import Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Subject
from rubylith.domain.rle import RLE
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"


@pytest.fixture(scope="module")
def engine():
    return Engine(str(GOLDEN), device=Device(threads=1))


@pytest.fixture(scope="module")
def reference():
    with np.load(GOLDEN / "reference.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def asked(engine):
    """Each drawing with its embedding and its shapes, largest first."""
    return [
        (image, engine.embed(image), sorted(shapes_of(drawing), key=lambda shape: -shape.sum()))
        for drawing, image in zip(drawings(), pictures(), strict=True)
    ]


@cache
def pictures():
    return [Image(drawing.pixels, f"drawing {index}") for index, drawing in enumerate(drawings())]


def click(shape):
    return ObjectPrompt((interior(shape),))


def first(engine, embedding, prompt):
    return engine.segment(None, Objects((prompt,)), embedding=embedding).masks[0]


@pytest.mark.parametrize("name", cases())
def test_masks_scores_and_logits_are_those_of_transformers(engine, asked, reference, name):
    answers = engine._segmenter.decode(asked[0][1], cases()[name].prompts(reference["previous"]))
    assert_as_referred(answers, reference, name, SIZE)


@pytest.mark.parametrize("index", range(3))
def test_everything_is_what_transformers_finds(engine, asked, reference, index):
    """95 % of the reference's masks are found again at an IoU of .9, and at most 5 % more are given."""
    image, embedding, _ = asked[index]
    wanted = np.unpackbits(reference[f"everything{index}"], axis=-1, count=SIZE[1]).astype(bool)
    masks = [mask.rle.bitmap() for mask in engine.segment(image, Everything(**THRESHOLDS), embedding=embedding).masks]
    assert len(wanted) >= 3
    table = np.array([[iou(mask, other) for other in masks] for mask in wanted]).reshape(len(wanted), -1)
    assert (table.max(1) >= 0.9).mean() >= 0.95
    assert (table.max(0) < 0.9).sum() <= 0.05 * len(wanted)


def test_a_click_or_a_box_gives_the_shape(engine, asked):
    found = [
        [
            iou(first(engine, embedding, prompt).rle.bitmap(), shape)
            for prompt in (click(shape), ObjectPrompt(box=tight(shape)))
        ]
        for _, embedding, shapes in asked
        for shape in shapes
    ]
    clicked, boxed = np.mean(found, axis=0)
    assert clicked >= 0.7
    assert boxed >= 0.75


def test_in_int8_the_masks_are_nearly_the_same(engine, asked):
    """A mean IoU of .95 with the masks of fp32, for clicks and boxes."""
    small = Engine(str(GOLDEN), device=Device(threads=1, precision="int8"))
    same = []
    for image, embedding, shapes in asked:
        other = small.embed(image)
        for shape in shapes:
            for prompt in (click(shape), ObjectPrompt(box=tight(shape))):
                one, two = (
                    first(e, looked, prompt).rle.bitmap() for e, looked in ((engine, embedding), (small, other))
                )
                same.append(iou(one, two) if one.any() or two.any() else 1.0)
    assert np.mean(same) >= 0.95


def test_everything_finds_the_shapes(engine, asked):
    best = []
    for image, embedding, shapes in asked[:3]:
        masks = [
            mask.rle.bitmap() for mask in engine.segment(image, Everything(**THRESHOLDS), embedding=embedding).masks
        ]
        best += [max(iou(mask, shape) for mask in masks) for shape in shapes]
    assert np.mean([[one >= step for step in np.linspace(0.5, 0.95, 10)] for one in best]) >= 0.5


def test_of_several_objects_each_gets_its_own_mask(engine, asked):
    _, embedding, shapes = asked[0]
    prompts = tuple(click(shape) for shape in shapes)
    together = engine.segment(None, Objects(prompts), embedding=embedding).masks
    assert [mask.object_index for mask in together] == list(range(len(shapes)))
    table = np.array([[iou(mask.rle.bitmap(), shape) for shape in shapes] for mask in together])
    assert (table.argmax(1) == range(len(shapes))).mean() >= 0.7


def test_three_candidates_come_best_first_with_scores_that_are_true(engine, asked):
    errors = []
    for _, embedding, shapes in asked:
        for shape in shapes:
            masks = engine.segment(None, Objects((click(shape),), multimask=True), embedding=embedding).masks
            assert len(masks) == 3
            assert [m.predicted_iou for m in masks] == sorted((m.predicted_iou for m in masks), reverse=True)
            errors.append(abs(masks[0].predicted_iou - iou(masks[0].rle.bitmap(), shape)))
    assert np.mean(errors) < 0.15


def test_corrections_bring_the_mask_nearer_to_the_shape(engine, asked):
    """The worst clicks; each correction is a click in the middle of the larger error, with the last logits."""
    before, after = [], []
    for _, embedding, shapes in asked:
        for shape in shapes:
            clicks = (interior(shape),)
            mask = first(engine, embedding, ObjectPrompt(clicks))
            if iou(mask.rle.bitmap(), shape) > 0.9:
                continue
            before.append(iou(mask.rle.bitmap(), shape))
            for _ in range(2):
                clicks = (*clicks, correction(mask.rle.bitmap(), shape))
                mask = first(engine, embedding, ObjectPrompt(clicks, previous=mask.low_res_logits))
            after.append(iou(mask.rle.bitmap(), shape))
    assert len(before) >= 3
    assert np.mean(after) > np.mean(before) + 0.02


def correction(mask, shape):
    missing, extra = shape & ~mask, mask & ~shape
    positive = bool(missing.sum() >= extra.sum())
    place = interior(missing if positive else extra)
    return Point(place.x, place.y, positive=positive)


def test_a_mask_of_another_origin_is_made_into_the_models_own(engine, asked):
    found = []
    for _, embedding, shapes in asked:
        prompt = ObjectPrompt((interior(shapes[0]),), previous=RLE.from_bitmap(shapes[0]))
        found.append(iou(first(engine, embedding, prompt).rle.bitmap(), shapes[0]))
    assert np.mean(found) >= 0.8


def test_the_subject_is_cut_by_the_model_at_hand(engine, asked):
    """The frame of the subject is its box prompt."""
    image, embedding, _ = asked[0]
    subject = engine.segment(image, Subject(), embedding=embedding)
    assert len(subject.masks) == 1
    assert subject.model == engine.model


def test_a_rotated_drawing_gives_the_rotated_mask(engine):
    """Neither side of a picture is special: what is asked of the transposed drawing comes back transposed."""
    drawing = drawings()[1]
    shape = max(shapes_of(drawing), key=lambda one: one.sum())
    turned = Image(np.ascontiguousarray(drawing.pixels.transpose(1, 0, 2)), "turned")
    upright = first(engine, engine.embed(pictures()[1]), ObjectPrompt(box=tight(shape))).rle.bitmap()
    lying = first(engine, engine.embed(turned), ObjectPrompt(box=tight(shape.T))).rle.bitmap()
    assert iou(lying.T, upright) >= 0.8
