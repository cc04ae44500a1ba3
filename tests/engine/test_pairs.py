"""Pairs of graphs as the hub publishes them say what our own export of the same network says."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.engine.prompts import CASES, assert_as_referred, picture

from rubylith.domain.errors import InvalidPrompt, ModelFailed
from rubylith.domain.geometry import Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE, rle_iou
from rubylith.engine.decoders import MULTIPLE
from rubylith.engine.engine import Engine
from rubylith.engine.models import Weights, sam, sam2
from rubylith.engine.promptable import _clicks, look_of
from rubylith.engine.runtimes import Device

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIDES = {"sam": (64, 32), "sam2": (128, 32)}
IMAGE = Image(picture(), "digest")


def load(folder, family):
    room = {"sam": sam, "sam2": sam2}[family]
    side, low = SIDES[family]
    return room.load(Weights("pair", folder, False, side, low), Device(threads=1))


@pytest.fixture(scope="module", params=SIDES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def pair(family):
    return load(FIXTURES / f"pair-{family}", family)


@pytest.fixture(scope="module")
def own(family):
    return Engine(str(FIXTURES / f"tiny-{family}"), device=Device(threads=1))._segmenter


@pytest.mark.parametrize("name", ["click", "two_objects"])
def test_a_click_gives_the_masks_of_transformers(pair, family, name):
    with np.load(FIXTURES / f"tiny-{family}" / "reference.npz") as reference:
        answers = pair.decode(pair.embed(IMAGE), CASES[name].prompts(reference["previous"]))
        assert_as_referred(answers, reference, name)


@pytest.mark.parametrize("name", ["two_clicks", "box", "two_boxes", "box_and_click"])
def test_other_prompts_give_the_three_masks_of_our_own_export(pair, own, family, name):
    prompts = CASES[name].prompts(None)
    if family == "sam" and prompts[0].box is not None:
        with pytest.raises(InvalidPrompt, match=r"take no boxes.*rubylith models export"):
            pair.decode(pair.embed(IMAGE), prompts)
        return
    looks = [look_of(model.embed(IMAGE)) for model in (pair, own)]
    clicks = _clicks(looks[0].frame, prompts, pair.model.mask_size)
    theirs, ours = (model._decoder.answer(look.arrays, clicks) for model, look in zip((pair, own), looks, strict=True))
    assert np.abs(theirs.logits - ours.logits[:, MULTIPLE]).max() < 1e-3
    assert np.abs(theirs.iou - ours.iou[:, MULTIPLE]).max() < 1e-3


def test_everything_is_what_our_own_export_finds(pair, own):
    options = Everything(points_per_side=6, pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=1.0)
    theirs, ours = (model.propose(model.embed(IMAGE), options, lambda share: None) for model in (pair, own))
    assert len(ours) == len(theirs) > 10
    assert rle_iou([mask.rle for mask in ours], [mask.rle for mask in theirs]).max(1).min() > 0.99


def test_a_mask_to_correct_is_refused_with_the_way_out(pair):
    mask = RLE.from_bitmap(np.ones(picture().shape[:2], bool))
    with pytest.raises(InvalidPrompt, match=r"take no masks to correct.*rubylith models export"):
        pair.decode(pair.embed(IMAGE), [ObjectPrompt((Point(30, 40),), previous=mask)])


def test_a_graph_without_its_side_file_is_an_error_with_its_fix(tmp_path):
    shutil.copytree(FIXTURES / "pair-sam2", tmp_path / "pair")
    (tmp_path / "pair" / "onnx" / "vision_encoder.onnx_data").unlink()
    with pytest.raises(ModelFailed, match=r"vision_encoder\.onnx cannot be loaded.*models verify"):
        load(tmp_path / "pair", "sam2")
