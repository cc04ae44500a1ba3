"""Embeddings in files: they answer as they did, and a file that is none, or another model's, is one clear error."""

import io
import json
import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import encoded, scene

import rubylith
from rubylith import library
from rubylith.engine import saved
from rubylith.engine.engine import Engine

FIXTURES = Path(__file__).parents[1] / "fixtures"
PICTURE = encoded(scene(96, 128))
CLICK = {"points": [(30, 40)]}


@pytest.fixture(autouse=True)
def _opened_anew():
    """A model that is opened once for a process would hide that its files have changed."""
    library._opened.cache_clear()
    yield
    library._opened.cache_clear()


@pytest.fixture
def file(tmp_path):
    return rubylith.embed(PICTURE, model=str(FIXTURES / "tiny-sam2")).save(tmp_path / "seen.npz")


@pytest.mark.parametrize("name", ["tiny-sam", "tiny-sam2", "tiny-sam_hq", "golden"])
@pytest.mark.parametrize(
    "asked",
    [CLICK, {"boxes": [(10, 10, 60, 70)]}, {"points": [(30, 40)], "multimask": True}, {"points_per_side": 3}],
    ids=["click", "box", "multimask", "everything"],
)
def test_a_loaded_embedding_answers_as_it_did_and_nobody_looks_again(name, asked, tmp_path, monkeypatch):
    seen = rubylith.embed(PICTURE, model=str(FIXTURES / name))
    path = seen.save(tmp_path / "seen.npz")
    wanted = rubylith.segment(seen, **asked)
    library._opened.cache_clear()
    monkeypatch.setattr(Engine, "embed", lambda *_: pytest.fail("the picture was looked at again"))
    again = rubylith.Embedding.load(path)
    assert (again.model, again.size, again.image) == (seen.model, seen.size, None)
    found = rubylith.segment(again, **asked)
    assert found.masks == wanted.masks
    assert found.image is None


def test_so_does_that_of_a_universal_model(tmp_path):
    seen = rubylith.embed(PICTURE, model=str(FIXTURES / "universal-eomt"))
    again = rubylith.Embedding.load(seen.save(tmp_path / "seen.npz"))
    assert rubylith.segment(again, mode="panoptic").masks == rubylith.segment(seen, mode="panoptic").masks


def test_a_mask_is_corrected_with_what_the_loaded_embedding_said(file):
    again = rubylith.Embedding.load(file)
    first = rubylith.segment(again, **CLICK).masks[0]
    assert rubylith.segment(again, points=[(30, 40), (5, 5, 0)], previous=first).masks


def test_what_needs_the_picture_asks_for_it_and_gets_it(file, tmp_path):
    without, given = rubylith.Embedding.load(file), rubylith.Embedding.load(file, image=PICTURE)
    for asked in ({"crop_n_layers": 1, "points_per_side": 2}, {"tile_side": 256}, {"text": "red"}):
        with pytest.raises(rubylith.InvalidPrompt, match=r"not in a saved embedding.*load\(PATH, image=PICTURE\)"):
            rubylith.segment(without, **asked)
        rubylith.segment(given, **asked)
    with pytest.raises(rubylith.InvalidPrompt, match=r"overlay shows the picture.*image=PICTURE"):
        rubylith.segment(without, **CLICK).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert rubylith.segment(without, **CLICK).save(tmp_path / "out", formats=["png", "json"])
    assert rubylith.segment(given, **CLICK).save(tmp_path / "shown")


def test_another_picture_is_refused(file):
    with pytest.raises(rubylith.InvalidEmbedding, match="is not of this picture"):
        rubylith.Embedding.load(file, image=encoded(scene(97, 128)))


def test_the_embedded_model_says_what_to_do_instead(tmp_path):
    with pytest.raises(rubylith.InvalidEmbedding, match=r"holds the picture itself.*embed it again"):
        rubylith.embed(PICTURE).save(tmp_path / "seen.npz")
    assert not list(tmp_path.iterdir())


