"""Words that need nothing downloaded, on drawn pictures and a photograph."""

import subprocess
import sys

import numpy as np
import pytest

from rubylith.domain.errors import InvalidPrompt, UnknownWord
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import Mode, Text
from rubylith.domain.rle import RLE
from rubylith.engine.catalog import known_universals
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device
from rubylith.engine.shelf import Shelf
from rubylith.engine.words.colours import COLOURS, EXAMPLES, name_colours
from rubylith.engine.words.faces import find_faces
from rubylith.engine.words.modes import in_mode
from rubylith.engine.words.scenes import names_of

SIZE = Size(120, 160)
RED, BLUE = (200, 30, 40), (30, 60, 190)


def picture():
    """Grey ground with a large red square on the left, a small red one on the right and a blue one below it."""
    pixels = np.full((SIZE.height, SIZE.width, 3), 128, np.uint8)
    pixels[35:85, 25:75] = RED
    pixels[20:45, 110:135] = RED
    pixels[65:95, 110:140] = BLUE
    return Image(pixels, "drawn")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine("embedded", models_folder=tmp_path_factory.mktemp("models"))


def found(engine, *phrases, **options):
    return engine.segment(picture(), Text(phrases, **options)).masks


def corners(mask):
    return tuple(int(edge) for edge in (mask.box.x0, mask.box.y0, mask.box.x1, mask.box.y1))


@pytest.mark.parametrize(
    ("phrase", "boxes"),
    [
        ("red", [(25, 35, 75, 85), (110, 20, 135, 45)]),
        ("blue", [(110, 65, 140, 95)]),
        ("green", []),
        ("red on the right", [(110, 20, 135, 45)]),
        ("the largest red thing", [(25, 35, 75, 85)]),
        ("the smallest red object", [(110, 20, 135, 45)]),
        ("the bottom thing", [(110, 65, 140, 95)]),
        ("largest object", [(25, 35, 75, 85)]),
        ("left", [(25, 35, 75, 85)]),
        ("the two largest red things", [(25, 35, 75, 85), (110, 20, 135, 45)]),
        ("big red things", [(25, 35, 75, 85)]),
        ("small red things", [(110, 20, 135, 45)]),
        ("the smaller red thing", [(110, 20, 135, 45)]),
    ],
)
def test_colours_sizes_and_places(engine, phrase, boxes):
    masks = found(engine, phrase)
    seen = sorted(corners(mask) for mask in masks)
    assert len(seen) == len(boxes)
    assert np.allclose(seen, sorted(boxes), atol=2)
    assert {mask.label.name for mask in masks} <= {phrase}


def test_what_is_left_out_is_in_no_mask(engine):
    masks = found(engine, "red", without=("the largest object",))
    assert [mask.label.name for mask in masks] == ["red"]
    assert corners(masks[0]) == pytest.approx((110, 20, 135, 45), abs=2)
    assert not found(engine, "red", without=("red",))
    upper = engine.segment(picture(), Text(("largest object",), without=("left",))).masks
    assert not upper


def test_a_limit_says_how_many_of_the_largest(engine):
    assert len(found(engine, "largest red thing")) == 1
    assert len(found(engine, "largest red thing", limits=(2,))) == 2
    with pytest.raises(InvalidPrompt, match="2 limits were given for 1 phrases"):
        Text(("red",), limits=(1, 2))


def test_a_phrase_that_says_more_than_a_name_is_refused_with_what_is_known_of_it(engine):
    with pytest.raises(UnknownWord, match="knows 'person in front of the car', only 'person'") as caught:
        engine.check(Text(("person in front of the car",)))
    assert "Or name 'person' alone" in caught.value.hint
    with pytest.raises(UnknownWord, match="fastestdet does not know 'dog on the sofa', only 'dog'"):
        engine.check(Text(("red", "dog on the sofa"), detector="fastestdet"))
    with pytest.raises(UnknownWord, match="'cat under the table', only 'cat'"):
        engine.check(Text(("red",), without=("cat under the table",)))


def test_objects_are_the_things_and_never_the_ground(engine):
    masks = found(engine, "objects")
    squares = [(25, 35, 75, 85), (110, 20, 135, 45), (110, 65, 140, 95)]
    assert all(any(np.allclose(corners(mask), square, atol=2) for mask in masks) for square in squares)
    assert sum(mask.area for mask in masks) < SIZE.area / 3


def test_subject_and_background_share_no_pixel(engine):
    masks = found(engine, "subject", "background", mode=Mode.PANOPTIC)
    assert {mask.label.name: mask.label.is_thing for mask in masks} == {"subject": True, "background": False}
    assert sum(mask.area for mask in masks) == SIZE.area


def test_semantic_gives_one_mask_per_phrase(engine):
    masks = found(engine, "red", "blue", mode=Mode.SEMANTIC)
    assert sorted(mask.label.name for mask in masks) == ["blue", "red"]
    assert max(mask.area for mask in masks) == pytest.approx(50 * 50 + 25 * 25, abs=60)


