"""What every format keeps, whatever it writes."""

import functools
import io
import json
import xml.etree.ElementTree as ET
from pathlib import PurePosixPath

import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import CASES, picture

from rubylith import formats, registry


def load(name):
    return registry.load("rubylith.formats", formats.NAMES, name, kind="format")


@functools.cache
def encode(name, case):
    segmentation = CASES[case]
    return load(name).encode(segmentation, picture(segmentation.size), "photos/café.jpg")


def read(file):
    """Open a file with a reader that is not ours, by its media type."""
    match file.media_type:
        case "image/png":
            with PIL.Image.open(io.BytesIO(file.data)) as opened:
                assert opened.format == "PNG"
                return np.asarray(opened)
        case "application/json":
            return json.loads(file.data)
        case "image/svg+xml":
            return ET.fromstring(file.data)
        case "text/plain" | "application/yaml":
            return file.data.decode()
    raise AssertionError(f"{file.media_type} is no media type that these tests can read")


SUFFIXES = {
    "image/png": ".png",
    "application/json": ".json",
    "image/svg+xml": ".svg",
    "text/plain": ".txt",
    "application/yaml": ".yaml",
}

pytestmark = pytest.mark.parametrize("name", formats.NAMES)


@pytest.mark.parametrize("case", CASES)
def test_files_open_with_an_independent_reader(name, case):
    for file in encode(name, case):
        assert read(file) is not None


@pytest.mark.parametrize("case", CASES)
def test_same_masks_give_the_same_bytes(name, case):
    assert encode.__wrapped__(name, case) == encode(name, case)


@pytest.mark.parametrize("case", CASES)
def test_names_are_relative_and_fit_the_media_type(name, case):
    files = encode(name, case)
    for file in files:
        path = PurePosixPath(file.name)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert "\\" not in file.name
        assert path.suffix == SUFFIXES[file.media_type]
    assert len({file.name for file in files}) == len(files)


@pytest.mark.parametrize("case", CASES)
def test_no_other_format_writes_a_file_of_the_same_name(name, case):
    mine = {file.name for file in encode(name, case)}
    for other in formats.NAMES:
        if other != name:
            assert mine.isdisjoint(file.name for file in encode(other, case))


def test_says_in_a_few_words_what_it_gives(name):
    assert 0 < len(load(name).SUMMARY) <= 60
    assert not load(name).SUMMARY.endswith(".")


def test_leaves_the_picture_as_it_was(name):
    segmentation = CASES["overlapping masks"]
    image = picture(segmentation.size)
    before = image.pixels.copy()
    load(name).encode(segmentation, image)
    assert np.array_equal(image.pixels, before)


def test_masks_of_a_path_that_is_no_valid_text_are_written(name):
    segmentation = CASES["one pixel"]
    for file in load(name).encode(segmentation, picture(segmentation.size), "bad-\udcff.jpg"):
        assert read(file) is not None
