"""Detectors of any words on PyTorch, from folders that transformers wrote, beside transformers itself."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")
pytest.importorskip("scipy", reason="transformers wants SciPy for these models (extra `torch`)")

from safetensors.numpy import load_file, save_file
from tests.reference.detectors import (
    DETECTORS,
    LEAST,
    NAMES,
    PICTURES,
    SAM3_SIDE,
    SHAPE,
    SQUARE,
    bert_vocabulary,
    clip_vocabulary,
    expected,
    picture,
    sam3_answers,
    tokenizer,
    write_folder,
)

from rubylith.domain.errors import ModelFailed, UnknownName
from rubylith.domain.prompt import Text
from rubylith.engine.detectors import DetectorWeights, _tokens, grounding_dino, owlv2, sam3
from rubylith.engine.detectors._reading import corners
from rubylith.engine.engine import ANY_PROCESSOR, Engine
from rubylith.engine.runtimes import Device

pytestmark = pytest.mark.torch
SENTENCES = ["car", "a red cup", "dogs", "person with a hat.", "Traffic  LIGHT", "it's 3 cars", "élan", "…"]


@pytest.fixture(scope="module", params=DETECTORS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def written(kind, tmp_path_factory):
    """A folder that transformers wrote, and the model in it."""
    folder = tmp_path_factory.mktemp(kind)
    return folder, write_folder(kind, folder, size_of(kind))


def size_of(kind):
    return SQUARE if kind == "owlv2" else SHAPE


def room_of(kind):
    return owlv2 if kind == "owlv2" else grounding_dino


@pytest.mark.parametrize("name", PICTURES)
def test_boxes_and_scores_are_those_of_transformers(kind, written, name, monkeypatch):
    folder, model = written
    told, image, room = expected(kind, model, picture(name), size_of(kind)), picture(name), room_of(kind)
    monkeypatch.setattr(room, "SAME_THING", 2.0)  # transformers leaves things that are told twice
    if kind == "owlv2":
        monkeypatch.setattr(owlv2.show, "__kwdefaults__", {"ground": 0.0})  # and pads with black
    found = room.load(DetectorWeights(kind, folder), ANY_PROCESSOR).find(image, NAMES, LEAST)
    limits = [image.size.width, image.size.height] * 2
    boxes = np.clip(told["boxes"], 0, limits)
    kept = [index for index, label in enumerate(told["labels"]) if is_told(kind, label, boxes[index])]
    assert len(kept) >= 3
    assert [one.score for one in found] == pytest.approx(sorted(told["scores"][kept], reverse=True), abs=1e-3)
    for one in found:
        near = [i for i in kept if (one.box.x0, one.box.y0, one.box.x1, one.box.y1) == pytest.approx(boxes[i], abs=0.1)]
        assert any(one.score == pytest.approx(float(told["scores"][i]), abs=1e-3) for i in near)
        assert any(is_called(kind, one.name, told["labels"][i]) for i in near)


def is_told(kind, label, box):
    """Whether transformers' answer is one of ours: with a name, and with some of it in the picture."""
    has_area = bool((box[2:] > box[:2]).all())
    return has_area if kind == "owlv2" else any(word in label for name in NAMES for word in words_of(name))


def is_called(kind, name, label):
    """transformers' own label: a number, or all words that are certain enough, as one text."""
    return NAMES[int(label)] == name if kind == "owlv2" else any(word in label for word in words_of(name))


def words_of(name):
    return name.replace("dogs", "dog").split()


@pytest.mark.parametrize("name", PICTURES)
def test_each_box_is_called_by_the_phrase_whose_word_is_the_most_certain(written, kind, name):
    if kind == "owlv2":
        pytest.skip("it asks for each phrase by itself")
    folder, model = written
    told = expected(kind, model, picture(name), SHAPE)
    (caption,) = grounding_dino.captions(NAMES, _tokens.open_tokens(folder))
    found = list(grounding_dino.read_boxes(told["logits"], told["centres"], caption, picture(name).size, LEAST))
    chances = 1 / (1 + np.exp(-told["logits"][:, : len(caption.tokens)].astype(np.float64)))
    for one in found:
        (query,) = np.flatnonzero(np.abs(chances.max(axis=1) - one.score) < 1e-6)
        best = max((chances[query, place], caption.names[o]) for place, o in enumerate(caption.owners) if o >= 0)
        assert one.name == best[1]
        (box,) = corners(told["centres"][[query]], picture(name).size)
        assert one.box == box.clipped(picture(name).size)


