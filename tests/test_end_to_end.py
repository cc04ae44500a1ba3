"""The doors with the model that comes with them, on a real photograph and on pictures of awkward shape."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import encoded, scene

import rubylith
from rubylith import formats

FIXTURES = Path(__file__).parent / "fixtures"
PHOTO = Path(__file__).parents[1] / "examples" / "photo.jpg"


def segment(*words: str, **options) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "rubylith", "segment", *words], check=True, capture_output=True, **options
    ).stdout


def test_json_of_a_photograph_is_the_same_to_the_byte_in_every_process():
    first = segment(str(PHOTO), "--json")
    assert first == segment(str(PHOTO), "--json")
    assert len(json.loads(first)["masks"]) >= 5


def test_a_photograph_on_standard_input_leaves_an_overlay_and_masks(tmp_path):
    told = segment("-", cwd=tmp_path, input=PHOTO.read_bytes()).decode()
    assert told.endswith("masks → rubylith-out/stdin/overlay.png\n")
    assert (tmp_path / "rubylith-out" / "stdin" / "overlay.png").is_file()
    assert len(list((tmp_path / "rubylith-out" / "stdin" / "masks").glob("*.png"))) >= 5


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (3, 20_000), (20_000, 3)])
def test_awkward_shapes_are_cut_and_written_in_every_format(height, width, tmp_path):
    picture = rubylith.embed(encoded(scene(height, width)))
    for asked in ({}, {"points": [(0, 0)]}, {"boxes": [(0, 0, width, height)]}):
        found = rubylith.segment(picture, **asked)
        assert found.masks
        assert found.size == rubylith.Size(height, width)
    found.save(tmp_path, formats.NAMES)


def test_the_readmes_corrections_take_away_what_is_clicked_and_keep_the_rest(tmp_path):
    (tmp_path / "examples").symlink_to(PHOTO.parent)
    readme = (PHOTO.parents[1] / "README.md").read_text()
    clicked = {
        words[words.index("--out") + 1]: words
        for words in (line.split("#")[0].split() for line in readme.splitlines())
        if words[:2] == ["rubylith", "segment"] and "--point" in words
    }
    masks = {}
    for out, words in clicked.items():
        segment(*words[2:], cwd=tmp_path)
        (record,) = json.loads((tmp_path / out / "photo/masks.json").read_text())["masks"]
        masks[out] = rubylith.RLE.from_coco(rubylith.Size(400, 600), record["segmentation"]["counts"])
    (x, y), (away_x, away_y) = (
        map(int, point.split(",")[:2]) for point in clicked["mended"] if re.fullmatch(r"[\d,]+", point)
    )
    first = masks["click"].bitmap()
    assert first[y, x]
    assert first[away_y, away_x]  # or there would be nothing to mend
    corrected = masks["mended"].bitmap()
    assert corrected[y, x]
    assert not corrected[away_y, away_x]
    assert 0.01 < (first != corrected).sum() / first.sum() < 0.08  # the spoon's bowl is a sixteenth of what was found
    assert np.abs(np.argwhere(first != corrected) - (away_y, away_x)).max() < 80  # all else stays

    lines = readme.split("picture = rubylith.embed", 1)[1].split("\n```", 1)[0]
    names = {"rubylith": rubylith}
    exec(f"picture = rubylith.embed{lines}".replace("examples/photo.jpg", str(PHOTO)), names)
    assert (names["first"].masks[0].rle, names["better"].masks[0].rle) == (masks["click"], masks["mended"])


def test_a_turned_photograph_gives_the_masks_of_the_upright_one():
    from PIL import Image

    with Image.open(PHOTO) as image:
        upright = image.resize((200, 133))
    exif = Image.Exif()
    exif[0x0112] = 8  # shown turned a quarter to the left
    stored = upright.transpose(Image.Transpose.ROTATE_270)
    turned = rubylith.segment(encoded(stored, exif=exif), points=[(100, 60)])
    assert turned.masks == rubylith.segment(encoded(upright), points=[(100, 60)]).masks


def test_the_library_takes_models_from_where_the_environment_says(tmp_path, monkeypatch):
    shutil.copytree(FIXTURES / "tiny-sam", tmp_path / "sam-base")
    (tmp_path / "sam-base" / "files.json").write_text('{"files": {}}')
    monkeypatch.setenv("RUBYLITH_MODELS", str(tmp_path))
    assert rubylith.segment(scene(), points=[(30, 30)], model="sam-base").model == "sam-base"
    monkeypatch.setenv("RUBYLITH_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(rubylith.RubylithError, match="elsewhere"):
        rubylith.segment(scene(), points=[(30, 30)], model="sam-base")
