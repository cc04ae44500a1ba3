"""The same families on PyTorch, from a folder that transformers wrote."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from tests.engine.drawings import SIZE, cases, drawings
from tests.engine.prompts import CASES, assert_as_referred, picture
from tests.reference.tiny import TINY

from rubylith.domain.errors import ModelFailed, Unavailable
from rubylith.domain.image import Image
from rubylith.engine.engine import Engine
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
