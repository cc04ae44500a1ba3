"""Detectors: real weights on real photographs where they lie beside the repository; arithmetic everywhere."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rubylith.domain.errors import UnknownName, UnknownWord
from rubylith.domain.geometry import Size
from rubylith.domain.image import Local
from rubylith.domain.prompt import Mode, Text
from rubylith.engine.catalog import LIST, known_detectors
from rubylith.engine.detectors.fastestdet import VOCABULARY, read_grid
from rubylith.engine.engine import ANY_PROCESSOR, Engine
from rubylith.engine.shelf import Shelf, vocabulary_of
from rubylith.service.intake import open_image

EVAL = Path(__file__).parents[4] / "shared" / "eval"
FILES = {"fastestdet": "fastestdet.onnx", "ultraface": "ultraface_rfb320.onnx"}


@pytest.fixture(scope="module")
def models_folder(tmp_path_factory):
    """The detectors, as `rubylith models pull` lays them down."""
    if not (EVAL / "detectors").is_dir():
        pytest.skip("needs the evaluation photographs and detectors beside the repository")
    folder = tmp_path_factory.mktemp("models")
    for name, file in FILES.items():
        (folder / name).mkdir()
        shutil.copy(EVAL / "detectors" / file, folder / name)
        (folder / name / LIST).write_text("{}")
    return folder


@pytest.fixture(scope="module")
def engine(models_folder):
    return Engine("embedded", models_folder=models_folder)


def photo(name):
    return open_image(Local(EVAL / "photos" / name))


def test_cars_are_found_and_cut(engine):
    masks = engine.segment(photo("cars.jpg"), Text(("cars",))).masks
    assert len(masks) >= 2
    assert {mask.label.name for mask in masks} == {"cars"}
    assert all(0.5 <= mask.label.score <= 1 and mask.area > 10_000 for mask in masks)


def test_a_place_tells_two_cars_apart(engine):
    (left,) = engine.segment(photo("cars.jpg"), Text(("the left car",))).masks
    (right,) = engine.segment(photo("cars.jpg"), Text(("the right car",))).masks
    assert left.box.x0 < right.box.x0


def test_several_phrases_keep_their_names_and_semantic_unites_each(engine):
    masks = engine.segment(photo("truck.jpg"), Text(("truck", "person"), mode=Mode.SEMANTIC)).masks
    assert [mask.label.name for mask in masks] == ["truck"]


def test_a_face_is_found_by_the_detector_where_it_is_here(engine):
    (face, *others) = engine.segment(photo("astronaut.png"), Text(("face",))).masks
    assert not others
    assert face.label.score > 0.9
    assert 170 < (face.box.x0 + face.box.x1) / 2 < 280


def test_who_looks_may_be_said(models_folder):
    shelf = Shelf(models_folder, ANY_PROCESSOR)
    assert shelf.choose("people", "fastestdet") == ("fastestdet", "person")
    with pytest.raises(UnknownWord, match="ultraface does not know 'dog'"):
        shelf.choose("dog", "ultraface")
    with pytest.raises(UnknownName):
        shelf.choose("dog", "nobody")


def test_without_its_file_a_detector_is_named_with_the_command_that_gets_it(tmp_path):
    with pytest.raises(UnknownWord, match="rubylith models pull fastestdet"):
        Shelf(tmp_path, ANY_PROCESSOR).choose("dog")


def test_each_detector_of_the_catalogue_says_what_it_knows():
    assert set(known_detectors()) == set(FILES)
    assert len(vocabulary_of("fastestdet")) == 80
    assert vocabulary_of("ultraface") == ("face",)


def test_a_cell_becomes_a_box_and_a_thing_is_told_once():
    grid = np.zeros((85, 22, 22), np.float32)
    for column, objectness in ((10, 0.9), (11, 0.8)):  # two cells that see the same dog
        grid[0, 5, column] = objectness
        grid[1, 5, column] = np.arctanh(0.5 if column == 10 else -0.5)  # both mean x = 10.5 cells
        grid[3:5, 5, column] = 0  # half of the picture each way
        grid[5 + VOCABULARY.index("dog"), 5, column] = 1
    (dog,) = read_grid(grid, Size(220, 440), ("dog", "cat"), 0.5)
    assert dog.score == pytest.approx(0.9**0.6)
    assert (dog.box.x0, dog.box.x1) == pytest.approx((100, 320))
    assert (dog.box.y0, dog.box.y1) == pytest.approx((0, 105))  # the box is cut at the picture's edge