def test_a_word_that_nobody_here_knows_names_the_model_to_pull(engine):
    with pytest.raises(UnknownWord, match="rubylith models pull fastestdet"):
        engine.check(Text(("cars",)))
    with pytest.raises(UnknownWord, match="No model on this machine knows 'unicorn'") as caught:
        engine.check(Text(("red", "unicorn")))
    assert "takes any words with `rubylith models pull owlv2-base`" in caught.value.hint
    with pytest.raises(UnknownWord, match="The detector fastestdet does not know 'unicorn'"):
        engine.check(Text(("unicorn",), detector="fastestdet"))
    with pytest.raises(UnknownWord, match="rubylith models pull llmdet-tiny"):
        engine.check(Text(("unicorn",), detector="llmdet-tiny"))


def test_what_is_not_here_is_told_without_loading_what_would_run_it():
    code = (
        "import sys, tempfile, pathlib\n"
        "from rubylith.domain.errors import UnknownWord\nfrom rubylith.domain.prompt import Text\n"
        "from rubylith.engine.engine import Engine\n"
        "engine = Engine('embedded', models_folder=pathlib.Path(tempfile.mkdtemp()))\n"
        "for word in ('cars', 'unicorn'):\n"
        "    try: engine.check(Text((word,)))\n"
        "    except UnknownWord: pass\n"
        "    else: raise SystemExit('known')\n"
        "print(*sorted(set(sys.modules) & {'tokenizers', 'torch', 'onnxruntime', 'rubylith.engine.detectors.owlv2'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("word", "model"),
    [("roads", "eomt-coco-small"), ("sky", "eomt-coco-small"), ("grass", "eomt-coco-small"),
     ("tree", "eomt-coco-small"), ("chandelier", "oneformer-ade20k")],
)  # fmt: skip
def test_what_only_universal_models_name_leads_to_the_smallest_that_does(word, model, tmp_path):
    shelf = Shelf(tmp_path, Device())
    with pytest.raises(
        UnknownWord, match=f"knows '{word}'.*`rubylith models export {model}`, and ask the model {model}"
    ):
        shelf.choose(word)
    (tmp_path / model).mkdir()
    (tmp_path / model / "files.json").write_text('{"files": {}}')
    with pytest.raises(UnknownWord, match=f"No detector on this machine knows '{word}'. Ask the model {model}"):
        shelf.choose(word)


def test_every_universal_model_of_the_catalogue_says_what_it_names():
    assert {len(names_of(name)) for name in known_universals()} == {133 - 80, 150}
    assert names_of("embedded") == ()


def test_text_is_bounded():
    wrong = [
        ((), {}),
        (("a",) * 101, {}),
        (("car",), {"threshold": 2}),
        (("car", "dog"), {"threshold": (0.5, -1)}),
        (("car", "dog"), {"threshold": (0.5,)}),
        (("car",), {"max_masks": 0}),
    ]
    for phrases, options in wrong:
        with pytest.raises(InvalidPrompt):
            Text(phrases, **options)


def test_a_threshold_is_for_all_phrases_or_for_each():
    assert Text(("car", "dog"), threshold=0.5).thresholds == {"car": 0.5, "dog": 0.5}
    assert Text(("car", "dog", "car"), threshold=(0.5, 0.1, 0.9)).thresholds == {"car": 0.5, "dog": 0.1}
    assert Text(("car",)).thresholds == {"car": None}


def test_words_need_the_picture(engine):
    embedding = engine.embed(picture())
    with pytest.raises(InvalidPrompt, match="Send the picture"):
        engine.segment(None, Text(("red",)), embedding=embedding)


@pytest.mark.parametrize("colour", COLOURS)
def test_each_example_has_its_own_name(colour):
    for example in EXAMPLES[colour]:
        assert COLOURS[name_colours(np.full((9, 9, 3), example, np.uint8))[4, 4]] == colour


def test_a_face_is_found_and_noise_is_not():
    data = pytest.importorskip("skimage.data")
    ((box, score), *others) = find_faces(data.astronaut())
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((173, 65, 271, 163), abs=15)
    assert 0 < score < 1
    assert all(score < 0.35 for _, score in others)
    assert find_faces(np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)) == ()


def named(name, bitmap, score, *, is_thing=True):
    rle = RLE.from_bitmap(bitmap)
    return Mask(rle, rle.box, score, label=Label(name, is_thing=is_thing, score=score))


def test_panoptic_keeps_things_apart_and_unites_stuff():
    rows = np.arange(SIZE.height)[:, None] * np.ones(SIZE.width, int)
    masks = [
        named("car", rows < 40, 0.9),
        named("car", (rows >= 30) & (rows < 60), 0.8),
        named("road", rows >= 50, 0.7),
        named("road", rows >= 100, 0.6),
    ]
    result, is_disjoint = in_mode(masks, Mode.PANOPTIC, SIZE)
    assert is_disjoint
    assert [(mask.label.name, mask.label.is_thing) for mask in result] == [
        ("car", True),
        ("car", True),
        ("road", False),
    ]
    assert sum(mask.rle.bitmap().astype(int) for mask in result).max() == 1
    assert sum(mask.area for mask in result) == SIZE.area
