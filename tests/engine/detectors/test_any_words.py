"""Detectors of any words on their tiny graphs from tests/reference/detectors.py: what transformers says, without it."""

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra `words`)")

from rubylith.domain.detection import Detection
from rubylith.domain.errors import ModelFailed, Unavailable
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.prompt import Mode, Scene, Text
from rubylith.engine.detectors import DetectorWeights, _tokens, grounding_dino, owlv2
from rubylith.engine.detectors._tokens import open_tokens
from rubylith.engine.engine import ANY_PROCESSOR, Engine
from rubylith.engine.shelf import Shelf

FIXTURES = Path(__file__).parents[2] / "fixtures"
FOLDERS = {"grounding-dino": FIXTURES / "detector-grounding-dino", "owlv2": FIXTURES / "detector-owlv2"}
NAMES = ("car", "red cup", "dogs", "person with hat")
LEAST = 0.2  # see tests/reference/detectors.py
SIZES = {"square": (80, 80), "wide": (60, 110), "tall": (150, 40)}
SQUARE = {"height": 96, "width": 96}


@pytest.fixture(scope="module", params=FOLDERS)
def kind(request):
    return request.param


def picture(name):
    """The same as in tests/reference/detectors.py."""
    height, width = SIZES[name]
    small = np.random.default_rng(7).integers(0, 256, (10, 10, 3), np.uint8)
    smooth = PIL.Image.fromarray(small).resize((width, height), PIL.Image.Resampling.BICUBIC)
    return Image(np.ascontiguousarray(smooth), name)


def opened(kind):
    room = owlv2 if kind == "owlv2" else grounding_dino
    return room.load(DetectorWeights(kind, FOLDERS[kind]), ANY_PROCESSOR)


def reference(kind, name):
    with np.load(FOLDERS[kind] / "reference.npz") as arrays:
        return {key.partition(".")[2]: arrays[key] for key in arrays.files if key.startswith(f"{name}.")}


def rows(found):
    return sorted((round(one.score, 4), one.name, *(round(edge, 2) for edge in box_of(one))) for one in found)


def box_of(one):
    return one.box.x0, one.box.y0, one.box.x1, one.box.y1


@pytest.mark.parametrize("name", SIZES)
def test_a_network_is_shown_what_transformers_shows_it(kind, name):
    told, image, tokens = reference(kind, name), picture(name), open_tokens(FOLDERS[kind])
    if kind == "owlv2":
        ids, mask = _tokens.padded([tokens.of(f"a photo of a {one}") for one in NAMES], tokens, owlv2.LONGEST)
        assert np.array_equal(mask, told["attention_mask"])
        pixels = owlv2.show(image, 96, ground=0.0)  # as transformers pads
    else:
        (caption,) = grounding_dino.captions(NAMES, tokens)
        ids, pixels = caption.tokens[None], grounding_dino.show(image, SQUARE)
    assert np.array_equal(ids, told["input_ids"])
    assert np.abs(pixels - told["pixel_values"]).max() < 1e-4


@pytest.mark.parametrize("name", SIZES)
def test_grounding_dino_finds_what_transformers_finds_and_calls_it_by_its_best_name(name, monkeypatch):
    told, image = reference("grounding-dino", name), picture(name)
    monkeypatch.setattr(grounding_dino, "SAME_THING", 2.0)  # transformers leaves things that are told twice
    found = opened("grounding-dino").find(image, NAMES, LEAST)
    named = [index for index, label in enumerate(told["labels"]) if any(one.split()[0] in label for one in NAMES)]
    assert len(named) >= 3
    expected = [(round(float(told["scores"][i]), 3), *np.clip(told["boxes"][i], 0, limits(image))) for i in named]
    assert [one.score for one in found] == pytest.approx(sorted((row[0] for row in expected), reverse=True), abs=1e-3)
    for one in found:
        assert any(box_of(one) == pytest.approx(row[1:], abs=0.05) for row in expected)
    assert {one.name for one in found} <= set(NAMES)


@pytest.mark.parametrize("name", SIZES)
def test_owlv2_finds_what_transformers_finds(name, monkeypatch):
    told, image = reference("owlv2", name), picture(name)
    monkeypatch.setattr(owlv2, "SAME_THING", 2.0)
    monkeypatch.setattr(owlv2.show, "__kwdefaults__", {"ground": 0.0})  # transformers pads with black
    found = opened("owlv2").find(image, NAMES, LEAST)
    boxes = np.clip(told["boxes"], 0, limits(image))
    inside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) > 0
    assert inside.sum() > 20
    expected = sorted(
        (-float(score), NAMES[label], *box)
        for score, label, box in zip(told["scores"][inside], told["labels"][inside], boxes[inside], strict=True)
    )
    assert len(found) == len(expected)
    for one, (score, label, *box) in zip(found, expected, strict=True):
        assert one.score == pytest.approx(-score, abs=1e-4)
        assert one.name == label
        assert box_of(one) == pytest.approx(box, abs=0.05)


