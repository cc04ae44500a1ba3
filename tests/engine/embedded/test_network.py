"""What the network is shown and what becomes of its answers, with a network that knows only red."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from tests.engine.embedded.finds_red import FILE
from tests.engine.embedded.shapes import clover_scene, disc_scene, iou
from training.nano import crops as trained

from rubylith.domain.errors import ModelFailed
from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.domain.rle import RLE
from rubylith.engine import prompted
from rubylith.engine.embedded import choice, clicks, crops, network
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.opinions import guess_box, guess_click
from rubylith.engine.embedded.picture import read_picture
from rubylith.engine.embedded.prompts import working_click
from rubylith.engine.engine import Engine
from rubylith.engine.models.embedded import Embedded, load
from rubylith.engine.runtimes import Device

NANO = Nano(Device(), FILE)
MODEL = Embedded(NANO)
WINDOWS = [(90.0, 95.0, 240.0), (3.2, 170.7, 60.5), (120.0, 90.0, 24.0), (239.0, 0.0, 500.0), (64.5, 64.5, 128.0)]


def image(pixels: np.ndarray) -> Image:
    return Image(np.ascontiguousarray(pixels), "digest")


def large_disc(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The scene at another size, by its longer side, and its true mask."""
    pixels, disc = disc_scene()
    size = side, side * pixels.shape[0] // pixels.shape[1]
    return (
        cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR),
        cv2.resize(disc.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR) > 127,
    )


@pytest.mark.parametrize("place", WINDOWS)
def test_the_engine_shows_the_network_what_it_was_trained_on(place):
    pixels, disc = disc_scene()
    mine, theirs = crops.Window(*place), trained.Window(*place)
    thumb, scale = trained.thumbnail(pixels)
    wanted, against, box = [(90.5, 95.5), (100.0, 60.0)], [(20.5, 20.5)], (35.0, 40.0, 146.0, 151.0)
    inside = [[theirs.inside(x, y, crops.CROP) for x, y in places] for places in (wanted, against)]
    corners = (*theirs.inside(*box[:2], crops.CROP), *theirs.inside(*box[2:], crops.CROP))
    previous = trained.cut_mask(disc.astype(np.uint8), theirs, crops.CROP) * np.uint8(255)
    hints = crops.Hints(wanted, against, box, disc)
    assert np.array_equal(crops.thumbnail(pixels), thumb)
    assert np.array_equal(crops.cut(pixels, mine), trained.cut(pixels, theirs, crops.CROP))
    assert np.array_equal(crops.hint_planes(mine, hints), trained.hint_planes(crops.CROP, *inside, corners, previous))
    assert np.array_equal(crops.context_planes(thumb, 240, mine, wanted), trained.context(thumb, scale, theirs, wanted))


@pytest.mark.parametrize("side", [120, 240, 900, 1700])
def test_a_mask_lies_where_its_object_lies_whatever_the_size_and_the_crop(side):
    pixels, disc = large_disc(side)
    picture = read_picture(pixels)
    scale = side / 240
    truth = cv2.resize(disc.astype(np.uint8) * 255, picture.small.shape[1::-1], interpolation=cv2.INTER_AREA) > 127
    guesses = guess_click(NANO, picture.view, [(90 * scale, 95 * scale)], [])
    whole = [guess for guess in guesses[::3] if guess.rim == 0]  # of each crop the mask of what is red
    assert len(guesses) == 15
    assert whole
    assert all(iou(guess.mask(truth.shape), truth) > 0.96 for guess in whole)
    likely = guess_box(NANO, picture.view, tuple(v * scale for v in (35, 40, 146, 151)), truth.shape)
    assert iou(likely > 0.5, truth) > 0.96


def test_the_network_hears_clicks_boxes_and_nothing_else():
    view = read_picture(disc_scene()[0]).view
    window = crops.Window(90, 95, 200)
    for hints, promised in (
        (crops.Hints(positive=[(90.0, 95.0)]), 0.9),
        (crops.Hints(negative=[(90.0, 95.0)]), 0.9),
        (crops.Hints(box=(80.0, 80.0, 99.0, 99.0)), 0.9),
        (crops.Hints(previous=disc_scene()[1]), 0.0),
    ):
        (opinion,) = NANO.ask(view, [window], hints)
        assert opinion.predicted_ious[0] == pytest.approx(promised, abs=0.01)