def test_a_file_says_what_it_is_without_the_picture_and_numpy_reads_it(file):
    with np.load(file, allow_pickle=False) as arrays:
        page = json.loads(arrays["page.json"])
        assert {arrays[name].dtype for name in arrays.files if name != "page.json"} == {np.dtype("<f4")}
    assert (page["layout"], page["precision"], page["size"]) == (1, "fp32", [96, 128])
    assert page["written_by"] == rubylith.__version__
    assert len(page["weights"]) == len(page["picture"]) == 64


def test_equal_embeddings_make_equal_files(file, tmp_path):
    again = rubylith.embed(PICTURE, model=str(FIXTURES / "tiny-sam2")).save(tmp_path / "again.npz")
    assert again.read_bytes() == file.read_bytes()


def test_other_models_weights_and_precisions_are_refused(file, tmp_path, monkeypatch):
    with pytest.raises(rubylith.InvalidEmbedding, match="from other files than"):
        rubylith.Embedding.load(file, model=str(FIXTURES / "tiny-sam"))
    with pytest.raises(rubylith.InvalidEmbedding, match="which 'embedded' cannot read"):
        rubylith.Embedding.load(file, model="embedded")
    moved = shutil.copytree(FIXTURES / "tiny-sam2", tmp_path / "moved")
    assert rubylith.Embedding.load(file, model=str(moved)).model == str(moved), "a model is its files, not its place"
    graph = moved / "upscaler.onnx"
    shutil.copy(FIXTURES / "tiny-sam" / "upscaler.onnx", graph)
    library._opened.cache_clear()
    with pytest.raises(rubylith.RubylithError, match=r"from other files than|cannot be loaded"):
        rubylith.Embedding.load(file, model=str(moved))
    rounded = rubylith.embed(PICTURE, model=str(FIXTURES / "golden")).save(tmp_path / "golden.npz")
    monkeypatch.setenv("RUBYLITH_PRECISION", "int8")
    with pytest.raises(rubylith.InvalidEmbedding, match=r"made in fp32, and .* runs in int8.*RUBYLITH_PRECISION=fp32"):
        rubylith.Embedding.load(rounded)


def test_a_model_whose_files_were_replaced_since_it_was_opened_saves_nothing(tmp_path):
    moved = shutil.copytree(FIXTURES / "tiny-sam2", tmp_path / "moved")
    seen = rubylith.embed(PICTURE, model=str(moved))
    os.utime(moved / "encoder.onnx", ns=(1, 1))
    with pytest.raises(rubylith.WeightsMissing, match="no longer what"):
        seen.save(tmp_path / "seen.npz")
    assert not (tmp_path / "seen.npz").exists()


