"""Masks in files, to be corrected."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from tests.formats.samples import disc, mask, picture, segmentation
from tests.pictures import encoded, png_that_claims, scene

from rubylith import formats
from rubylith.domain.errors import InvalidImage, InvalidPrompt, NotFound, RubylithError, TooLarge
from rubylith.domain.geometry import Size
from rubylith.domain.prompt import Everything
from rubylith.domain.rle import RLE
from rubylith.registry import load
from rubylith.service.intake import Limits
from rubylith.service.previous import open_previous
from rubylith.service.prompts import read_prompt

SIZE = Size(48, 64)
DISC = disc(SIZE, 30, 20, 9)
LEVELS = DISC.astype(np.uint8)
SOFT = np.clip(255 * (10 - np.hypot(*(np.mgrid[:48, :64] - np.array([20, 30])[:, None, None]))), 0, 255).astype(
    np.uint8
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def opened(word: str = "m") -> np.ndarray:
    """The bitmap of the only object that is asked for."""
    (one,) = read_prompt(previous=open_previous(word), options={}).objects
    return one.previous.bitmap()


def written(name: str, *masks: np.ndarray) -> None:
    """`m`, as the format of this name writes it."""
    room = load(formats.__name__, formats.NAMES, name, kind="format")
    Path("m").write_bytes(room.encode(segmentation(*masks, size=SIZE), picture(SIZE), "a.jpg")[0].data)


def palette(colours: list[int]) -> PIL.Image.Image:
    image = PIL.Image.fromarray(LEVELS, "P")
    image.putpalette(colours)
    return image


@pytest.mark.parametrize(
    "image",
    [
        LEVELS * 255,
        LEVELS,
        LEVELS * 7,
        DISC,
        LEVELS.astype(np.uint16),
        LEVELS.astype(np.uint16) * 65535,
        np.repeat(LEVELS[..., None] * 255, 3, axis=2),
        np.dstack([LEVELS * 200, LEVELS * 0, LEVELS * 30]),
        palette([0, 0, 0, 128, 0, 0]),
        palette([0, 0, 0, 255, 255, 255]),
        np.dstack([scene(), LEVELS * 255]),
        np.dstack([LEVELS * 0, LEVELS * 255]),
        np.dstack([np.repeat(LEVELS[..., None] * 255, 3, axis=2), np.full_like(LEVELS, 255)]),
    ],
)
def test_a_picture_of_a_mask_is_bright_or_opaque_where_the_object_is(image):
    image = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
    Path("m").write_bytes(encoded(image))
    assert np.array_equal(opened(), DISC)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WebP"])
def test_soft_edges_are_cut_in_the_middle(kind):
    options = {"JPEG": {"quality": 95}, "WebP": {"lossless": True}}.get(kind, {})
    Path("m").write_bytes(encoded(SOFT, kind, **options))
    assert np.count_nonzero(opened() != (SOFT > 127)) <= (3 if kind == "JPEG" else 0)


def test_a_mask_is_turned_as_the_picture_is():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    turned = PIL.Image.fromarray(LEVELS * 255).transpose(PIL.Image.Transpose.ROTATE_90)
    Path("m").write_bytes(encoded(turned, exif=exif))
    assert np.array_equal(opened(), DISC)


def test_a_mask_that_is_all_object_and_one_that_is_none():
    for level in (0, 1, 255):
        Path("m").write_bytes(encoded(np.full_like(LEVELS, level)))
        if level:
            assert opened().all()
        else:
            assert not opened().any()


@pytest.mark.parametrize("name", ["png", "png1", "cutout", "matte", "labelmap", "json"])
def test_what_a_format_writes_of_one_mask_comes_back(name):
    written(name, DISC)
    found = opened()
    assert np.count_nonzero(found != DISC) <= (40 if name == "matte" else 0)


@pytest.mark.parametrize("form", ["rle", "mask", "masks", "indented"])
def test_json_may_be_an_rle_a_mask_or_a_document_with_one(form):
    written("json", DISC)
    document = json.loads(Path("m").read_bytes())
    (record,) = document["masks"]
    found = {"rle": record["segmentation"], "mask": record}.get(form, document)
    Path("m").write_text(json.dumps(found, indent=1 if form == "indented" else None), encoding="utf-8-sig")
    assert np.array_equal(opened(), DISC)


def test_of_several_masks_one_is_chosen_by_its_id():
    written("json", disc(SIZE, 10, 10, 5), DISC)
    with pytest.raises(InvalidPrompt, match=r"^m holds 2 masks. Say which by its id: m#1 to m#2"):
        opened()
    assert np.array_equal(opened("m#2"), DISC)
    with pytest.raises(InvalidPrompt, match=r"m holds no mask with the id 3. Say which by its id: m#1 to m#2"):
        opened("m#3")
    Path("m").rename("m#2")
    with pytest.raises(InvalidPrompt, match=r"m#2 holds 2 masks"):
        opened("m#2")  # a file of that name is taken at its word
    assert np.array_equal(opened("m#2#2"), DISC)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"{", InvalidPrompt, "m is no JSON document"),
        (b'{"masks": []}\n{"masks": []}', InvalidPrompt, "m is no JSON document .*Extra data"),
        (b"{" * 100_000, InvalidPrompt, "m is no JSON document"),
        (b'{"a": ' * 100_000, InvalidPrompt, "m is no JSON document"),
        (b"\xff{", InvalidImage, "m is not a picture"),
        (b"[]", InvalidPrompt, "m holds a list"),
        (b'{"masks": []}', InvalidPrompt, "m holds no mask"),
        (b'{"masks": 5}', InvalidPrompt, "dictionary of masks, and no compressed RLE"),
        (b'{"masks": [5]}', InvalidPrompt, "m holds no mask"),
        (b'{"masks": [{"id": []}, {"id": {}}]}', InvalidPrompt, "m holds 2 masks"),
        (b'{"a": 1}', InvalidPrompt, "dictionary of a, and no compressed RLE"),
        (b'{"size": [48, 64], "counts": "~"}', InvalidPrompt, "does not describe a mask of 64 x 48"),
        (b'{"segmentation": {"segmentation": {}}}', InvalidPrompt, "dictionary of segmentation, and no compressed RLE"),
        (b'{"segmentation": [[1, 2, 3, 4], [5]]}', InvalidPrompt, "m has a mask that is no compressed RLE"),
        (b'{"masks": [{"segmentation": "x"}]}', InvalidPrompt, "m has a mask that is no compressed RLE"),
        (b"", InvalidImage, "m is empty"),
        (b"hello", InvalidImage, "m is not a picture"),
        (encoded(scene()), InvalidPrompt, "m is a picture in colours"),
        (encoded(LEVELS + np.arange(64, dtype=np.uint8) // 16), InvalidPrompt, "m has grey levels from 0 to 3"),
        (encoded(LEVELS)[:60], InvalidImage, "m is a broken or truncated PNG"),
        (png_that_claims(50_000, 50_000), TooLarge, "50000 x 50000"),
    ],
)
def test_what_is_no_mask_is_one_error_that_names_the_file(data, kind, words):
    Path("m").write_bytes(data)
    with pytest.raises(kind, match=words):
        opened()


def test_an_id_is_for_a_file_of_several_and_is_a_number():
    Path("m").write_bytes(encoded(LEVELS))
    for word, told in (("m#1", "m is a picture and holds one mask"), ("m#x", "'x' is no id of a mask in m")):
        with pytest.raises(RubylithError, match=told):
            opened(word)
    written("json", DISC)
    assert np.array_equal(opened("m#1"), DISC)
    Path("m").write_text(json.dumps(json.loads(Path("m").read_bytes())["masks"][0]["segmentation"]))
    with pytest.raises(InvalidPrompt, match="m holds one mask"):
        opened("m#1")


def test_a_mask_keeps_within_the_limits_of_pictures():
    Path("m").write_bytes(encoded(LEVELS))
    with pytest.raises(TooLarge, match="the limit is 100"):
        open_previous("m", Limits(max_pixels=100))
    with pytest.raises(NotFound, match="There is no file nowhere"):
        open_previous("nowhere")


@pytest.mark.parametrize(
    "array", [DISC, LEVELS, LEVELS * 255, SOFT, LEVELS.astype(np.int64), LEVELS.astype(np.uint16) * 65535]
)
def test_arrays_are_masks_too(array):
    (one,) = read_prompt(previous=array, options={}).objects
    assert np.array_equal(one.previous.bitmap(), SOFT > 127 if array is SOFT else DISC)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (LEVELS.astype(np.float32), "The previous mask is float32 of shape 48 x 64"),
        (LEVELS[None], "The previous mask is uint8 of shape 1 x 48 x 64"),
        (np.arange(12, dtype=np.int64).reshape(3, 4), "The previous mask has grey levels from 0 to 11"),
        ([[True, False], [True]], "The previous mask is a list, and no array of one shape"),
        (np.zeros((0, 4), np.uint8), "The previous mask is uint8 of shape 0 x 4"),
    ],
)
def test_arrays_that_are_no_masks_are_refused(array, words):
    with pytest.raises(InvalidPrompt, match=words):
        read_prompt(previous=array, options={})


def test_a_mask_is_taken_whole_and_as_a_record():
    whole = mask(DISC)
    record = {"id": 1, "segmentation": {"size": [48, 64], "counts": whole.rle.counts.decode()}}
    for previous in (whole, whole.rle, record, record["segmentation"]):
        assert read_prompt(previous=previous, options={}).objects[0].previous == RLE.from_bitmap(DISC)
    assert read_prompt(options={}) == Everything()
