"""The library: pictures and prompts in the forms that people have them in."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pictures import encoded, scene

import rubylith
from rubylith.domain.geometry import Size
from rubylith.domain.segmentation import Segmentation
from rubylith.engine.engine import Engine
from rubylith.formats.json import document

pytestmark = pytest.mark.usefixtures("segmenter")

FORMS = {
    "path": lambda path: path,
    "str": str,
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "pillow": Image.open,
    "array": lambda path: np.array(Image.open(path)),
    "floats": lambda path: np.array(Image.open(path)) / 255,
    "embedded": rubylith.embed,
}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(scene()))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_in_any_form_gives_the_same_masks(photo, form):
    found = rubylith.segment(FORMS[form](photo), points=[(20, 10)])
    assert found.masks == rubylith.segment(photo, points=[(20, 10)]).masks
    assert np.array_equal(found.image.pixels, scene())
    assert (found.model, found.disjoint, found.size) == ("embedded", False, rubylith.Size(48, 64))
    assert found.masks[0].box == rubylith.Box(15, 5, 26, 16)


@pytest.mark.parametrize("picture", [7, None, ["photo.jpg"], np.zeros(5)], ids=str)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(rubylith.InvalidImage, match="is no picture"):
        rubylith.segment(picture)


@pytest.mark.parametrize(
    "points",
    [
        [(20, 10)],
        [(20, 10, 1)],
        ((20.0, 10.0),),
        np.array([[20, 10]]),
        [np.array([20, 10, 1])],
        [rubylith.Point(20, 10)],
        [[20, 10], (0, 0, 0)],
        [(np.float32(20), np.int64(10), True)],
    ],
    ids=str,
)
def test_points_in_any_form_mean_the_same(points):
    assert rubylith.segment(scene(), points=points).masks[0].box == rubylith.Box(15, 5, 26, 16)


@pytest.mark.parametrize(
    "boxes", [[(10, 10, 30, 20)], np.array([[10, 10, 30, 20.0]]), [rubylith.Box(10, 10, 30, 20)], [[10, 10, 30, 20]]]
)
def test_boxes_in_any_form_mean_the_same(boxes):
    assert rubylith.segment(scene(), boxes=boxes).masks[0].box == rubylith.Box(15, 10, 26, 21)


def test_several_boxes_are_one_object_each():
    found = rubylith.segment(scene(), boxes=[(0, 0, 20, 20), (20, 20, 60, 40)])
    assert [mask.object_index for mask in found.masks] == [0, 1]


def test_points_and_one_box_are_one_object():
    found = rubylith.segment(scene(), points=[(20, 10), (30, 10)], boxes=[(0, 0, 40, 40)])
    assert [mask.object_index for mask in found.masks] == [0]
    assert len(found.masks[0].points) == 2


def test_multimask_gives_three_candidates():
    assert len(rubylith.segment(scene(), points=[(20, 10)], multimask=True).masks) == 3


def test_a_previous_mask_is_taken_in_any_form(segmenter):
    first = rubylith.segment(scene(), points=[(20, 10)]).masks[0]
    (written,) = json.loads(json.dumps(document(rubylith.segment(scene(), points=[(20, 10)]), "scene")))["masks"]
    bitmap = first.rle.bitmap()
    for previous in (first, first.rle, bitmap, bitmap.astype(np.uint8) * 255, written, written["segmentation"]):
        assert rubylith.segment(scene(), previous=previous).masks[0].box == first.box


def test_a_models_folder_is_a_path_in_whatever_way_it_is_written(monkeypatch):
    folder = Path(__file__).parent / "fixtures" / "tiny-sam2"
    monkeypatch.chdir(folder.parent)
    seen = rubylith.embed(scene(), model=folder)
    answers = [rubylith.segment(seen, points=[(20, 10)], model=name) for name in (folder, f"{folder}/", "./tiny-sam2")]
    assert answers[0].masks == answers[1].masks == answers[2].masks
    with pytest.raises(rubylith.InvalidPrompt, match=r"'./tiny-sam' cannot read"):
        rubylith.segment(seen, points=[(20, 10)], model="./tiny-sam")


@pytest.mark.parametrize(("name", "least"), [("tiny-sam2", 0.8), ("tiny-sam", 0.88)])
def test_everything_has_the_thresholds_of_the_models_family_where_none_are_given(monkeypatch, name, least):
    asked, nothing = [], Segmentation(Size(1, 1), (), disjoint=False, model=name)
    monkeypatch.setattr(Engine, "segment", lambda _, __, prompt, **___: asked.append(prompt) or nothing)
    rubylith.segment(scene(), model=Path(__file__).parent / "fixtures" / name, points_per_side=4)
    assert (asked[0].pred_iou_thresh, asked[0].points_per_side) == (least, 4)


def test_everything_takes_the_options_of_segment_anything():
    assert len(rubylith.segment(scene(100, 100)).masks) == 4
    assert len(rubylith.segment(scene(100, 100), max_masks=3, pred_iou_thresh=0.5).masks) == 3
    assert rubylith.segment(scene(100, 100), overlap="none").disjoint
    assert rubylith.segment(scene(100, 100), overlap=rubylith.Overlap.NONE).disjoint


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"points": (20, 10)}, r"points is \(20, 10\), not a list of points.*points=\[\(...\)\]"),
        ({"points": []}, "points is an empty list. Leave it out to find everything"),
        ({"boxes": np.zeros((0, 4))}, "boxes is an empty list"),
        ({"points": [(1, 1)], "boxes": []}, "boxes is an empty list"),
        ({"points": 5}, "points is 5, not a list"),
        ({"points": [(1, 2, 3, 4)]}, r"\(1, 2, 3, 4\) is no point. Give \(x, y\)"),
        ({"points": [("a", 2)]}, "is no point"),
        ({"points": [(1, float("nan"))]}, "is no point"),
        ({"points": [(1, 2, 5)]}, "label of the point .* is 5. Give 1"),
        ({"points": [(64, 0)]}, r"\(64, 0\) lies outside the picture, which is 64 x 48 pixels. Give x from 0 to 63"),
        ({"points": [(-1, 0)]}, "outside the picture"),
        ({"points": [(5, 5, 0)]}, "no positive point"),
        ({"boxes": (0, 0, 5, 5)}, "not a list of boxes"),
        ({"boxes": [(0, 0, 5)]}, r"\(0, 0, 5\) is no box"),
        ({"boxes": [(5, 5, 5, 9)]}, "has no area. Give x0,y0,x1,y1 with x0 < x1"),
        ({"boxes": [(9, 9, 5, 5)]}, "has no area"),
        ({"boxes": [(100, 100, 200, 200)]}, "lies outside the picture"),
        ({"boxes": [(0, 0, float("inf"), 5)]}, "has no area"),
        ({"boxes": [(0, 0, 5, 5), (9, 9, 20, 20)], "points": [(1, 1)]}, "2 boxes mean 2 objects"),
        ({"multimask": True}, "multimask asks for candidates"),
        ({"points": [(1, 1)], "points_per_side": 32}, "points_per_side says how to find everything"),
        ({"boxes": [(0, 0, 5, 5)], "overlap": "none"}, "overlap says how to find everything"),
        ({"points_per_side": 0}, r"points_per_side is 0. Give a whole number from 1 to 256 \(default 32\)"),
        ({"pred_iou_thresh": 1.5}, "pred_iou_thresh is 1.5"),
        ({"previous": np.ones((48, 64), bool), "text": "red"}, "previous and text are given together"),
        ({"points": np.ones((2, 2)), "text": "red"}, "points and text are given together"),
        ({"previous": np.zeros((48, 64))}, "previous mask is float64 of shape 48 x 64"),
        ({"previous": np.ones((9, 9), bool)}, "previous mask is 9 x 9 pixels but the picture is 64 x 48"),
        (
            {"previous": {"segmentation": {}}},
            r'dictionary of nothing, and no compressed RLE of COCO. Give {"size": \[height, width\]',
        ),
        ({"previous": {"size": [48, 64], "counts": [10, 5]}}, "dictionary of size, counts, and no compressed RLE"),
        ({"previous": {"size": [0, 64], "counts": ""}}, "no compressed RLE of COCO"),
        ({"previous": {"size": [48, 64], "counts": "~"}}, "does not describe a mask of 64 x 48"),
    ],
)
def test_a_prompt_that_makes_no_sense_is_refused_with_the_fix(asked, match):
    with pytest.raises(rubylith.InvalidPrompt, match=match):
        rubylith.segment(scene(), **asked)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"model": "nonsense"}, "no model called 'nonsense'. Known models: embedded"),
        ({"overlap": "some"}, "no overlap called 'some'. Known overlaps: keep, none"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(asked, match):
    with pytest.raises(rubylith.UnknownName, match=match):
        rubylith.segment(scene(), **asked)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (
            {"options": {"points_per_side": 16}},
            r"no option called 'options'. Give each by its own name: points_per_side=",
        ),
        ({"options": {}}, "no option called 'options'. Give each by its own name, or unpack them"),
        ({"point": [(1, 1)]}, "no option called 'point'. Did you mean points"),
        ({"nonsense": 1}, "no option called 'nonsense'. Known options: points, boxes, previous, .* progress.$"),
    ],
)
def test_an_option_that_is_none_is_answered_with_those_that_are(asked, match):
    with pytest.raises(rubylith.UnknownName, match=match):
        rubylith.segment(scene(), **asked)


def test_a_mask_to_correct_may_have_an_axis_of_its_own():
    square = np.zeros((48, 64), bool)
    square[10:20, 10:20] = True
    flat, deep = (rubylith.segment(scene(), previous=each, points=[(15, 15)]) for each in (square, square[..., None]))
    assert flat.masks == deep.masks


def test_an_embedded_picture_is_looked_at_once(segmenter, photo):
    picture = rubylith.embed(photo)
    photo.unlink()
    for x in range(10, 20):
        rubylith.segment(picture, points=[(x, 10)])
    rubylith.segment(picture)
    assert segmenter.embedded == [picture.image.digest]


def test_time_that_is_up_cuts_off_what_was_not_looked_at_and_is_told_only_then():
    whole, in_one_step = rubylith.segment(scene()), rubylith.segment(scene(), max_seconds=0)
    assert (in_one_step.masks, in_one_step.truncated) == (whole.masks, False)
    assert rubylith.segment(scene(), max_seconds=0, crop_n_layers=1).truncated


def test_an_embedded_picture_keeps_to_its_model():
    picture = rubylith.embed(scene())
    assert rubylith.segment(picture, points=[(5, 5)], model="embedded").model == "embedded"
    with pytest.raises(rubylith.InvalidPrompt, match="was embedded by 'embedded', which 'other' cannot read"):
        rubylith.segment(picture, points=[(5, 5)], model="other")


def test_interleaved_callers_get_their_own_masks():
    wide, high = rubylith.embed(scene(40, 90)), rubylith.embed(scene(90, 40))
    for _ in range(2):
        assert rubylith.segment(wide, points=[(80, 20)]).size == rubylith.Size(40, 90)
        assert rubylith.segment(high, points=[(20, 80)]).size == rubylith.Size(90, 40)


def test_limits_are_the_callers(photo):
    with pytest.raises(rubylith.TooLarge, match="the limit is 99"):
        rubylith.segment(photo, limits=rubylith.Limits(max_pixels=99))
    with pytest.raises(rubylith.TooLarge):
        rubylith.embed(photo.read_bytes(), limits=rubylith.Limits(max_bytes=9))


def test_a_mask_gives_its_bitmap_and_area():
    mask = rubylith.segment(scene(), points=[(20, 10)]).masks[0]
    assert mask.bitmap().shape == (48, 64)
    assert mask.bitmap()[10, 20]
    assert mask.bitmap().sum() == mask.area == 81


def test_progress_is_told():
    told = []
    rubylith.segment(scene(), progress=told.append)
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_save_writes_the_files_and_returns_their_paths(tmp_path):
    found = rubylith.segment(scene(100, 100))
    paths = found.save(tmp_path / "new" / "out")
    assert {path.name for path in paths} >= {"overlay.png", "masks.json"}
    assert all(path.is_file() for path in paths)
    assert sorted(paths) == sorted(p for p in (tmp_path / "new" / "out").rglob("*") if p.is_file())
    assert len(json.loads((tmp_path / "new" / "out" / "masks.json").read_text())["masks"]) == 4
    assert found.save(str(tmp_path / "one"), "json") == (tmp_path / "one" / "masks.json",)


def test_save_leaves_other_files_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    rubylith.segment(scene()).save(tmp_path, formats=["json"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks.json", "notes.txt"]


def test_save_refuses_unknown_formats_and_impossible_folders(tmp_path):
    found = rubylith.segment(scene())
    with pytest.raises(rubylith.UnknownName, match="no format called 'foo'"):
        found.save(tmp_path, ["foo"])
    with pytest.raises(rubylith.InvalidPrompt, match="No format is asked for"):
        found.save(tmp_path, [])
    (tmp_path / "file").write_text("")
    with pytest.raises(rubylith.NotAccessible, match="cannot be written"):
        found.save(tmp_path / "file", ["json"])


def test_encode_and_overlay_stay_in_memory():
    found = rubylith.segment(scene())
    (file,) = found.encode("json")
    assert json.loads(file.data)["model"] == "embedded"
    assert isinstance(found.overlay(), Image.Image)


def test_a_notebook_shows_the_overlay():
    png = rubylith.segment(scene())._repr_png_()
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"


def test_an_error_survives_pickling():
    """Pools of processes send errors that way."""
    error = pickle.loads(pickle.dumps(rubylith.InvalidPrompt("No", "Yes")))
    assert (error.message, error.hint, str(error)) == ("No", "Yes", "No. Yes.")


def test_a_search_that_was_cut_short_says_so(photo):
    assert rubylith.segment(photo, crop_n_layers=1, max_seconds=0).truncated
    assert not rubylith.segment(photo, crop_n_layers=1).truncated


@pytest.mark.parametrize("text", [5, ["red", 5], 2.5, True, b"red"])
def test_text_that_is_no_text_is_told_so(text):
    with pytest.raises(rubylith.RubylithError, match=r"is no phrase|is no text"):
        rubylith.segment(np.zeros((8, 8, 3), np.uint8), text=text)


@pytest.mark.parametrize("link", ["https://x.y/z.png", "s3://x/z.png", Path("https://x.y/z.png")])
def test_a_link_is_not_fetched_and_that_is_said(link):
    with pytest.raises(rubylith.RubylithError, match=r"is a link, and links are not fetched\. Download it"):
        rubylith.segment(link)