def test_a_click_gives_three_different_candidates_that_hold_it():
    embedding = MODEL.embed(image(disc_scene()[0]))
    for x, y in ((90, 95), (60, 60), (230, 20), (10, 170)):
        (masks,) = MODEL.decode(embedding, [ObjectPrompt((Point(x + 0.5, y + 0.5),))])
        assert len({mask.rle for mask in masks}) == 3
        assert all(mask.rle.bitmap()[y, x] for mask in masks)
        assert [m.predicted_iou for m in masks] == sorted((m.predicted_iou for m in masks), reverse=True)


def test_negative_clicks_are_obeyed_beside_the_network():
    embedding = MODEL.embed(image(disc_scene()[0]))
    both = (Point(60.5, 60.5), Point(90.5, 95.5, positive=False))
    for mask in MODEL.decode(embedding, [ObjectPrompt(both)])[0]:
        assert mask.rle.bitmap()[60, 60]
        assert not mask.rle.bitmap()[95, 90]


def test_a_box_is_cut_with_the_network_and_stays_in_the_box():
    pixels, disc = disc_scene()
    (mask,) = MODEL.decode(MODEL.embed(image(pixels)), [ObjectPrompt(box=Box(35, 40, 146, 151))])[0]
    assert iou(mask.rle.bitmap(), disc) > 0.95
    (half,) = MODEL.decode(MODEL.embed(image(pixels)), [ObjectPrompt(box=Box(35, 40, 90, 151))])[0]
    assert not half.rle.bitmap()[:, 90:].any()


def test_a_previous_mask_is_corrected_beside_the_network():
    pixels, clover = clover_scene()
    embedding = MODEL.embed(image(pixels))
    empty = RLE.from_bitmap(np.zeros_like(clover))
    for previous in (empty, RLE.from_bitmap(clover & (np.indices(clover.shape)[0] < 90))):
        both = (Point(110.5, 120.5), Point(200.5, 20.5, positive=False))
        (mask,) = MODEL.decode(embedding, [ObjectPrompt(both, previous=previous)])[0]
        assert mask.rle.bitmap()[120, 110]
        assert not mask.rle.bitmap()[20, 200]


def test_a_box_of_a_few_pixels_is_never_left_empty():
    pixels, _ = disc_scene()
    model = load(None, Device())
    embedding = model.embed(image(pixels))
    chance = np.random.default_rng(0)
    corners = [(chance.integers(0, 200), chance.integers(0, 60), side) for side in (4, 5, 6, 7) for _ in range(8)]
    thin = [Box(x, y, x + side, y + side) for x, y, side in corners] + [
        Box(x, y, x + s, y + 110) for x, y, s in corners
    ]
    for (mask,) in model.decode(embedding, [ObjectPrompt(box=box) for box in thin]):
        assert mask.rle.area


def test_a_correction_takes_from_the_network_what_was_clicked_and_leaves_what_was_not():
    pixels, disc = disc_scene()
    pixels[20:50, 140:170] = (190, 50, 50)  # red as well, but nobody clicks on it
    rows, columns = np.indices(disc.shape)
    embedding = MODEL.embed(image(pixels))

    def corrected(previous: np.ndarray, *points: Point) -> np.ndarray:
        prompt = ObjectPrompt(points, previous=RLE.from_bitmap(previous))
        return MODEL.decode(embedding, [prompt])[0][0].rle.bitmap()

    inside = Point(70.5, 95.5)
    assert iou(corrected(disc & (columns < 80), inside, Point(125.5, 95.5)), disc) > 0.97
    spilt = disc | ((np.abs(rows - 95) < 25) & (columns > 90) & (columns < 178))
    assert iou(corrected(spilt, inside, Point(163.5, 95.5, positive=False)), disc) > 0.97


def test_a_correction_that_the_network_does_not_understand_is_left_to_regions():
    pixels, disc = disc_scene()
    # "what is not red" is all that heeds this click, for which the network promises .3
    prompt = ObjectPrompt((Point(210.5, 90.5),), previous=RLE.from_bitmap(disc))
    with_network, without = (
        model.decode(MODEL.embed(image(pixels)), [prompt])[0][0].rle for model in (MODEL, Embedded(None))
    )
    assert with_network == without


def test_a_correction_that_would_take_most_of_the_mask_away_is_left_to_regions():
    pixels, disc = disc_scene()
    both = (Point(90.5, 95.5), Point(20.5, 20.5, positive=False))  # all that is not red, says the network
    prompt = ObjectPrompt(both, previous=RLE.from_bitmap(np.ones_like(disc)))
    with_network, without = (
        model.decode(MODEL.embed(image(pixels)), [prompt])[0][0].rle for model in (MODEL, Embedded(None))
    )
    assert with_network == without


