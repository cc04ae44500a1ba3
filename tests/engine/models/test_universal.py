"""Universal models on ONNX Runtime, held to what transformers made of the same networks (tests/reference)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rubylith.domain.errors import InvalidPrompt, ModelFailed, UnknownWord
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label
from rubylith.domain.prompt import Everything, Mode, ObjectPrompt, Objects, Scene, Subject, Text
from rubylith.engine.engine import Engine
from rubylith.engine.frames import within
from rubylith.engine.names import Names, read_names
from rubylith.engine.universal import Answers, panoptic_segments, semantic_segments

FIXTURES = Path(__file__).parents[2] / "fixtures"
FAMILIES = ("eomt", "mask2former", "oneformer")
PICTURES = {"square": (80, 80), "wide": (60, 110), "tall": (130, 70)}


def picture(name):
    height, width = PICTURES[name]
    small = np.random.default_rng(5).integers(0, 256, (9, 9, 3), np.uint8)
    return Image(np.ascontiguousarray(np.kron(small, np.ones((20, 20, 1), np.uint8))[:height, :width]), name)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def engine(family):
    return Engine(str(FIXTURES / f"universal-{family}"))


@pytest.fixture(scope="module")
def reference(family):
    with np.load(FIXTURES / f"universal-{family}" / "reference.npz") as arrays:
        return dict(arrays)


def told(reference, name):
    return Answers(reference[f"{name}-class_logits"], reference[f"{name}-mask_logits"])


@pytest.mark.parametrize("name", PICTURES)
def test_the_network_answers_as_it_did(engine, reference, name):
    seen = engine.embed(picture(name)).features
    assert np.allclose(seen.names, told(reference, name).names, atol=2e-3)
    assert np.allclose(seen.masks, told(reference, name).masks, atol=2e-3)


@pytest.mark.parametrize("name", PICTURES)
def test_panoptic_segments_are_those_of_transformers(engine, reference, name):
    size, reading = Size(*PICTURES[name]), engine._segmenter._reading
    found = panoptic_segments(told(reference, name), size, reading, frozenset())
    assert [one.name for one in found] == reference[f"{name}-names"].tolist()
    assert np.allclose([one.score for one in found], reference[f"{name}-scores"], atol=1e-5)
    for one, bitmap in zip(found, reference[f"{name}-panoptic"], strict=True):
        assert np.count_nonzero(one.bitmap != bitmap) <= 2  # pixels on a tie of two floats


def test_what_a_crops_edge_cuts_off_is_left_out(engine):
    embedding, everything = engine.embed(picture("square")), Everything(pred_iou_thresh=0)
    masks = engine.segmenter.propose(embedding, everything, lambda _: None)
    right = max(mask.box.x1 for mask in masks) - 1
    kept = engine.segmenter.propose(embedding, everything, lambda _: None, lambda boxes: boxes[:, 2] < right)
    assert kept == tuple(mask for mask in masks if mask.box.x1 - 1 < right)
    assert len(kept) < len(masks)


@pytest.mark.parametrize("name", PICTURES)
def test_semantic_classes_are_those_of_transformers(engine, reference, family, name):
    if family == "eomt" and name != "square":
        pytest.skip("transformers enlarges the padding too, which we cut off")
    size, reading = Size(*PICTURES[name]), engine._segmenter._reading
    classes = np.full((size.height, size.width), -1)
    for one in semantic_segments(told(reference, name), size, reading):
        assert (classes[one.bitmap] == -1).all()
        classes[one.bitmap] = one.name
    assert (classes != reference[f"{name}-semantic"]).mean() < 1e-3


def test_stuff_of_a_name_is_one_segment(engine, reference):
    size, reading = Size(*PICTURES["square"]), engine._segmenter._reading
    apart = panoptic_segments(told(reference, "square"), size, reading, frozenset())
    names = {one.name for one in apart}
    united = panoptic_segments(told(reference, "square"), size, reading, frozenset(names))
    assert len(united) == len(names) <= len(apart)
    for one in united:
        parts = [other.bitmap for other in apart if other.name == one.name]
        assert np.array_equal(one.bitmap, np.logical_or.reduce(parts))


@pytest.mark.parametrize("mode", Mode)
def test_a_scene_is_disjoint_and_named(engine, mode):
    image = picture("square")
    engine.check(Scene(mode))
    found = engine.segment(image, Scene(mode))
    assert found.disjoint
    taken = np.zeros((80, 80), int)
    for mask in found.masks:
        taken += mask.bitmap()
        assert mask.label.name in {"person", "car", "tree", "sky", "road"}
        assert mask.label.is_thing == (mask.label.name in {"person", "car"})
        assert mask.label.score == mask.predicted_iou
    assert taken.max(initial=0) <= 1
    if mode is Mode.SEMANTIC:
        assert taken.min() == 1  # every pixel shows something
        assert len({mask.label.name for mask in found.masks}) == len(found.masks)


def test_the_embedding_alone_answers(engine):
    embedding = engine.embed(picture("wide"))
    again = engine.segment(None, Scene(Mode.SEMANTIC), embedding=embedding)
    assert again == engine.segment(picture("wide"), Scene(Mode.SEMANTIC))
    assert embedding.nbytes > 0


def test_words_pick_among_its_names(engine):
    whole = engine.segment(picture("square"), Scene(Mode.SEMANTIC))
    name = whole.masks[0].label.name
    picked = engine.segment(picture("square"), Text((f"{name}s",), mode=Mode.SEMANTIC))
    assert [mask.label.name for mask in picked.masks] == [f"{name}s"]
    assert picked.masks[0].rle == whole.masks[0].rle
    with pytest.raises(UnknownWord, match="does not know 'unicorn'"):
        engine.check(Text(("unicorn",)))
    for phrase in ("red car", "two cars"):
        with pytest.raises(InvalidPrompt, match="knows names only"):
            engine.check(Text((phrase,)))


@pytest.mark.parametrize("name", PICTURES)
def test_words_find_things_one_by_one_and_the_rest_as_one(engine, name):
    """Asked for by name, sky and road are answers too, though nobody can count them."""
    whole = engine.segment(picture(name), Scene(Mode.PANOPTIC)).masks
    names = tuple(dict.fromkeys(mask.label.name for mask in whole))
    picked = engine.segment(picture(name), Text(names)).masks
    assert {(mask.label.name, mask.rle) for mask in picked} == {(mask.label.name, mask.rle) for mask in whole}


def test_two_words_for_one_thing_give_it_once(engine):
    (name, *_) = [mask.label.name for mask in engine.segment(picture("square"), Scene()).masks]
    found = engine.segment(picture("square"), Text((name, f"{name}s")))
    assert found.masks
    assert {mask.label.name for mask in found.masks} == {name}
    assert np.sum([mask.rle.bitmap() for mask in found.masks], axis=0).max() == 1


def test_what_is_left_out_is_not_told_and_must_be_a_name_too(engine):
    name = engine.segment(picture("square"), Scene()).masks[0].label.name
    assert engine.segment(picture("square"), Text((name,))).masks
    assert not engine.segment(picture("square"), Text((name,), without=(f"{name}s",))).masks
    with pytest.raises(UnknownWord, match="does not know 'unicorn'"):
        engine.check(Text((name,), without=("unicorn",)))


def test_everything_gives_named_segments(engine):
    found = engine.segment(picture("square"), Everything(pred_iou_thresh=0))
    assert len(found.masks) == len(engine.segment(picture("square"), Scene()).masks)
    assert all(mask.label for mask in found.masks)


def test_the_vocabulary_is_all_that_it_names_or_the_words_asked_for(engine):
    scene = engine.segment(picture("square"), Scene(Mode.INSTANCE))
    assert [(one.category_id, one.name) for one in scene.vocabulary] == [(1, "person"), (2, "car")]
    everything = engine.segment(picture("square"), Everything(pred_iou_thresh=0))
    assert [one.name for one in everything.vocabulary] == ["person", "car", "tree", "sky", "road"]
    assert {replace(mask.label, score=None) for mask in everything.masks} <= set(everything.vocabulary)
    words = engine.segment(picture("square"), Text(("roads", "people"))).vocabulary
    assert words == (Label("roads", is_thing=False), Label("people"))


def test_pointing_is_refused_before_the_picture_is_opened(engine):
    for prompt in (Objects((ObjectPrompt(box=Box(1, 1, 9, 9)),)), Subject()):
        with pytest.raises(InvalidPrompt, match="takes no points or boxes"):
            engine.check(prompt)


def test_names_are_shown_as_people_write_them():
    coco = Names(("tree-merged", "wall-other-merged", "door-stuff", "wall-brick", "dining table", "building, edifice"))
    assert coco.shown == ("tree", "wall", "door", "wall brick", "dining table", "building")
    assert Names(tuple(map(str, range(133)))).stuff == frozenset(range(80, 133))
    assert Names(tuple(map(str, range(19)))).stuff == frozenset(range(11))


def test_a_folder_that_tells_no_names_is_an_error(tmp_path):
    (tmp_path / "model.json").write_text('{"family": "eomt"}')
    with pytest.raises(ModelFailed, match="does not say what the model knows"):
        read_names(tmp_path)


@pytest.mark.parametrize(
    ("size", "used"),
    [((480, 640), (480, 640)), ((500, 375), (640, 480)), ((7, 1000), (4, 640)), ((50, 50), (640, 640))],
)
def test_a_padded_picture_lies_as_transformers_lays_it(size, used):
    assert within(Size(*size), 640, 640) == Size(*used)
