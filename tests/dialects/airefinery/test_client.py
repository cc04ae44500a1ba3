"""The vendor's own client, in both generations, sync and async, against a running server."""

import base64
import io
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from tests.dialects.airefinery.asking import (
    ALSO_ON_RED,
    KEY,
    MODEL,
    ON_BLUE,
    ON_RED,
    PICTURE,
    at,
    drawing,
    every_place_taken,
    mask_of,
    until,
    values,
)
from tests.pictures import encoded
from tests.running import serve
from tests.vendors import CLIENTS, run_python

DRIVER = Path(__file__).with_name("driver.py")
EXAMPLES = Path(__file__).parents[3] / "examples"
GENERATIONS = ("airefinery", "airefinery-login")
EVERY_WAY = [(generation, how) for generation in GENERATIONS for how in ("sync", "async")]
every_way = pytest.mark.parametrize(("generation", "how"), EVERY_WAY)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": KEY}) as running:
        yield running


@pytest.fixture
def drive(running, tmp_path):
    """Runs the client: for each base its answers and the models it was told, or what it raised."""

    def drive(generation, how, *asks, bases=("",), key=KEY, login=True, at_once=False, models=False):
        told = tmp_path / "told.json"
        asking = {"bases": [f"{running.address}/airefinery{base}" for base in bases], "key": key, "how": how}
        told.write_text(json.dumps({**asking, "login": login, "asks": asks, "at_once": at_once, "models": models}))
        return run_python(generation, DRIVER, {"AIR_CACHE_DIR": str(tmp_path / "air"), "AIR_SILENT": "1"}, str(told))

    return drive


def ask(points, picture=PICTURE, **more):
    """Arguments of `images.segment`."""
    return {"image": base64.b64encode(picture).decode(), "segment_prompt": points, "model": MODEL, **more}


def mask_in(answer):
    assert answer["status"] == 200, answer
    return mask_of(answer["b64_json"])