def test_a_correction_leaves_the_outline_alone_where_nothing_was_wrong():
    pixels, disc = disc_scene()
    rows, columns = np.indices(disc.shape)
    tailed = disc & (columns < 110)
    tailed |= (np.abs(rows - 95) < 2) & (columns > 8) & (columns < 40)  # thinner than what outlines are snapped at
    clicks = (Point(60.5, 95.5), Point(130.5, 95.5), Point(5.5, 60.5, positive=False))
    prompt = ObjectPrompt(clicks, previous=RLE.from_bitmap(tailed))
    corrected = MODEL.decode(MODEL.embed(image(pixels)), [prompt])[0][0].rle.bitmap()
    assert corrected[95, 130]
    assert np.array_equal(corrected[:, :60], tailed[:, :60])


@pytest.mark.parametrize("model", [MODEL, Embedded(None)])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_click_on_less_than_a_working_pixel_is_heard(model, wanted):
    pixels, disc = large_disc(1440)
    previous = disc.copy()
    x, y = (540, 570) if wanted else (1200, 200)
    previous[y : y + 2, x : x + 2] = not wanted
    clicks = (Point(400.5, 570.5), Point(x + 0.5, y + 0.5, positive=wanted))
    prompt = ObjectPrompt(clicks, previous=RLE.from_bitmap(previous))
    corrected = model.decode(model.embed(image(pixels)), [prompt])[0][0].rle.bitmap()
    assert (corrected[y : y + 2, x : x + 2] == wanted).all()
    assert iou(corrected, disc) > 0.97


@pytest.mark.parametrize("model", [MODEL, Embedded(None)])
def test_a_mask_of_many_pieces_is_corrected(model):
    rows, columns = np.indices((380, 380))
    checks = (rows + columns) % 2 == 0  # more pieces than 16 bits count
    pixels = np.random.default_rng(0).integers(0, 256, (380, 380, 3), np.uint8)
    clicks = (Point(0.5, 0.5), Point(1.5, 0.5))
    (mask,) = model.decode(model.embed(image(pixels)), [ObjectPrompt(clicks, previous=RLE.from_bitmap(checks))])[0]
    assert mask.rle.bitmap()[0, :2].all()


@pytest.mark.parametrize("model", [MODEL, Embedded(None)])
def test_a_box_bounds_what_clicks_add_and_may_reach_beyond_the_picture(model):
    embedding = model.embed(image(disc_scene()[0]))
    within = ObjectPrompt((Point(60.5, 95.5), Point(130.5, 95.5)), Box(35, 40, 90, 151))
    assert not model.decode(embedding, [within])[0][0].rle.bitmap()[:, 90:].any()
    beyond = model.decode(embedding, [ObjectPrompt(box=Box(-5e4, -5e4, 5e4, 5e4))])[0][0]
    whole = model.decode(embedding, [ObjectPrompt(box=Box(0, 0, 240, 180))])[0][0]
    assert beyond.rle == whole.rle


