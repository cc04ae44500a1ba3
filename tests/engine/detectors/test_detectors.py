"""Detectors: real weights on real photographs where they lie beside the repository; arithmetic everywhere."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rubylith.domain.detection import Detection
from rubylith.domain.errors import UnknownName, UnknownWord
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image, Local
from rubylith.domain.prompt import Everything, Mode, Scene, Text
from rubylith.domain.rle import RLE
from rubylith.engine.catalog import known_detectors
from rubylith.engine.detectors._tiles import find_everywhere, usual_side
from rubylith.engine.detectors.fastestdet import VOCABULARY, read_grid
from rubylith.engine.engine import ANY_PROCESSOR, Engine
from rubylith.engine.lists import LIST
from rubylith.engine.shelf import Shelf, vocabulary_of
from rubylith.engine.windows import tiles
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
        (folder / name / LIST).write_text('{"files": {}}')
    return folder


@pytest.fixture(scope="module")
def engine(models_folder):
    return Engine("embedded", models_folder=models_folder)


def photo(name, *, width=None):
    image = open_image(Local(EVAL / "photos" / name))
    if width is None:
        return image
    size = (width, round(image.size.height * width / image.size.width))
    return Image(np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8), f"{name} small")


def test_cars_are_found_and_cut(engine):
    masks = engine.segment(photo("cars.jpg"), Text(("cars",))).masks
    assert len(masks) >= 2
    assert {mask.label.name for mask in masks} == {"cars"}
    assert all(0.5 <= mask.label.score <= 1 and mask.area > 10_000 for mask in masks)


def test_a_place_tells_two_cars_apart(engine):
    (left,) = engine.segment(photo("cars.jpg"), Text(("the left car",))).masks
    (right,) = engine.segment(photo("cars.jpg"), Text(("the right car",))).masks
    assert left.box.x0 < right.box.x0


def test_orange_is_the_fruit_where_a_detector_knows_it(engine):
    (fruit,) = engine.segment(photo("groceries.jpg"), Text(("orange",))).masks
    (same,) = engine.segment(photo("groceries.jpg"), Text(("oranges",))).masks
    assert fruit.box == same.box


def test_several_phrases_keep_their_names_and_semantic_unites_each(engine):
    masks = engine.segment(photo("truck.jpg"), Text(("truck", "person"), mode=Mode.SEMANTIC)).masks
    assert [mask.label.name for mask in masks] == ["truck"]


def test_a_face_is_found_by_the_detector_where_it_is_here(engine):
    (face, *others) = engine.segment(photo("astronaut.png"), Text(("face",))).masks
    assert not others
    assert face.label.score > 0.9
    assert 170 < (face.box.x0 + face.box.x1) / 2 < 280


def test_small_things_in_a_large_picture_are_found_in_tiles_and_told_once(models_folder):
    shelf = Shelf(models_folder, ANY_PROCESSOR)
    cars = cv2.resize(photo("cars.jpg").pixels, (150, 100), interpolation=cv2.INTER_AREA)
    pixels = np.full((1200, 1600, 3), 128, np.uint8)
    corners = [(100, 80), (1150, 120), (620, 500), (200, 900), (1100, 850)]
    for x, y in corners:
        pixels[y : y + 100, x : x + 150] = cars
    image = Image(pixels, "five pictures of the same cars")
    whole = shelf.get("fastestdet").find(image, ["car"], None)
    found = shelf.find("fastestdet", image, ["car"], None)
    boxes = [one.box for one in found]
    inside = [
        sum(x - 8 < one.x0 and one.x1 < x + 158 and y - 8 < one.y0 and one.y1 < y + 108 for one in boxes)
        for x, y in corners
    ]
    assert len(whole) < len(corners)
    assert all(1 <= count <= 3 for count in inside), inside
    assert len(found) <= 3 * len(corners)


class Rectangles:
    """A detector that sees rectangles of one colour, as far as they lie in what it is shown."""

    def find(self, image, names, threshold):
        rows, columns = np.nonzero(image.pixels[..., 0] == 255)
        if not rows.size:
            return ()
        box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        return (Detection(names[0], 0.9, box),)


@pytest.mark.parametrize("place", [(0, 0), (330, 280), (760, 560), (395, 10)])
def test_a_thing_that_tiles_cut_is_one_thing(place):
    x, y = place
    pixels = np.zeros((600, 800, 3), np.uint8)
    pixels[y : y + 40, x : x + 40] = 255
    (one,) = find_everywhere(Rectangles(), Image(pixels, "one"), ["thing"], None, side=400)
    assert one.box == Box(x, y, x + 40, y + 40)


@pytest.mark.parametrize(("height", "width"), [(400, 400), (401, 100), (1000, 1600), (3000, 4000)])
def test_tiles_cover_the_picture_and_overlap_by_half(height, width):
    seen = np.zeros((height, width), np.uint8)
    windows = tiles(Size(height, width), 400, 200)
    for one in windows:
        seen[int(one.y0) : int(one.y1), int(one.x0) : int(one.x1)] = 1
    assert bool(windows) == (max(height, width) > 400)
    assert not windows or seen.all()
    tops = sorted({one.y0 for one in windows})
    assert all(below - above <= 200 for above, below in itertools.pairwise(tops))


class Silhouettes:
    """A detector that knows its rectangles pixel by pixel, but for their lower half."""

    def find(self, image, names, threshold):
        bitmap = image.pixels[..., 0] == 255
        return tuple(
            replace(one, mask=RLE.from_bitmap(bitmap & (np.indices(bitmap.shape)[0] < (one.box.y0 + one.box.y1) / 2)))
            for one in Rectangles().find(image, names, threshold)
        )


@pytest.mark.parametrize("place", [(330, 280), (760, 560)])
def test_masks_that_a_detector_brings_are_taken_as_they_are_from_tiles_too(place, monkeypatch, tmp_path):
    (tmp_path / "owlv2-base").mkdir()
    (tmp_path / "owlv2-base" / LIST).write_text('{"files": {}}')
    monkeypatch.setattr("rubylith.engine.detectors.owlv2.load", lambda weights, device: Silhouettes())
    monkeypatch.setattr("importlib.util.find_spec", lambda package: package)
    x, y = place
    pixels = np.zeros((600, 800, 3), np.uint8)
    pixels[y : y + 40, x : x + 40] = 255
    engine = Engine("embedded", models_folder=tmp_path)
    for tile_side in (None, 300):
        (mask,) = engine.segment(Image(pixels, "one"), Text(("widget",), tile_side=tile_side)).masks
        assert mask.box == Box(x, y, x + 40, y + 20)
        assert (mask.label.name, mask.label.score, mask.predicted_iou) == ("widget", 0.9, 0.9)


class TwoThings:
    """A detector that is less certain of what is on the left."""

    def find(self, image, names, threshold):
        masks = []
        for columns in (slice(10, 30), slice(60, 80)):
            bitmap = np.zeros((image.size.height, image.size.width), np.bool_)
            bitmap[20:40, columns] = True
            masks.append(RLE.from_bitmap(bitmap))
        return tuple(
            Detection(names[0], score, mask.box, mask)
            for mask, score in zip(masks, (0.5, 0.9), strict=True)
            if score >= threshold
        )


def test_places_choose_among_what_passes_the_threshold_of_their_own_phrase(monkeypatch, tmp_path):
    (tmp_path / "owlv2-base").mkdir()
    (tmp_path / "owlv2-base" / LIST).write_text('{"files": {}}')
    monkeypatch.setattr("rubylith.engine.detectors.owlv2.load", lambda weights, device: TwoThings())
    monkeypatch.setattr("importlib.util.find_spec", lambda package: package)
    engine = Engine("embedded", models_folder=tmp_path)
    image = Image(np.zeros((60, 90, 3), np.uint8), "black")
    found = engine.segment(image, Text(("the left widget", "right widget"), threshold=(0.8, 0.2))).masks
    assert [(mask.label.name, mask.box.x0) for mask in found] == [("the left widget", 60)]
    found = engine.segment(image, Text(("the left widget", "right widget"), threshold=0.2)).masks
    assert [(mask.label.name, mask.box.x0) for mask in found] == [("right widget", 60), ("the left widget", 10)]


class Crowd:
    """A detector that sees a thing in each of 12 times 12 places, the more certain the further down."""

    def find(self, image, names, threshold):
        places = [(x, y) for y in range(12) for x in range(12)]
        return tuple(
            Detection(names[place % len(names)], place / 200, Box(5 * x, 5 * y, 5 * x + 4, 5 * y + 4))
            for place, (x, y) in enumerate(places)
        )


@pytest.mark.parametrize("phrases", [("widget",), ("widget", "gadget"), ("widget", "gadget", "the largest widget")])
def test_a_low_threshold_cuts_the_hundred_best_boxes_of_a_picture(monkeypatch, tmp_path, phrases):
    (tmp_path / "owlv2-base").mkdir()
    (tmp_path / "owlv2-base" / LIST).write_text('{"files": {}}')
    monkeypatch.setattr("rubylith.engine.detectors.owlv2.load", lambda weights, device: Crowd())
    monkeypatch.setattr("importlib.util.find_spec", lambda package: package)
    engine = Engine("embedded", models_folder=tmp_path)
    decode, cut = type(engine._segmenter).decode, []

    def counted(self, embedding, prompts):
        cut.extend(prompt.box for prompt in prompts)
        return decode(self, embedding, prompts)

    monkeypatch.setattr(type(engine._segmenter), "decode", counted)
    engine.segment(Image(np.zeros((60, 60, 3), np.uint8), "black"), Text(phrases, threshold=0.01))
    assert len(cut) == 100
    assert (min(box.y0 for box in cut), max(box.y0 for box in cut)) == (15 if len(phrases) < 3 else 30, 55)


class Squares:
    """A detector that sees rectangles of one colour only where they fill a hundredth of what it is shown."""

    def find(self, image, names, threshold):
        found = Rectangles().find(image, names, threshold)
        return tuple(one for one in found if one.box.area >= image.size.area / 100)


@pytest.mark.parametrize(("tile_side", "count"), [(None, 0), (300, 1), (900, 0)])
def test_tiles_may_be_asked_for_where_a_detector_takes_none_by_itself(monkeypatch, tmp_path, tile_side, count):
    (tmp_path / "owlv2-base").mkdir()
    (tmp_path / "owlv2-base" / LIST).write_text('{"files": {}}')
    monkeypatch.setattr("rubylith.engine.detectors.owlv2.load", lambda weights, device: Squares())
    monkeypatch.setattr("importlib.util.find_spec", lambda package: package)
    pixels = np.zeros((600, 800, 3), np.uint8)
    pixels[110:140, 410:440] = 255
    shares: list[float] = []
    text = Text(("widget",), tile_side=tile_side)
    masks = Engine("embedded", models_folder=tmp_path).segment(Image(pixels, "one"), text, progress=shares.append).masks
    assert len(masks) == count
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any(0 < share < 0.5 for share in shares) == bool(count)


def test_a_large_picture_has_larger_tiles_unasked():
    assert [usual_side(Size(*size), 400) for size in ((300, 300), (1600, 1000), (3000, 4001))] == [400, 400, 1001]


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
    closed = {name: vocabulary_of(name) for name in known_detectors() if vocabulary_of(name) is not None}
    assert set(closed) == set(FILES)
    assert len(closed["fastestdet"]) == 80
    assert closed["ultraface"] == ("face",)
    assert {name for name in known_detectors() if name not in closed} >= {
        "grounding-dino-tiny",
        "llmdet-tiny",
        "owlv2-base",
    }


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


def test_a_scene_without_a_universal_model_is_what_the_detectors_know(engine):
    found = engine.segment(photo("cars.jpg", width=600), Scene(Mode.PANOPTIC))
    assert found.disjoint
    assert "car" in {mask.label.name for mask in found.masks}
    assert np.sum([mask.bitmap() for mask in found.masks], axis=0).max() == 1


def test_everything_is_labelled_by_who_knows_names(engine):
    picture = photo("cars.jpg", width=600)
    plain, named = engine.segment(picture, Everything()), engine.segment(picture, Everything(label=True))
    assert [mask.rle for mask in plain.masks] == [mask.rle for mask in named.masks]
    assert not any(mask.label for mask in plain.masks)
    assert "car" in {mask.label.name for mask in named.masks if mask.label}
    assert any(mask.label is None for mask in named.masks)


def test_without_anybody_who_knows_names_a_scene_and_labels_are_refused_at_once(tmp_path):
    bare = Engine("embedded", models_folder=tmp_path)
    for prompt in (Scene(), Everything(label=True)):
        with pytest.raises(UnknownWord, match="rubylith models pull fastestdet"):
            bare.check(prompt)
