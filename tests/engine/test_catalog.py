"""The catalogue: what is in it is true to its own form, and a new variant is a table."""

import re

import pytest

from rubylith.domain.prompt import Everything
from rubylith.engine import models
from rubylith.engine.catalog import EXPORT, LICENCE_CLASSES, Entry, catalog, everything_defaults


@pytest.mark.parametrize("entry", catalog().values(), ids=list(catalog()))
def test_every_table_has_what_a_pull_or_an_export_needs(entry: Entry):
    assert entry.family in models.NAMES
    assert entry.licence_class in LICENCE_CLASSES
    assert re.fullmatch(r"[a-z0-9.-]+", entry.name)  # it is a folder and a part of URLs
    assert entry.source == EXPORT or re.fullmatch(r"[\w.-]+/[\w.-]+", entry.source)
    assert entry.made_from
    assert set(entry.prompts) <= {"points", "boxes", "everything"}
    assert entry.size() > 1e7
    assert isinstance(everything_defaults(entry.name), Everything)


@pytest.mark.parametrize("entry", catalog().values(), ids=list(catalog()))
def test_known_files_are_pinned_to_a_revision(entry: Entry):
    for path, file in entry.known.items():
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256), path
        assert file.size > 0
        if path.startswith("onnx/"):
            assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)


def test_no_two_files_claim_the_same_digest():
    digests = [file.sha256 for entry in catalog().values() for file in entry.known.values()]
    assert len(digests) == len(set(digests))


def test_the_families_that_were_promised_are_there():
    names = set(catalog())
    assert len(names) >= 14
    assert names >= {"slimsam-77", "mobile-sam", "sam-base", "sam-large", "sam-huge", "medsam-base", "edgetam"}
    assert names >= {f"sam2{v}-{size}" for v in ("", ".1") for size in ("tiny", "small", "base-plus", "large")}


def test_a_download_is_known_to_the_byte_or_estimated_from_the_parameters():
    known, guessed = catalog()["sam2.1-tiny"], catalog()["sam2-tiny"]
    assert known.size() == 354_238 + 134_084_864 + 213_114 + 20_958_208
    assert guessed.size() == pytest.approx(known.size(), rel=0.01)
    assert known.size("fp16") < known.size()
