"""The catalogue: what is in it is true to its own form, and a new variant is a table."""

import importlib
import json
import re
import shutil
from pathlib import Path

import pytest

from rubylith.domain.errors import ModelFailed, UnknownName
from rubylith.domain.prompt import Everything
from rubylith.engine import detectors, models
from rubylith.engine.catalog import (
    EMBEDDED,
    EXPORT,
    LICENCE_CLASSES,
    PAGE,
    SEGMENTER,
    Entry,
    catalog,
    everything_defaults,
    find_detector,
    find_weights,
    known_detectors,
    known_segmenters,
)

SEGMENTERS = [entry for entry in catalog().values() if entry.kind == SEGMENTER]


@pytest.mark.parametrize("entry", catalog().values(), ids=list(catalog()))
def test_every_table_has_what_a_pull_needs(entry: Entry):
    assert entry.licence_class in LICENCE_CLASSES
    assert re.fullmatch(r"[a-z0-9.-]+", entry.name)  # it is a folder and a part of URLs
    assert entry.size() > 5e5


@pytest.mark.parametrize("entry", SEGMENTERS, ids=known_segmenters())
def test_every_segmenter_has_what_a_pull_or_an_export_needs(entry: Entry):
    assert entry.family in models.NAMES
    assert entry.source == EXPORT or re.fullmatch(r"[\w.-]+/[\w.-]+", entry.source)
    assert entry.made_from
    assert set(entry.prompts) <= {"points", "boxes", "everything", "panoptic", "semantic", "words"}
    assert min(entry.input_size, entry.mask_size) > 0
    assert everything_defaults(entry.name) == Everything(pred_iou_thresh=0.8 if entry.family == "sam2" else 0.88)


@pytest.mark.parametrize("entry", catalog().values(), ids=list(catalog()))
def test_known_files_are_pinned_to_a_revision(entry: Entry):
    for path, file in entry.known.items():
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256), path
        assert file.size > 0
        if path.startswith("onnx/"):
            assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)
        if file.address is not None:
            assert re.search(r"^https://.*/[0-9a-f]{40}/", file.address)


FIXTURES = Path(__file__).parents[1] / "fixtures"


def exported(folder: Path, text: str | None = None, **said: object) -> str:
    """A folder of SAM 2 as an export wrote it. text: another page; said: what its page says beside."""
    shutil.copytree(FIXTURES / "tiny-sam2", folder)
    page = json.loads((folder / PAGE).read_text()) | said
    (folder / PAGE).write_text(json.dumps(page) if text is None else text)
    return str(folder)


def test_a_folder_finds_everything_as_its_family_does_or_as_its_page_says(tmp_path):
    assert everything_defaults(exported(tmp_path / "before")) == Everything(pred_iou_thresh=0.8)
    own = exported(tmp_path / "own", everything={"pred_iou_thresh": 0.5, "points_per_side": 16})
    assert everything_defaults(own) == Everything(pred_iou_thresh=0.5, points_per_side=16)
    assert everything_defaults(str(FIXTURES / "tiny-sam")) == Everything()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text('{"model_type": "sam2"}')
    assert everything_defaults(str(tmp_path / "theirs")) == Everything(pred_iou_thresh=0.8)
    for name in (EMBEDDED, "sam9", str(tmp_path / "nowhere")):
        assert everything_defaults(name) == Everything()  # whoever opens it says what is wrong


NO_OPTIONS = ("3", '{"speed": 1}', '{"pred_iou_thresh": 2}', '{"pred_iou_thresh": "x"}')


@pytest.mark.parametrize("text", ["", "{", "[]", "3", *(f'{{"everything": {options}}}' for options in NO_OPTIONS)])
def test_a_damaged_page_is_told_with_its_path(tmp_path, text):
    folder = exported(tmp_path / "mine", text)
    with pytest.raises(ModelFailed, match=r"mine/model.json cannot be read: .*Export the model again"):
        everything_defaults(folder)


CLOSED = [name for name in known_detectors() if not catalog()[name].pull]
OPEN = [name for name in known_detectors() if catalog()[name].pull]


@pytest.mark.parametrize("name", OPEN)
def test_a_detector_of_any_words_says_which_files_it_wants_of_the_hub(name):
    entry = catalog()[name]
    assert entry.family in detectors.NAMES
    assert importlib.import_module(f"rubylith.engine.detectors.{entry.family}").VOCABULARY is None
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.source)
    assert entry.prompts == ("words",)
    assert {"config.json", "tokenizer.json"} < set(entry.pull)
    assert {"onnx/model.onnx", "model.safetensors"} & set(entry.pull)
    has_graph = "onnx/model.onnx" in entry.pull
    assert ("onnx/model_quantized.onnx" in entry.wanted("int8")) == has_graph
    assert ("rubylith[words]" if has_graph else "rubylith[torch]") in entry.summary
    assert not entry.is_known("fp32")


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_detector_has_one_file_with_an_address_of_its_own(name):
    entry = catalog()[name]
    (file,) = entry.known.values()
    assert file.address is not None
    assert entry.prompts == ("words",)
    assert entry.size() == file.size


def test_a_detector_is_no_model_that_cuts(tmp_path):
    with pytest.raises(UnknownName, match=r"'fastestdet' is a detector.*beside a model that cuts: embedded"):
        find_weights("fastestdet", tmp_path)
    with pytest.raises(UnknownName, match="no detector called 'sam-base'"):
        find_detector("sam-base", tmp_path)
    assert find_detector("fastestdet", tmp_path) is None


def test_no_two_files_claim_the_same_digest():
    digests = [file.sha256 for entry in catalog().values() for file in entry.known.values()]
    assert len(digests) == len(set(digests))


def test_the_families_that_were_promised_are_there():
    names = set(catalog())
    assert len(names) >= 14
    assert names >= {"slimsam-77", "mobile-sam", "sam-base", "sam-large", "sam-huge", "medsam-base", "edgetam"}
    assert names >= {"sam-hq-base", "sam-hq-large", "sam-hq-huge"}
    assert names >= {f"sam2{v}-{size}" for v in ("", ".1") for size in ("tiny", "small", "base-plus", "large")}


def test_a_download_is_known_to_the_byte_or_estimated_from_the_parameters():
    known, guessed = catalog()["sam2.1-tiny"], catalog()["sam2-tiny"]
    assert known.size() == 354_238 + 134_084_864 + 213_114 + 20_958_208
    assert guessed.size() == pytest.approx(known.size(), rel=0.01)
    assert known.size("fp16") < known.size()
