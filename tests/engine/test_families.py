"""The SAM families on ONNX Runtime give what transformers gives: stored outputs of tiny networks are the reference."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.engine.prompts import CASES, HEIGHT, WIDTH, assert_as_referred, picture

from rubylith.domain.errors import InvalidPrompt, ModelFailed, Unavailable, UnknownName, WeightsMissing
from rubylith.domain.geometry import Point
from rubylith.domain.image import Image
from rubylith.domain.logits import Logits
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.engine.detectors import DetectorWeights, fastestdet, grounding_dino
from rubylith.engine.engine import Engine
from rubylith.engine.promptable import Look
from rubylith.engine.runtimes import Device
from rubylith.engine.runtimes.onnx import provider_name

FIXTURES = Path(__file__).parents[1] / "fixtures"
FAMILIES = ("sam", "sam_hq", "sam2")


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def engine(family):
    return Engine(str(FIXTURES / f"tiny-{family}"), device=Device(threads=1))


@pytest.fixture(scope="module")
def embedding(engine):
    return engine.embed(Image(picture(), "digest"))


@pytest.fixture(scope="module")
def reference(family):
    with np.load(FIXTURES / f"tiny-{family}" / "reference.npz") as arrays:
        return dict(arrays)


def test_the_square_is_the_processors(embedding, reference):
    assert isinstance(embedding.features, Look)
    pixels = embedding.features.frame.pixels(Image(picture(), "digest"))
    assert np.abs(pixels - reference["pixels"]).max() < 1e-5


@pytest.mark.parametrize("name", CASES)
def test_masks_scores_and_logits_are_those_of_transformers(engine, embedding, reference, name):
    answers = engine._segmenter.decode(embedding, CASES[name].prompts(reference["previous"]))
    assert_as_referred(answers, reference, name)


def test_ragged_prompts_are_each_answered_as_if_alone(engine, embedding, reference):
    prompts = [p for case in CASES.values() for p in case.prompts(reference["previous"])]
    together = engine._segmenter.decode(embedding, prompts)
    for prompt, answer in zip(prompts, together, strict=True):
        (alone,) = engine._segmenter.decode(embedding, [prompt])
        assert [m.predicted_iou for m in answer] == pytest.approx([m.predicted_iou for m in alone], abs=1e-5)
        for one, other in zip(answer, alone, strict=True):
            assert np.abs(one.low_res_logits.values - other.low_res_logits.values).max() < 1e-4


def test_many_callers_at_once_get_their_own_masks(engine):
    """32 threads, each with its own picture and prompt, several times; equal to one after the other."""
    pictures = [Image(np.roll(picture(), shift, axis=1), str(shift)) for shift in range(8)]
    tasks = [(pictures[n % 8], Point(3 * n % WIDTH, 7 * n % HEIGHT)) for n in range(64)]

    def ask(task):
        image, point = task
        return engine.segment(image, Objects((ObjectPrompt((point,)),), multimask=True)).masks

    serial = [ask(task) for task in tasks]
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, tasks)) == serial


def everything(**options):
    return Everything(points_per_side=6, pred_iou_thresh=0.0, stability_score_thresh=0.0, **options)


def test_everything_gives_masks_of_single_clicks_at_the_seeds(engine, embedding):
    """No threshold and no suppression: each mask is one of the three that a click on its seed gives."""
    shares = []
    masks = engine._segmenter.propose(embedding, everything(box_nms_thresh=1.0), shares.append)
    assert len(masks) > 10
    assert [m.predicted_iou for m in masks] == sorted((m.predicted_iou for m in masks), reverse=True)
    assert shares == sorted(shares)
    for mask in masks[::9]:
        (three,) = engine._segmenter.decode(embedding, [ObjectPrompt(mask.points)])
        nearest = min(three, key=lambda m: abs(m.predicted_iou - mask.predicted_iou))
        both, union = (mask.rle.bitmap() & nearest.rle.bitmap()).sum(), (mask.rle.bitmap() | nearest.rle.bitmap()).sum()
        assert both / union > 0.99


def test_everything_keeps_to_its_thresholds(engine, embedding):
    all_masks = engine._segmenter.propose(embedding, everything(), lambda share: None)
    middle = sorted(m.predicted_iou for m in all_masks)[len(all_masks) // 2]
    strict = Everything(points_per_side=6, pred_iou_thresh=middle, stability_score_thresh=0.0)
    assert all(m.predicted_iou > middle for m in engine._segmenter.propose(embedding, strict, lambda share: None))
    stable = Everything(points_per_side=6, pred_iou_thresh=0, stability_score_thresh=0.6, stability_score_offset=0.2)
    assert all(m.stability_score >= 0.6 for m in engine._segmenter.propose(embedding, stable, lambda share: None))


def test_logits_of_another_model_are_refused(engine, embedding):
    foreign = ObjectPrompt((Point(1, 1),), previous=Logits.of(np.zeros((7, 7), np.float32)))
    with pytest.raises(InvalidPrompt, match="previous logits are 7 x 7 but this model has"):
        engine._segmenter.decode(embedding, [foreign])


def test_a_mask_of_any_origin_can_be_corrected(engine, embedding):
    (first,) = engine._segmenter.decode(embedding, [ObjectPrompt((Point(30, 40),))])
    again = ObjectPrompt((Point(30, 40), Point(5, 5, positive=False)), previous=first[0].rle)
    (answer,) = engine._segmenter.decode(embedding, [again])
    assert len(answer) == 1


def test_a_refinement_hands_the_models_own_logits_back(engine, embedding):
    prompt = ObjectPrompt((Point(30, 40), Point(5, 5, positive=False)))
    (first,) = engine._segmenter.decode(embedding, [prompt])
    (wanted,) = engine._segmenter.decode(embedding, [replace(prompt, previous=first[0].low_res_logits)])
    refined = engine.segment(None, Objects((prompt,), refinements=1), embedding=embedding)
    assert refined.masks[0].rle == wanted[0].rle


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path):
    with pytest.raises(WeightsMissing, match=r"rubylith models pull sam2.1-tiny"):
        Engine("sam2.1-tiny", models_folder=tmp_path)
    with pytest.raises(WeightsMissing, match="rubylith models export mobile-sam"):
        Engine("mobile-sam", models_folder=tmp_path)
    with pytest.raises(WeightsMissing, match="holds no model"):
        Engine(str(tmp_path / "nothing"))
    with pytest.raises(UnknownName, match="embedded, slimsam-77"):
        Engine("nonsense", models_folder=tmp_path)


def test_a_damaged_graph_is_an_error_with_its_fix(family, tmp_path):
    for file in (FIXTURES / f"tiny-{family}").iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[:1000] if file.name == "encoder.onnx" else file.read_bytes()
        )
    with pytest.raises(ModelFailed, match=r"encoder\.onnx cannot be loaded.*models verify"):
        Engine(str(tmp_path))


def test_a_precision_without_files_is_an_error(family):
    with pytest.raises(WeightsMissing, match=r"no encoder of precision int8.*RUBYLITH_PRECISION=fp32"):
        Engine(str(FIXTURES / f"tiny-{family}"), device=Device(precision="int8"))


def test_a_missing_provider_is_an_error_with_its_fix_never_a_fallback(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(Unavailable, match=r"no cuda here; it has cpu\. Install onnxruntime-gpu"):
        provider_name("cuda", ("CPUExecutionProvider",))
    with pytest.raises(UnknownName, match="no provider called 'tpu'"):
        provider_name("tpu", ("CPUExecutionProvider",))
    assert provider_name("cpu", ("CPUExecutionProvider",)) == "CPUExecutionProvider"


def test_without_openvino_its_provider_is_an_error_with_its_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "rubylith.engine.runtimes.openvino", raising=False)
    for model in ("tiny-sam", "universal-eomt"):
        with pytest.raises(Unavailable, match=r"OpenVINO is not installed.*pip install 'rubylith\[openvino\]'"):
            Engine(str(FIXTURES / model), device=Device("openvino"))
    with pytest.raises(Unavailable, match="OpenVINO is not installed"):
        fastestdet.load(DetectorWeights("fastestdet", FIXTURES / "none"), Device("openvino"))


@pytest.mark.parametrize("model", ["tiny-sam", "universal-eomt"])
def test_onnx_runtime_does_not_pretend_to_count_in_bf16(model):
    with pytest.raises(Unavailable, match=r"cpu does not count in bf16.*RUBYLITH_PROVIDER=openvino"):
        Engine(str(FIXTURES / model), device=Device(precision="bf16"))


@pytest.mark.parametrize("kind", [grounding_dino, fastestdet])
def test_nor_does_a_detector(kind):
    with pytest.raises(Unavailable, match=r"cpu does not count in bf16.*RUBYLITH_PROVIDER=openvino"):
        kind.load(DetectorWeights("it", FIXTURES / "detector-grounding-dino"), Device(precision="bf16"))


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_universal_model_runs_in_fp32_or_says_that_it_does(precision):
    with pytest.raises(Unavailable, match=rf"run in fp32, not in {precision}\. Use RUBYLITH_PRECISION=fp32"):
        Engine(str(FIXTURES / "universal-eomt"), device=Device(precision=precision))
