"""Models of a running server: listed with licence and size, fetched while it serves, loaded and unloaded."""

import contextlib
import gc
import threading
import time
import weakref
from pathlib import Path

import pytest
from tests.dialects.native.test_native import CLICK, DATA_URI
from tests.engine.origins import ENCODER, NAME, host, write_mirror
from tests.running import Running, serve

from rubylith.domain.caller import Scope
from rubylith.engine.catalog import catalog
from rubylith.engine.weights import Store

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-sam"
GRAPHS = {path.name: path.read_bytes() for path in TINY.iterdir() if path.suffix in {".onnx", ".json"}}


@contextlib.contextmanager
def server(folder: Path, **environment: str):
    """A server that takes models from where it is told, or from nowhere."""
    settings = {"RUBYLITH_MODELS": str(folder / "models"), "RUBYLITH_HUB": "http://127.0.0.1:1", **environment}
    with serve(folder / "home", settings) as running:
        yield running


def state_of(running: Running, name: str = NAME) -> dict:
    return next(model for model in running.http.get("/v1/models").json() if model["name"] == name)


def pulled(running: Running, name: str = NAME, seconds: float = 30) -> dict:
    """The model once its pull has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = state_of(running, name)
        if state["pull"] is None or state["pull"]["state"] == "failed":
            return state
        time.sleep(0.02)
    raise AssertionError(f"{name} is still being pulled")


def test_every_model_of_the_catalogue_is_shown_with_licence_and_size(tmp_path):
    with server(tmp_path) as running:
        rows = running.http.get("/v1/models").json()
        assert [row["name"] for row in rows] == ["embedded", *catalog()]
        tiny = state_of(running, "sam2.1-tiny")
    assert (tiny["pulled"], tiny["loaded"], tiny["pull"]) == (False, False, None)
    assert (tiny["licence"], tiny["licence_class"], tiny["bytes"]) == ("Apache-2.0", "permissive", 155_610_424)


def test_a_model_that_nobody_publishes_is_not_said_to_be_fetched(tmp_path):
    with server(tmp_path) as running:
        answer = running.http.post("/v1/segment", json={"image": DATA_URI, "model": "eomt-coco-small"})
        detector = running.http.post("/v1/segment", json={"image": DATA_URI, "model": "fastestdet"})
    assert answer.status_code == 409
    assert "`rubylith models export eomt-coco-small`" in answer.json()["hint"]
    assert "/pull" not in answer.json()["hint"]
    assert "is a detector" in detector.json()["detail"]


def test_a_model_is_pulled_while_the_server_serves_and_then_cuts(tmp_path):
    write_mirror(tmp_path / "share", NAME, GRAPHS)
    with server(tmp_path, RUBYLITH_MIRROR=str(tmp_path / "share")) as running:
        before = running.http.post("/v1/segment", json={"image": DATA_URI, "model": NAME, **CLICK})
        assert (before.status_code, before.json()["type"]) == (409, "/v1/problems/WeightsMissing")
        assert f"POST /v1/models/{NAME}/pull" in before.json()["hint"]
        assert running.http.post("/v1/jobs", json={"image": DATA_URI, "model": NAME, **CLICK}).status_code == 409
        assert running.http.post(f"/v1/models/{NAME}/pull").status_code == 202
        assert pulled(running)["pulled"] is True
        after = running.http.post("/v1/segment", json={"image": DATA_URI, "model": NAME, **CLICK})
        assert (after.status_code, after.json()["model"]) == (200, NAME)
        assert state_of(running)["loaded"] is True
        again = running.http.post(f"/v1/models/{NAME}/pull")
        assert (again.status_code, again.json()["pull"]) == (200, None)


def test_progress_is_told_and_a_second_order_joins_the_first(tmp_path):
    write_mirror(tmp_path / "share")
    go_on = threading.Event()
    with (
        host(tmp_path / "share", hold=go_on) as mirror,
        server(tmp_path, RUBYLITH_MIRROR=mirror.url) as running,
    ):
        for _ in range(3):
            assert running.http.post(f"/v1/models/{NAME}/pull").json()["pull"]["state"] in {"waiting", "running"}
        while (pull := state_of(running)["pull"])["total"] is None:
            time.sleep(0.01)
        assert pull == {"state": "running", "received": 0, "total": 413_000, "problem": None}
        go_on.set()
        assert pulled(running)["pulled"] is True
        assert mirror.starts(ENCODER) == [0]


def test_a_pull_that_fails_says_why_and_goes_on_when_asked_again(tmp_path):
    write_mirror(tmp_path / "share")
    with (
        host(tmp_path / "share", break_after=100_000) as mirror,
        server(tmp_path, RUBYLITH_MIRROR=mirror.url) as running,
    ):
        running.http.post(f"/v1/models/{NAME}/pull")
        state = pulled(running)
        assert (state["pulled"], state["pull"]["state"], state["pull"]["received"]) == (False, "failed", 300_000)
        assert state["pull"]["problem"]["kind"] == "SourceUnreachable"
        assert "broke after 300000 of 350000 bytes" in state["pull"]["problem"]["detail"]
        mirror.break_after = None
        running.http.post(f"/v1/models/{NAME}/pull")
        assert pulled(running)["pulled"] is True
        assert mirror.starts(ENCODER)[-1] == 300_000


@pytest.mark.parametrize(
    ("name", "environment", "status", "kind"),
    [
        ("sam9", {}, 400, "UnknownName"),
        (NAME, {"RUBYLITH_OFFLINE": "1"}, 409, "WeightsMissing"),
        (NAME, {"RUBYLITH_LICENSES": "copyleft"}, 400, "LicenceNotAllowed"),
        ("mobile-sam", {}, 409, "WeightsMissing"),
        (NAME, {"RUBYLITH_PROVIDER": "openvino", "RUBYLITH_PRECISION": "int8"}, 409, "WeightsMissing"),
    ],
)
def test_what_cannot_be_pulled_is_said_at_once(tmp_path, name, environment, status, kind):
    with server(tmp_path, **environment) as running:
        answer = running.http.post(f"/v1/models/{name}/pull")
    assert (answer.status_code, answer.json()["type"]) == (status, f"/v1/problems/{kind}")


@pytest.mark.parametrize(
    ("model", "called", "hint"),
    [
        ("{}/secret-models/mine", "The model 'mine'", "Give a folder that `rubylith models export` wrote"),
        ("slimsam-77", "The model 'slimsam-77'", "Get them with `rubylith models pull slimsam-77`"),
    ],
)
def test_callers_of_a_model_whose_files_are_gone_see_no_folder_and_the_log_does(tmp_path, caplog, model, called, hint):
    with server(tmp_path / "secret-models", RUBYLITH_MODEL=model.format(tmp_path)) as running:
        now = running.http.post("/v1/segment", json={"image": DATA_URI, **CLICK})
        embedded = running.http.post("/v1/embeddings", json={"image": DATA_URI})
        job = running.http.post("/v1/jobs", json={"image": DATA_URI, **CLICK}).json()
        later = running.finished(job["id"]) if "id" in job else job
        fal = running.http.post("/fal/run/fal-ai/sam2/image", json={"image_url": DATA_URI})
    assert (now.status_code, now.json()["type"]) == (409, "/v1/problems/WeightsMissing")
    assert now.json()["detail"] == f"{called} lacks files on this server, or they were replaced"
    assert now.json()["hint"] == hint
    assert (embedded.status_code, embedded.json()["detail"]) == (409, now.json()["detail"])
    assert (job.get("state", 409), fal.status_code) == ("queued", 503)
    assert now.json()["detail"] in str(later)
    for told in (now.text, embedded.text, str(later["problem"]), fal.text):
        assert "secret-models" not in told
        assert str(tmp_path) not in told
    assert str(tmp_path / "secret-models") in caplog.text


def test_a_pull_that_may_ask_nobody_tells_the_caller_no_folder(tmp_path):
    with server(tmp_path, RUBYLITH_OFFLINE="1") as running:
        answer = running.http.post(f"/v1/models/{NAME}/pull")
    assert (answer.status_code, "RUBYLITH_OFFLINE" in answer.json()["hint"]) == (409, True)
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize(
    ("case", "kind", "detail"),
    [
        ("no such mirror", "NotFound", "The mirror of this server lacks files of 'sam-base'"),
        ("a mirror without the model", "NotFound", "The mirror of this server lacks files of 'sam-base'"),
        ("a mirror that is no zip", "SourceUnreachable", "The mirror of this server could not be read"),
        ("a folder that cannot be made", "NotAccessible", "The folder of models of this server could not be written"),
        ("a hub that is a proxy", "SourceUnreachable", "The mirror of this server could not be read"),
    ],
)
def test_what_a_pull_fails_of_tells_the_caller_no_folder_and_the_log_does(tmp_path, caplog, case, kind, detail):
    secret = tmp_path / "secret"
    mirror, models = secret / "share", secret / "models"
    if case == "a mirror that is no zip":
        secret.mkdir()
        mirror.write_bytes(b"none")
    elif case == "a folder that cannot be made":  # which is refused for everyone, root too
        write_mirror(mirror)
        models.write_bytes(b"")
    elif case == "a mirror without the model":
        mirror.mkdir(parents=True)
    source = {"RUBYLITH_MIRROR": str(mirror)}
    if case == "a hub that is a proxy":
        source = {"RUBYLITH_HUB": f"http://127.0.0.1:1{secret}"}
    with server(tmp_path, RUBYLITH_MODELS=str(models), **source) as running:
        begun = running.http.post(f"/v1/models/{NAME}/pull")
        problem = pulled(running)["pull"]["problem"]
        told = begun.text + running.http.get("/v1/models").text + running.http.post(f"/v1/models/{NAME}/pull").text
    assert (problem["kind"], problem["detail"]) == (kind, detail)
    assert str(tmp_path) not in told
    assert str(secret) in caplog.text


def test_one_model_whose_list_is_damaged_is_shown_as_not_here_and_mended_by_a_pull(tmp_path):
    write_mirror(tmp_path / "share")
    Store(tmp_path / "models", str(tmp_path / "share")).pull(NAME)
    (tmp_path / "models" / NAME / "files.json").write_text("{")
    with server(tmp_path, RUBYLITH_MIRROR=str(tmp_path / "share")) as running:
        assert state_of(running)["pulled"] is False
        running.http.post(f"/v1/models/{NAME}/pull")
        assert pulled(running)["pulled"] is True


def test_a_server_that_counts_in_bfloat16_pulls_the_files_of_fp32(tmp_path):
    write_mirror(tmp_path / "share")
    bf16 = {"RUBYLITH_PROVIDER": "openvino", "RUBYLITH_PRECISION": "bf16"}
    with server(tmp_path, RUBYLITH_MIRROR=str(tmp_path / "share"), **bf16) as running:
        running.http.post(f"/v1/models/{NAME}/pull")
        assert pulled(running)["pulled"] is True


def test_pulling_needs_a_key_with_the_scope(tmp_path):
    write_mirror(tmp_path / "share")
    with server(tmp_path, RUBYLITH_MIRROR=str(tmp_path / "share")) as running:
        access = running.built.service.access
        plain, keyed = access.create("plain"), access.create("keyed", frozenset({Scope.MODELS}))
        with running.client(plain.secret) as http:
            assert http.post(f"/v1/models/{NAME}/pull").status_code == 403
        with running.client(keyed.secret) as http:
            assert http.post(f"/v1/models/{NAME}/pull").status_code == 202


def test_a_server_stops_at_once_in_the_midst_of_a_pull(tmp_path):
    write_mirror(tmp_path / "share")
    with host(tmp_path / "share", hold=threading.Event()) as mirror:
        with server(tmp_path, RUBYLITH_MIRROR=mirror.url) as running:
            running.http.post(f"/v1/models/{NAME}/pull")
        assert Store(tmp_path / "models").installed() == ()


def test_an_unloaded_model_is_really_gone_from_memory(tmp_path):
    Store(tmp_path / "models").register_export(NAME, TINY)
    with server(tmp_path) as running:
        models = running.built.service.worker.models
        assert running.http.post(f"/v1/models/{NAME}/load").status_code == 200
        running.http.post("/v1/segment", json={"image": DATA_URI, "model": NAME, **CLICK})
        engine = weakref.ref(models.get(NAME))
        segmenter = weakref.ref(models.get(NAME)._segmenter)
        held = models._cache.figures().held_bytes
        assert held > 0
        assert running.http.post(f"/v1/models/{NAME}/unload").status_code == 200
        gc.collect()
        assert (engine(), segmenter()) == (None, None)
        assert models._cache.figures().held_bytes < held
        assert state_of(running)["loaded"] is False