def test_threads_get_what_they_would_get_alone():
    embedding = MODEL.embed(image(disc_scene()[0]))
    prompts = [ObjectPrompt((Point(x, 95),)) for x in (20, 90, 60, 210)] + [ObjectPrompt(box=Box(35, 40, 146, 151))]
    alone = [MODEL.decode(embedding, [prompt]) for prompt in prompts]
    fresh, model = MODEL.embed(image(disc_scene()[0])), Embedded(Nano(Device(), FILE))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda prompt: model.decode(fresh, [prompt]), prompts)) == alone


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 1), (3, 2000), (3000, 3)])
def test_pictures_of_any_shape_are_answered(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    height, width = shape
    embedding = MODEL.embed(image(pixels))
    middle, whole = Point(width / 2, height / 2), RLE.from_bitmap(np.ones(shape, np.bool_))
    prompts = [
        ObjectPrompt((middle,)),
        ObjectPrompt(box=Box(0, 0, width, height)),
        ObjectPrompt((middle,), Box(0, 0, width, height)),
        ObjectPrompt((Point(middle.x, middle.y, positive=False),), previous=whole),
    ]
    for candidates in MODEL.decode(embedding, prompts):
        assert candidates
        assert all((mask.rle.size.height, mask.rle.size.width) == shape for mask in candidates)


def test_results_name_the_network_that_took_part():
    objects = Objects((ObjectPrompt((Point(90, 95),)),))
    for model, named in ((MODEL, "embedded+nano"), (Embedded(None), "embedded")):
        assert prompted.segment(model, model.embed(image(disc_scene()[0])), objects).model == named
    assert Engine("embedded").segment(image(disc_scene()[0]), Everything()).model == "embedded+nano"


def test_the_package_holds_a_network_of_three_megabytes_at_most_that_sees_the_thing_in_a_box():
    pixels, disc = disc_scene()
    window = crops.Window(90, 95, 160)
    (opinion,) = Nano(Device()).ask(read_picture(pixels).view, [window], crops.Hints(box=(35, 40, 146, 151)))
    best = opinion.logits[opinion.predicted_ious.argmax()] > 0
    assert iou(best, crops.cut_mask(disc, window) > 0) > 0.8
    assert network.FILE.stat().st_size + network.CONTOURS.stat().st_size <= 3_000_000


@pytest.mark.parametrize("missing", ["FILE", "CONTOURS", "CHOICE"])
def test_an_installation_without_one_of_the_files_works_with_regions_alone(missing, tmp_path, monkeypatch):
    monkeypatch.setattr(network, missing, tmp_path / "missing")
    model = load(None, Device())
    pixels, disc = disc_scene()
    embedding = model.embed(image(pixels))
    assert embedding.provenance == "embedded"
    assert iou(model.decode(embedding, [ObjectPrompt(box=Box(35, 40, 146, 151))])[0][0].rle.bitmap(), disc) > 0.95


def test_the_choice_among_candidates_was_fitted_to_what_they_are_described_by():
    picture = read_picture(disc_scene()[0])
    guesses = guess_click(NANO, picture.view, [(90.5, 95.5)], [])
    for described, used in ((guesses, choice.beside_network()), ([], choice.ALONE)):
        features = clicks.measure(picture, (90, 95), described).features
        assert used.linear.shape == features.shape[1:]
        assert np.isfinite(used.merits(features)).all()


def test_the_choice_was_fitted_to_the_networks_in_the_package():
    assert choice.Choice.networks(choice.FILE) == network.digest()
    network.check()


def test_a_choice_is_read_as_it_was_written(tmp_path):
    chance = np.random.default_rng(0)
    written = choice.Choice(*(chance.normal(size=shape) for shape in ((5,), (5, 3), (3,), (3,))))
    written.write(tmp_path / "choice.npz", "digest")
    features = chance.normal(size=(7, 5))
    by_hand = features @ written.linear + np.tanh(features @ written.hidden + written.bias) @ written.out
    assert written.merits(features) == pytest.approx(by_hand)
    assert choice.Choice.read(tmp_path / "choice.npz").merits(features) == pytest.approx(by_hand, abs=1e-5)


def test_the_network_runs_on_the_cpu_whatever_other_models_run_on():
    view = read_picture(disc_scene()[0]).view
    elsewhere = Nano(Device(provider="cuda", precision="fp16"), FILE)
    (opinion,) = elsewhere.ask(view, [crops.Window(90, 95, 200)], crops.Hints(positive=[(90.0, 95.0)]))
    assert opinion.predicted_ious[0] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("name", "changed", "how"),
    [
        ("linear", lambda array: array * np.nan, "linear holds what is no number"),
        ("out", lambda array: array / 0, "out holds what is no number"),
        ("linear", lambda array: array[:-1], "its arrays do not fit together"),
        ("hidden", lambda array: array.T, "its arrays do not fit together"),
        ("bias", lambda array: array[:, None], "its arrays do not fit together"),
        ("out", lambda array: array.astype(str), "could not convert"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_choice_of_no_numbers_or_of_other_shapes_is_damaged(tmp_path, monkeypatch, name, changed, how):
    with np.load(choice.FILE) as arrays:
        content = dict(arrays)
    content[name] = changed(content[name]) if how != "could not convert" else np.full(16, "no number")
    np.savez(tmp_path / "choice.npz", **content)
    monkeypatch.setattr(network, "CHOICE", tmp_path / "choice.npz")
    for read in (lambda: choice.Choice.read(tmp_path / "choice.npz"), network.check):
        with pytest.raises(ModelFailed, match=f"choice.npz, is damaged: .*{how}") as failed:
            read()
        assert failed.value.hint == "Install rubylith again"


def test_a_choice_made_for_other_features_is_damaged(tmp_path, monkeypatch):
    whole = choice.Choice.read(choice.FILE)
    fewer = choice.Choice(whole.linear[1:], whole.hidden[1:], whole.bias, whole.out)
    fewer.write(tmp_path / "choice.npz", network.digest())
    monkeypatch.setattr(network, "CHOICE", tmp_path / "choice.npz")
    with pytest.raises(ModelFailed, match="it weighs 29 features instead of 30"):
        network.check()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_damaged_choice_says_what_to_do(content, tmp_path):
    (tmp_path / "choice.npz").write_bytes(content)
    with pytest.raises(ModelFailed, match="The choice in the package") as failed:
        choice.Choice.read(tmp_path / "choice.npz")
    assert failed.value.hint == "Install rubylith again"


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_file_says_what_to_do(damaged, tmp_path):
    files = [network.FILE, network.CONTOURS]
    (tmp_path / "damaged.onnx").write_bytes(files[damaged].read_bytes()[:100_000])
    files[damaged] = tmp_path / "damaged.onnx"
    model = Embedded(Nano(Device(), *files))
    with pytest.raises(ModelFailed, match="The network in the package") as failed:
        model.decode(model.embed(image(disc_scene()[0])), [ObjectPrompt((Point(90.5, 95.5),))])
    assert failed.value.hint.startswith("Install rubylith again")


@pytest.mark.parametrize("files", [(network.CONTOURS, network.CONTOURS), (network.FILE, network.FILE)])
def test_a_network_in_the_place_of_the_other_says_what_to_do(files):
    model = Embedded(Nano(Device(), *files))
    with pytest.raises(ModelFailed, match="The network in the package") as failed:
        model.decode(model.embed(image(disc_scene()[0])), [ObjectPrompt((Point(90.5, 95.5),))])
    assert failed.value.hint == "Install rubylith again"


@pytest.mark.parametrize("file", ["FILE", "CONTOURS", "CHOICE"])
def test_a_damaged_file_is_told_when_the_model_is_opened(file, tmp_path, monkeypatch):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(getattr(network, file).read_bytes()[:1000])
    monkeypatch.setattr(network, file, damaged)
    with pytest.raises(ModelFailed, match=rf"in the package, {damaged}, is damaged") as failed:
        load(None, Device())
    assert failed.value.hint == "Install rubylith again"


@pytest.mark.parametrize("missing", [("FILE",), ("CONTOURS",), ("FILE", "CONTOURS", "CHOICE")])
def test_files_that_are_missing_are_named(missing, tmp_path, monkeypatch):
    assert network.told() is None
    for file in missing:
        monkeypatch.setattr(network, file, tmp_path / file.lower())
    told = network.told()
    assert told is not None
    names = " and ".join(map(str.lower, missing))
    assert f"because {names} {'is' if len(missing) == 1 else 'are'} not in this installation" in told


def test_a_network_that_fails_at_work_sends_nobody_to_models_verify(tmp_path):
    sides = b"\x0a\x03\x08\x80\x01" * 2  # 128 x 128, as ONNX writes it
    content = FILE.read_bytes()
    assert content.count(sides) >= 1
    (tmp_path / "nano.onnx").write_bytes(content.replace(sides, sides.replace(b"\x80\x01", b"\x80\x02")))
    model = Embedded(Nano(Device(), tmp_path / "nano.onnx"))
    with pytest.raises(ModelFailed, match="The network in the package") as failed:
        model.decode(model.embed(image(disc_scene()[0])), [ObjectPrompt((Point(90.5, 95.5),))])
    assert failed.value.hint == "`rubylith doctor` says whether it is damaged; then install rubylith again"


@pytest.mark.parametrize("model", [MODEL, Embedded(None)])
def test_neighbouring_clicks_of_either_kind_are_obeyed(model):
    pixels, _ = large_disc(1440)
    both = (Point(540.5, 570.5), Point(541.5, 570.5, positive=False))
    for mask in model.decode(model.embed(image(pixels)), [ObjectPrompt(both)])[0]:
        assert mask.rle.bitmap()[570, 540:542].tolist() == [True, False]


@pytest.mark.parametrize("nano", [NANO, None])
@pytest.mark.parametrize("wanted", [True, False])
def test_further_clicks_choose_among_what_the_first_may_mean(nano, wanted):
    picture = read_picture(disc_scene()[0])
    guesses = guess_click(nano, picture.view, [(90.5, 95.5)], []) if nano else []
    middle, rim = (
        working_click(picture, Point(x, 95.5, positive=is_meant)) for x, is_meant in ((90.5, True), (130.5, wanted))
    )
    best = next(clicks.answers(picture, [middle, rim], guesses))
    assert best.mask[middle[1], middle[0]]
    assert best.mask[rim[1], rim[0]] == wanted


def test_the_network_is_not_opened_before_it_is_asked(tmp_path):
    missing = Embedded(Nano(Device(), tmp_path / "nano.onnx"))
    missing.embed(image(disc_scene()[0]))


def test_threads_of_the_networks_do_not_count_while_they_wait():
    nano = Nano(Device())
    for network_ in (nano._network, nano._contours):
        options = network_._session.get_session_options()
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