def turned():
    """The drawing lying on its side, with EXIF that turns it upright."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    lying = PIL.Image.fromarray(drawing()).transpose(PIL.Image.Transpose.ROTATE_90)
    return encoded(lying, "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    ("client", "name"), [(GENERATIONS[0], "airefinery.py"), (GENERATIONS[1], "airefinery_login.py")]
)
def test_the_published_example_runs_with_another_base_url(client, name, running, tmp_path):
    python = CLIENTS / f".venv-{client}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs the client {client}: run tests/clients/install.sh")
    environment = {"RUBYLITH_SERVER": running.address, "RUBYLITH_KEY": KEY, "PATH": ""}
    done = subprocess.run(
        [str(python), str(EXAMPLES / name)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "mask.png: label None, score 0." in done.stdout
    mask = np.array(PIL.Image.open(io.BytesIO((tmp_path / "mask.png").read_bytes())))
    assert mask.shape == (400, 600)
    assert mask[150, 290] == 1
    assert values(mask) == [0, 1]


@every_way
def test_cases_01_to_10_and_18(generation, how, drive):
    one, two, same, objects, extra, upright, prefixed = (
        ask([[ON_RED]]),
        ask([[ON_RED, ON_BLUE]]),
        ask([[ON_RED, ALSO_ON_RED]]),
        ask([[[ON_RED, ALSO_ON_RED], [ON_BLUE]]]),
        ask([[ON_RED]], n=2, user="u1", extra_body={"multimask_output": False}, extra_headers={"X-A": "1"}),
        ask([[ON_RED]], turned()),
        ask([[ON_RED]]) | {"image": "data:image/png;base64," + base64.b64encode(PICTURE).decode()},
    )
    (result,) = drive(generation, how, one, two, same, objects, extra, upright, prefixed, models=True)
    answers = result["answers"]
    masks = [mask_in(answer) for answer in answers]
    assert [values(mask) for mask in masks[:4]] == [[0, 1], [0, 1, 2], [0, 1], [0, 1, 2]]
    assert masks[0].shape == drawing().shape[:2]
    assert (at(masks[1], ON_RED), at(masks[1], ON_BLUE)) == (1, 2)
    assert [at(masks[3], point) for point in (ON_RED, ALSO_ON_RED, ON_BLUE)] == [1, 1, 2]
    assert answers[4]["b64_json"] == answers[6]["b64_json"] == answers[0]["b64_json"]
    assert masks[5].shape == drawing().shape[:2]
    assert at(masks[5], ON_RED) == 1
    assert all(0 <= a["score"] <= 1 and a["label"] is None and a["usage"] is None for a in answers)
    assert all(abs(a["created"] - time.time()) < 120 for a in answers)
    assert MODEL in result["models"]


def test_case_02_and_03_every_client_gets_the_same_bytes(drive):
    answers = [drive(*way, ask([[ON_RED, ON_BLUE]]))[0]["answers"][0] for way in EVERY_WAY]
    assert len({answer["b64_json"] for answer in answers}) == 1


@every_way
def test_cases_12_to_16(generation, how, drive):
    asks = [
        ask([[ON_RED]]) | {"image": "!!!not base64!!!"},
        ask([[ON_RED]], b"text"),
        *(ask(prompt) for prompt in ([], [[]], [[450, 600]], "text", [[ON_RED], [ON_BLUE]])),
        ask([[[200, 10]]]),
        ask([[[-1, 10]]]),
        ask([[ON_RED]]) | {"model": "no/such-model"},
    ]
    answers = drive(generation, how, *asks)[0]["answers"]
    assert [answer["status"] for answer in answers] == [400, 400, *[422] * 7, 404]
    if how == "sync":
        assert "image_prompt" in answers[0]["detail"]
        assert answers[7]["detail"][0]["loc"] == ["body", "segment_prompt", 0, 0]
        assert "no/such-model" in answers[9]["detail"]


@pytest.mark.parametrize("key", ["wrong", ""])
def test_case_11_and_12_a_wrong_key(key, drive):
    for generation in GENERATIONS:
        (answer,) = drive(generation, "sync", ask([[ON_RED]]), key=key)[0]["answers"]
        assert answer["status"] == 401
        assert answer["detail"]
    assert "AuthenticationError" in drive("airefinery", "async", key=key)[0]["raised"]


@pytest.mark.parametrize(
    ("generation", "login"), [(GENERATIONS[0], False), (GENERATIONS[1], True), (GENERATIONS[1], False)]
)
@pytest.mark.parametrize("how", ["sync", "async"])
def test_case_03_every_spelling_of_the_base_url(generation, login, how, drive):
    bases = ("", "/", "/joint", "/inference", "//inference/")
    for result in drive(generation, how, ask([[ON_RED]]), bases=bases, login=login):
        assert values(mask_in(result["answers"][0])) == [0, 1]


@every_way
def test_case_20_sixteen_at_once(generation, how, drive):
    asks = [ask([[ON_RED, ON_BLUE]])] * 16
    answers = drive(generation, how, *asks, at_once=True)[0]["answers"]
    assert {answer["status"] for answer in answers} == {200}
    assert len({answer["b64_json"] for answer in answers}) == 1


@pytest.mark.parametrize("generation", GENERATIONS)
def test_case_19_a_client_that_gives_up_leaves_the_server_well(generation, drive, running):
    with every_place_taken(running) as waiting, ThreadPoolExecutor(1) as pool:
        for seconds in (0.5, 4, 32):  # a slow machine may not have taken it on before the client gives up
            given_up = pool.submit(drive, generation, "async", ask([[ON_RED]], timeout=seconds))
            was_taken_on = False
            while not given_up.done():
                was_taken_on = was_taken_on or waiting() == 1
                time.sleep(0.01)
            (result,) = given_up.result()
            assert result["answers"] == [{"status": "timed out"}]
            if was_taken_on:
                break
        assert was_taken_on
        until(lambda: waiting() == 0)
    assert values(mask_in(drive(generation, "async", ask([[ON_RED]]))[0]["answers"][0])) == [0, 1]