def test_a_file_is_written_whole_or_not_at_all(file, monkeypatch):
    before, seen = file.read_bytes(), rubylith.Embedding.load(file)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(rubylith.NotAccessible, match=r"seen.npz cannot be written: No space left.*Free some space"):
        seen.save(file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == before
    with pytest.raises(rubylith.NotAccessible, match="cannot be written"):
        seen.save(file.parent / "nowhere" / "seen.npz")


def test_a_file_has_the_permissions_of_any_other(file):
    other = file.with_name("other")
    other.touch()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_what_is_not_there_or_no_file_is_not_accessible(tmp_path):
    for path in (tmp_path / "nothing.npz", tmp_path):
        with pytest.raises(rubylith.NotAccessible, match="cannot be read"):
            rubylith.Embedding.load(path)


def test_damage_is_found_wherever_it_lies(file):
    whole, generator = file.read_bytes(), np.random.default_rng(7)
    cut = [whole[: int(share * len(whole))] for share in (0, 0.01, 0.5, 0.99)]
    for data in (*cut, b"nonsense" * 99):
        file.write_bytes(data)
        with pytest.raises(
            rubylith.InvalidEmbedding, match=r"is no embedding, or it is damaged.*Embed the picture again"
        ):
            rubylith.Embedding.load(file)
    for place in generator.integers(200, len(whole) - 2000, 30):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(rubylith.RubylithError):
            rubylith.Embedding.load(file)


def rewritten(file, page=None, arrays=None, compression=zipfile.ZIP_STORED):
    """The file with other entries on its page, and other bytes for its arrays; None takes one out."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["page.json"] = json.dumps(json.loads(entries["page.json"]) | (page or {})).encode()
    entries |= arrays or {}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in entries.items():
            if data is not None:
                archive.writestr(name, data)
    return file


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(shape, kind="<f4"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"shape": shape, "fortran_order": False, "descr": kind})
    return stream.getvalue()


FEATURES = "image_embeddings.npy"
HOSTILE = {
    "huge": {FEATURES: header((1, 1 << 40))},
    "overflowing": {FEATURES: header((1 << 62, 1 << 62))},
    "negative": {FEATURES: header((-1, 8))},
    "many axes": {FEATURES: header((1,) * 40) + b"0000"},
    "objects": {FEATURES: npy(np.array([{"a": 1}, None], object))},
    "float64": {FEATURES: npy(np.zeros((1, 32, 8, 8)))},
    "columns": {FEATURES: npy(np.asfortranarray(np.zeros((4, 4), np.float32)))},
    "not numbers": {FEATURES: npy(np.full((1, 32, 8, 8), np.nan, np.float32))},
    "another shape": {FEATURES: npy(np.zeros((1, 3, 5, 7), np.float32))},
    "not NumPy's": {FEATURES: b"nonsense"},
    "missing": {FEATURES: None},
    "no page": {"page.json": None},
    "a long page": {"page.json": b" " * 100_000},
    "a deep page": {"page.json": b"[" * 60_000},
    "a list for a page": {"page.json": b"[]"},
}
PAGES = {
    "no kind": {"kind": "else"},
    "no layout": {"layout": "1"},
    "no model": {"model": 7},
    "a huge picture": {"size": [1 << 19, 1 << 19]},
    "a picture of one endless row": {"size": [1, 1 << 40]},
    "no picture": {"size": [0, 9]},
    "a truth for a side": {"size": [True, 9]},
    "text for a size": {"size": "9 x 9"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arrays_are_one_clear_error(name, file):
    with pytest.raises(rubylith.InvalidEmbedding):
        rubylith.Embedding.load(rewritten(file, arrays=HOSTILE[name]))


@pytest.mark.parametrize("name", PAGES)
def test_hostile_pages_are_one_clear_error(name, file):
    with pytest.raises(rubylith.InvalidEmbedding, match="is no embedding, or it is damaged"):
        rubylith.Embedding.load(rewritten(file, PAGES[name]))


def test_what_is_packed_is_not_unpacked(file):
    bomb = {FEATURES: header((1, 1 << 24)) + bytes(4 << 24)}
    with pytest.raises(rubylith.InvalidEmbedding, match="compressed"):
        rubylith.Embedding.load(rewritten(file, arrays=bomb, compression=zipfile.ZIP_DEFLATED))


def test_a_file_of_a_later_version_says_so(file):
    with pytest.raises(rubylith.InvalidEmbedding, match=r"in layout 2, and this version of Rubylith reads 1.*Update"):
        rubylith.Embedding.load(rewritten(file, {"layout": 2}))


def test_a_file_is_not_read_that_no_embedding_fills(file, monkeypatch):
    monkeypatch.setattr(saved, "MOST_BYTES", file.stat().st_size - 1)
    with pytest.raises(rubylith.InvalidEmbedding, match="it has more than"):
        rubylith.Embedding.load(file)


def test_a_model_that_is_not_here_is_told_as_ever(file):
    with pytest.raises(rubylith.WeightsMissing, match="holds no model"):
        rubylith.Embedding.load(rewritten(file, {"model": "/nowhere/model"}))