def test_words_become_the_numbers_that_transformers_gives_them(kind, written):
    """From one file, and from the lists that older folders have in its place."""
    folder, _ = written
    own = tokenizer(kind)
    expected = [own(text, add_special_tokens=False)["input_ids"] for text in SENTENCES]
    assert [_tokens.open_tokens(folder).of(text) for text in SENTENCES] == expected
    older = folder / "older"
    older.mkdir()
    if kind == "owlv2":
        numbers, merges = clip_vocabulary()
        (older / _tokens.BYTE_PAIRS).write_text(json.dumps(numbers))
        (older / _tokens.MERGES).write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)]))
    else:
        words = sorted(bert_vocabulary().items(), key=lambda pair: pair[1])
        (older / _tokens.WORD_PIECES).write_text("\n".join(word for word, _ in words))
    assert [_tokens.open_tokens(older).of(text) for text in SENTENCES] == expected


def test_a_folder_of_transformers_is_a_detector(written):
    folder, _ = written
    engine = Engine("embedded")
    text = Text(("car", "dogs"), threshold=0.2, detector=str(folder))
    engine.check(text)
    masks = engine.segment(picture("wide"), text).masks
    assert masks
    assert {mask.label.name for mask in masks} <= {"car", "dogs"}


def test_the_precision_of_graphs_does_not_concern_it(written, kind):
    folder, _ = written
    device = Device(precision="int8")
    assert room_of(kind).load(DetectorWeights(kind, folder), device).find(picture("square"), ["car"], 0.01)


def test_a_folder_of_something_else_is_refused(written, kind, tmp_path):
    folder, _ = written
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "detr"}))
    with pytest.raises(UnknownName, match="kind of detector"):
        Engine("embedded").check(Text(("car",), detector=str(tmp_path)))
    for file in folder.iterdir():
        if file.suffix == ".json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelFailed, match="cannot be loaded"):
        room_of(kind).load(DetectorWeights(kind, tmp_path), ANY_PROCESSOR)


@pytest.fixture(scope="module")
def sam3_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sam3")
    return folder, write_folder("sam3", folder, {"height": SAM3_SIDE, "width": SAM3_SIDE})


@pytest.mark.parametrize("name", PICTURES)
def test_sam3_finds_what_transformers_finds_with_the_same_masks(sam3_folder, name, monkeypatch):
    folder, model = sam3_folder
    image = picture(name)
    told = sam3_answers(model, image)
    monkeypatch.setattr(sam3, "SAME_THING", 2.0)
    shown = sam3.show(image, SAM3_SIDE)
    assert np.abs(shown - told[0]["pixels"]).max() < 0.02  # Pillow rounds between its two passes
    monkeypatch.setattr(sam3, "show", lambda *_: told[0]["pixels"])
    found = sam3.load(DetectorWeights("sam3", folder), ANY_PROCESSOR).find(image, NAMES, LEAST)
    for one, answer in zip(NAMES, told, strict=True):
        same = [thing for thing in found if thing.name == one]
        kept = [index for index in np.argsort(-answer["scores"]) if answer["masks"][index].any()]
        assert [thing.score for thing in same] == pytest.approx(answer["scores"][kept].tolist(), abs=1e-4)
        for thing, index in zip(same, kept, strict=True):
            assert (thing.mask.bitmap() == answer["masks"][index].astype(bool)).mean() > 0.999
            box = np.clip(answer["boxes"][index], 0, [image.size.width, image.size.height] * 2)
            assert (thing.box.x0, thing.box.y0, thing.box.x1, thing.box.y1) == pytest.approx(box, abs=0.05)
    assert len(found) >= 8
    assert len({thing.name for thing in found}) >= 2


def test_masks_of_sam3_are_taken_as_they_are_and_labelled(sam3_folder):
    folder, _ = sam3_folder
    image = picture("wide")
    things = sam3.load(DetectorWeights("sam3", folder), ANY_PROCESSOR).find(image, ("dogs",), LEAST)
    masks = Engine("embedded").segment(image, Text(("dogs",), threshold=LEAST, detector=str(folder))).masks
    assert masks
    assert {mask.rle for mask in masks} <= {thing.mask for thing in things}
    assert all(mask.label.name == "dogs" and mask.label.score == mask.predicted_iou for mask in masks)


def test_sam3_is_found_inside_of_what_is_made_for_films(sam3_folder, tmp_path):
    """The hub's folder is that of `Sam3VideoModel`: the detector is a part of it, with a prefix to its weights."""
    folder, _ = sam3_folder
    page = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sam3_video", "detector_config": page}))
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "preprocessor_config.json").write_bytes((folder / "preprocessor_config.json").read_bytes())
    weights = load_file(folder / "model.safetensors")
    save_file({f"detector_model.{name}": array for name, array in weights.items()}, tmp_path / "model.safetensors")
    image = picture("square")
    one, other = (sam3.load(DetectorWeights("sam3", place), ANY_PROCESSOR) for place in (folder, tmp_path))
    found, again = (detector.find(image, NAMES, LEAST) for detector in (one, other))
    assert [thing.name for thing in found] == [thing.name for thing in again]
    assert [thing.score for thing in found] == pytest.approx([thing.score for thing in again])
    assert found