def limits(image):
    return [image.size.width, image.size.height] * 2


@pytest.mark.parametrize("shape", [(50, 70), (96, 96), (300, 200), (97, 96)])
def test_owlv2_is_shown_what_its_authors_show_it(shape):
    resize = pytest.importorskip("skimage.transform").resize
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    longer = max(shape)
    padding = ((0, longer - shape[0]), (0, longer - shape[1]), (0, 0))
    square = np.pad(pixels.astype(np.float32) / 255, padding, constant_values=0.5)
    expected = (resize(square, (96, 96), anti_aliasing=True) - owlv2.MEAN) / owlv2.STD
    assert np.abs(owlv2.show(Image(pixels, "random"), 96)[0].transpose(1, 2, 0) - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("size", "shown"),
    [((480, 640), (800, 1066)), ((640, 480), (1066, 800)), ((300, 1200), (333, 1333)), ((800, 800), (800, 800))],
)
def test_grounding_dino_keeps_proportions_where_the_weights_do_not_say_otherwise(size, shown):
    image = Image(np.zeros((*size, 3), np.uint8), "black")
    assert grounding_dino.show(image, {}).shape == (1, 3, *shown)
    assert min(grounding_dino.show(image, {"shortest_edge": 80, "longest_edge": 1333}).shape[2:]) == 80


def test_phrases_that_do_not_fit_into_one_caption_make_more():
    tokens = open_tokens(FOLDERS["grounding-dino"])
    many = [f"{'car ' * 9}{'dog ' * number}".strip() for number in range(40)]
    told = list(grounding_dino.captions(many, tokens))
    assert len(told) > 1
    assert [name for caption in told for name in caption.names] == many
    assert all(len(caption.tokens) <= grounding_dino.MOST_TOKENS for caption in told)
    (long,) = grounding_dino.captions(["car " * 500], tokens)
    assert len(long.tokens) == grounding_dino.MOST_TOKENS
    assert list(grounding_dino.captions(["...", "?"], tokens)) == []


def test_stops_inside_of_a_phrase_do_not_end_it():
    tokens = open_tokens(FOLDERS["grounding-dino"])
    (caption,) = grounding_dino.captions(["red. cup?", "Dog"], tokens)
    (plain,) = grounding_dino.captions(["red cup", "dog"], tokens)
    assert np.array_equal(caption.tokens, plain.tokens)


def test_a_box_needs_a_word_that_is_certain_enough():
    names = grounding_dino.Caption(
        ("car", "dog"), np.array([101, 5, 1012, 6, 1012, 102]), np.array([-1, 0, -1, 1, -1, -1])
    )
    logits = np.full((3, 256), -np.inf, np.float32)
    logits[:, :6] = -9
    logits[0, [1, 3]] = 0.5, 1.0  # both; the dog is more certain
    logits[1, [0, 1]] = 2.0, -1.5  # certain of something, but not of either word
    logits[2, 1] = -1.0  # .27 is a car for who asks so low
    boxes = np.full((3, 4), 0.5, np.float32)
    found = list(grounding_dino.read_boxes(logits, boxes, names, Size(10, 10), 0.35))
    assert [(one.name, round(one.score, 2)) for one in found] == [("dog", 0.73)]
    found = list(grounding_dino.read_boxes(logits, boxes, names, Size(10, 10), 0.26))
    assert [one.name for one in found] == ["dog", "car"]
    found = list(grounding_dino.read_boxes(logits, boxes, names, Size(10, 10), 0.1))
    assert [one.name for one in found] == ["dog", "car", "car"]


def test_a_thing_of_one_name_is_told_once(kind):
    found = opened(kind).find(picture("square"), NAMES, 0.05)
    room = owlv2 if kind == "owlv2" else grounding_dino
    for name in NAMES:
        boxes = [one.box for one in found if one.name == name]
        overlaps = [iou(one, other) for place, one in enumerate(boxes) for other in boxes[:place]]
        assert not overlaps or max(overlaps) <= room.SAME_THING + 1e-6
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def iou(one, other):
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    shared = max(width, 0) * max(height, 0)
    return shared / (one.area + other.area - shared)


