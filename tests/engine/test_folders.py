"""Folders in transformers' form are known without PyTorch."""

import importlib.util
import json

import pytest

from rubylith.domain.errors import ModelFailed, Unavailable, UnknownName
from rubylith.engine.engine import Engine
from rubylith.engine.folders import is_transformers_folder, read_transformers_folder

SAM = {"model_type": "sam", "prompt_encoder_config": {"image_size": 128, "patch_size": 8}}


def write(folder, page):
    (folder / "config.json").write_text(json.dumps(page) if isinstance(page, dict) else page)


def test_the_configuration_says_family_and_sizes(tmp_path):
    assert not is_transformers_folder(tmp_path)
    write(tmp_path, SAM)
    assert is_transformers_folder(tmp_path)
    family, weights = read_transformers_folder(tmp_path)
    assert (family, weights.input_size, weights.mask_size, weights.needs_torch) == ("sam", 128, 64, True)


def test_an_export_beside_it_is_preferred(tmp_path):
    write(tmp_path, SAM)
    (tmp_path / "model.json").write_text("{}")
    assert not is_transformers_folder(tmp_path)


@pytest.mark.parametrize("page", ["{", "[]", {}, {"model_type": "sam", "prompt_encoder_config": {"patch_size": "x"}}])
def test_what_is_not_readable_says_so(tmp_path, page):
    write(tmp_path, page)
    with pytest.raises(ModelFailed, match=r"config\.json cannot be read"):
        read_transformers_folder(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path):
    write(tmp_path, {"model_type": "bert"})
    with pytest.raises(UnknownName, match="no kind of model called 'bert'"):
        read_transformers_folder(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_the_error_says_what_to_install(tmp_path):
    write(tmp_path, SAM)
    with pytest.raises(Unavailable, match=r"torch is not installed.*Install rubylith\[torch\]"):
        Engine(str(tmp_path))
