"""Mistakes in what is to be exported are told in one line, with the fix, before or after anything is read."""

from pathlib import Path

import pytest

from rubylith.domain.errors import ModelFailed, NotAccessible, NotFound, UnknownName
from rubylith.engine.weights import Store
from rubylith.service import exports
from rubylith.service.exports import export_model


def run(folder: Path, target: str, origin: str | None = None):
    return export_model(Store(folder / "models"), target, origin, say=lambda _: None, report=lambda *_: None)


@pytest.mark.parametrize("name", ["fastestdet", "grounding-dino-tiny"])
@pytest.mark.parametrize("origin", [None, "weights"])
def test_a_detector_is_not_exported(tmp_path, name, origin):
    with pytest.raises(UnknownName, match=rf"nothing to export. Get it with `rubylith models pull {name}`"):
        run(tmp_path, name, origin)


@pytest.mark.parametrize("target", ["sam-base", "./new"])
def test_a_folder_that_is_no_model_is_told_so(tmp_path, monkeypatch, target):
    monkeypatch.setattr(exports, "PACKAGES", ())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    with pytest.raises(NotFound, match=r"notes holds no weights: there is no config.json in it. Name a folder"):
        run(tmp_path, target, "notes")
    assert not (tmp_path / "new").exists()


def test_a_folder_of_models_that_cannot_be_written_is_told_before_anything_is_read(tmp_path, monkeypatch):
    """A file in the place of the folder is refused for everyone, root too."""
    monkeypatch.setattr(exports, "PACKAGES", ())
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(NotAccessible, match="models cannot be written: "):
        run(tmp_path, "sam-base", str(tmp_path / "models"))


BROKEN = {
    "junk.pth": (b"junk" * 99, ModelFailed, "junk.pth is no checkpoint: "),
    "half/config.json": (b'{"model_type": "sam"}', ModelFailed, "half holds no model that transformers can read: "),
    "other/config.json": (b'{"model_type": "bert"}', UnknownName, "no kind of model called 'bert'"),
    "eomt/config.json": (b'{"model_type": "eomt"}', ModelFailed, "eomt holds no model that transformers can read: "),
}


@pytest.mark.torch
@pytest.mark.parametrize("target", ["sam-base", "new/folder"])
@pytest.mark.parametrize("place", BROKEN)
def test_weights_that_are_none_are_told_so(tmp_path, monkeypatch, place, target):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")
    monkeypatch.chdir(tmp_path)
    data, kind, told = BROKEN[place]
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_bytes(data)
    with pytest.raises(kind, match=told) as error:
        run(tmp_path, target, place.partition("/")[0])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()
    assert not list((tmp_path / "models").rglob("*.onnx"))


@pytest.mark.torch
def test_a_place_that_cannot_be_written_is_told_so(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")
    from tests.reference.tiny import TINY

    TINY["sam"]().save_pretrained(tmp_path / "weights")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotAccessible, match="new cannot be written: Not a directory"):
        run(tmp_path, str(tmp_path / "file" / "new"), str(tmp_path / "weights"))