def test_a_folder_is_a_detector_for_who_names_it_and_masks_carry_both_scores(kind):
    engine = Engine("embedded")
    text = Text(("red cup", "dogs", "left car"), threshold=0.2, detector=str(FOLDERS[kind]))
    engine.check(text)
    masks = engine.segment(picture("wide"), text).masks
    assert masks
    assert {mask.label.name for mask in masks} <= {"red cup", "dogs", "left car"}
    assert all(mask.label.score >= 0.2 and mask.predicted_iou > 0 for mask in masks)


def scores(found, name):
    return [mask.label.score for mask in found.masks if mask.label.name == name]


def test_each_phrase_may_have_its_own_threshold_and_the_detector_looks_once(kind, monkeypatch):
    engine, looks, room = Engine("embedded"), [], owlv2 if kind == "owlv2" else grounding_dino
    family = room.Owlv2 if kind == "owlv2" else room.GroundingDino
    find = family.find
    monkeypatch.setattr(family, "find", lambda self, *given: looks.append(given[1:]) or find(self, *given))
    ask = lambda threshold: engine.segment(  # noqa: E731
        picture("wide"), Text(("person with hat", "dogs"), threshold=threshold, detector=str(FOLDERS[kind]))
    )
    low, high, mixed = ask(0.2), ask(0.8), ask((0.2, 0.8))
    assert looks == [(("person with hat", "dogs"), least) for least in (0.2, 0.8, 0.2)]
    assert min(scores(mixed, "dogs"), default=1) >= 0.8
    assert len(mixed.masks) < len(low.masks)
    assert scores(mixed, "person with hat") == scores(low, "person with hat")
    assert len(high.masks) <= len(mixed.masks)


def test_of_a_thing_that_is_found_twice_the_better_stays(monkeypatch):
    """Two boxes that differ enough for the detector, and mean one mask; and two phrases that mean one thing."""
    image = Image(np.full((100, 100, 3), 40, np.uint8), "square")
    image = Image(np.where(inner(image), np.uint8(220), image.pixels), "square")
    boxes = [Box(28, 28, 72, 72), Box(28, 28, 72, 64)]
    found = [Detection("car", 0.9, boxes[0]), Detection("car", 0.8, boxes[1]), Detection("bus", 0.7, boxes[0])]
    monkeypatch.setattr(owlv2.Owlv2, "find", lambda self, *given: tuple(found))
    text = Text(("car", "bus"), detector=str(FOLDERS["owlv2"]))
    (one,) = Engine("embedded").segment(image, text).masks
    assert (one.label.name, one.label.score) == ("car", 0.9)


def inner(image):
    rows, columns = np.indices((image.size.height, image.size.width))
    return ((abs(rows - 50) < 20) & (abs(columns - 50) < 20))[..., None]


def test_what_was_pulled_knows_any_noun_after_those_that_know_fewer(kind, tmp_path):
    name = {"grounding-dino": "grounding-dino-tiny", "owlv2": "owlv2-base"}[kind]
    shutil.copytree(FOLDERS[kind], tmp_path / name)
    (tmp_path / name / "files.json").write_text('{"files": {}}')
    shelf = Shelf(tmp_path, ANY_PROCESSOR)
    assert shelf.choose("unicorn") == (name, "unicorn")
    assert not shelf.has("face")  # it knows any word, and none best
    assert shelf.find(name, picture("wide"), ["car"], 0.01)


def test_without_tokenizers_the_error_says_what_to_install(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(Unavailable, match="tokenizers is not installed") as caught:
        Shelf(tmp_path, ANY_PROCESSOR).choose("car", str(FOLDERS[kind]))
    assert caught.value.hint == "Install rubylith[words]"


def test_a_tokenizer_that_is_damaged_or_missing_is_told(tmp_path):
    with pytest.raises(ModelFailed, match=r"has no tokenizer\.json"):
        open_tokens(tmp_path)
    (tmp_path / _tokens.WHOLE).write_text("{")
    with pytest.raises(ModelFailed, match="cannot be read"):
        open_tokens(tmp_path)


def test_a_scene_is_named_by_a_detector_of_any_words_where_nobody_has_names_of_their_own(tmp_path):
    shutil.copytree(FOLDERS["owlv2"], tmp_path / "owlv2-base")
    (tmp_path / "owlv2-base" / "files.json").write_text('{"files": {}}')
    engine = Engine("embedded", models_folder=tmp_path)
    engine.check(Scene())
    found = engine.segment(picture("square"), Scene(Mode.PANOPTIC, names=("dog", "sky")))
    assert {mask.label.name for mask in found.masks} <= {"dog", "sky"}
