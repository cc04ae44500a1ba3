"""The same families on PyTorch, from a folder that transformers wrote."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

import torch
from tests.engine.drawings import SIZE, cases, drawings
from tests.engine.prompts import CASES, assert_as_referred, picture
from tests.reference.tiny import TINY
from transformers import SamModel

from rubylith.domain.errors import ModelFailed, Unavailable
from rubylith.domain.image import Image
from rubylith.domain.logits import Logits
from rubylith.domain.prompt import ObjectPrompt
from rubylith.engine.engine import Engine
from rubylith.engine.export.parts import parts_of
from rubylith.engine.export.sources import from_transformers
from rubylith.engine.runtimes import Device

pytestmark = pytest.mark.torch
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module", params=TINY)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    path = tmp_path_factory.mktemp(family)
    TINY[family]().save_pretrained(path)
    return path


def test_masks_scores_and_logits_are_those_of_transformers(family, folder):
    engine = Engine(str(folder))
    embedding = engine.embed(Image(picture(), "digest"))
    with np.load(FIXTURES / f"tiny-{family}" / "reference.npz") as reference:
        for name, case in CASES.items():
            answers = engine._segmenter.decode(embedding, case.prompts(reference["previous"]))
            assert_as_referred(answers, reference, name)


@pytest.mark.parametrize("folder", ["golden", "golden/checkpoint"])
def test_a_mask_alone_is_corrected_as_transformers_does(folder):
    """Without a token for clicks or boxes, since there are none."""
    model = SamModel.from_pretrained(FIXTURES / "golden" / "checkpoint").eval()
    side = 4 * model.prompt_encoder.image_embedding_size[0]
    engine, previous = Engine(str(FIXTURES / folder)), np.random.default_rng(0).normal(0, 4, (side, side))
    embedding, given = engine.embed(Image(drawings()[0].pixels, "digest")), Logits.of(previous.astype(np.float32))
    ((mask,),) = engine._segmenter.decode(embedding, [ObjectPrompt(previous=given)])
    pixels = torch.from_numpy(embedding.features.frame.pixels(Image(drawings()[0].pixels, "digest")))
    with torch.no_grad():
        kept = torch.from_numpy(given.of_side(side).copy())[None, None]
        wanted = model(pixel_values=pixels, input_masks=kept, multimask_output=False)
    assert mask.predicted_iou == pytest.approx(wanted.iou_scores.item(), abs=1e-3)
    assert np.abs(mask.low_res_logits.of_side(side) - wanted.pred_masks[0, 0, 0].numpy()).max() < 2e-2  # kept in half


def test_every_part_runs_where_its_weights_are(family):
    """No part makes an array on the processor by itself: on the device `meta` that would be an error."""
    parts = {part.name: part for part in parts_of(from_transformers(TINY[family]()))}
    source = from_transformers(TINY[family]())
    arrays = {"pixel_values": torch.zeros(1, 3, source.side, source.side), "has_mask": torch.ones(1)}
    arrays |= {"mask": torch.zeros(1, 1, source.mask_size, source.mask_size), "offset": torch.ones(1)}
    arrays |= {"points": torch.zeros(2, 1, 2), "labels": torch.ones(2, 1, dtype=torch.int64)}
    arrays = {name: array.to("meta") for name, array in (arrays | {"valid": torch.tensor([8, 8])}).items()}
    for name in ("encoder", "prepare", "transformer", "upscaler"):
        part = parts[name]
        made = part.module.to("meta")(**{one: arrays[one] for one in part.inputs})
        arrays |= dict(zip(part.outputs, made, strict=True))
    assert arrays["boxes"].shape == (2, 4, 4)


def test_the_golden_checkpoint_gives_what_its_graphs_give():
    engine = Engine(str(FIXTURES / "golden" / "checkpoint"))
    embedding = engine.embed(Image(drawings()[0].pixels, "digest"))
    with np.load(FIXTURES / "golden" / "reference.npz") as reference:
        for name, case in cases().items():
            answers = engine._segmenter.decode(embedding, case.prompts(reference["previous"]))
            assert_as_referred(answers, reference, name, SIZE)


def test_what_pytorch_cannot_do_here_is_an_error_with_its_fix(folder):
    with pytest.raises(Unavailable, match="run in fp32, not in int8"):
        Engine(str(folder), device=Device(precision="int8"))
    with pytest.raises(Unavailable, match="no coreml here"):
        Engine(str(folder), device=Device(provider="coreml"))


def test_damaged_weights_are_an_error(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFailed, match="cannot be loaded"):
        Engine(str(tmp_path))
