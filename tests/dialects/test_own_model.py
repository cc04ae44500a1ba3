"""A model that the operator named by its folder has a name, and nobody who asks is told where it lies."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from tests.dialects.native.test_native import CLICK, DATA_URI
from tests.dialects.vlmrun.chats import PICTURE, chat
from tests.running import Running, serve

from rubylith.domain.geometry import Point
from rubylith.domain.image import Stored
from rubylith.domain.job import Order
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.domain.request import SegmentRequest
from rubylith.service.models import called
from rubylith.service.orders import write_request

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROOMS = ("/", "/v1/models", "/metrics", "/airefinery/v1/models", "/vlmrun/v1/openai/models")


@pytest.fixture
def served(tmp_path, request):
    """A server whose own model is a fixture in a folder of this name."""
    fixture, name = request.param
    folder = shutil.copytree(FIXTURES / fixture, tmp_path / "secret" / name)
    settings = {"RUBYLITH_MODELS": str(tmp_path / "models"), "RUBYLITH_MODEL": f"{folder}/"}
    with serve(tmp_path / "home", settings) as running:
        yield running


def files_of(answer) -> str:
    """What is written in all files of a zip."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def told(running: Running, **prompt: object) -> dict[str, str]:
    """What callers of all sorts read, by what they asked."""
    http = running.http
    job = http.post("/v1/jobs", json={"image": DATA_URI, "format": "coco", **prompt}).json()
    running.finished(job["id"])
    answers = {
        "segment": http.post("/v1/segment", json={"image": DATA_URI, **prompt}).text,
        "files": files_of(
            http.post("/v1/segment", json={"image": DATA_URI, "format": "zip,json,coco,panoptic,polygons", **prompt})
        ),
        "embeddings": http.post("/v1/embeddings", json={"image": DATA_URI}).text,
        "job": http.get(f"/v1/jobs/{job['id']}").text,
        "logs": http.get(f"/v1/jobs/{job['id']}/logs").text,
        "chat": http.post("/vlmrun/v1/openai/chat/completions", json=chat(image=DATA_URI)).text,
        "load": http.post("/v1/models/mine/load").text,
    }
    return {**answers, **{room: http.get(room).text for room in ROOMS}}


@pytest.mark.parametrize("served", [("tiny-sam", "mine")], indirect=True)
def test_answers_lists_and_metrics_call_it_by_the_name_of_its_folder(served, tmp_path):
    answers = told(served, **CLICK)
    assert [place for place, text in answers.items() if "secret" in text or str(tmp_path) in text] == []
    document = json.loads(answers["segment"])
    assert (document["model"], document["provenance"]["model"]) == ("mine", "mine")
    assert {place for place in ("files", "embeddings", "job", "load", *ROOMS) if "mine" not in answers[place]} == set()
    (own,) = (model for model in json.loads(answers["/v1/models"]) if model["default"])
    assert (own["name"], own["loaded"], own["pulled"]) == ("mine", True, True)


@pytest.mark.parametrize("served", [("tiny-sam", "mine")], indirect=True)
def test_callers_may_ask_for_it_by_that_name_and_by_no_path(served, tmp_path):
    ask = {"image": DATA_URI, **CLICK}
    named = served.http.post("/v1/segment", json={**ask, "model": "mine"})
    by_path = served.http.post("/v1/segment", json={**ask, "model": str(tmp_path / "secret" / "mine")})
    assert (named.status_code, named.json()["model"]) == (200, "mine")
    assert (by_path.status_code, by_path.json()["type"]) == (400, "/v1/problems/UnknownName")


@pytest.mark.parametrize("served", [("tiny-sam", "mine")], indirect=True)
def test_a_job_that_was_stored_under_the_folders_path_is_done_and_nobody_is_told_the_path(served, tmp_path):
    """Earlier versions wrote the path into the orders of jobs."""
    file = served.http.post("/v1/files", files={"file": ("a.png", PICTURE)}).json()["id"]
    prompt = Objects((ObjectPrompt((Point(30, 35, positive=True),)),))
    jobs, results = served.built.service.jobs, []
    owner = jobs.get(served.http.post("/v1/jobs", json={"image": DATA_URI, **CLICK}).json()["id"]).owner
    for path in (f"{tmp_path / 'secret' / 'mine'}/", str(tmp_path / "secret" / "yours")):
        request = write_request(SegmentRequest(Stored(file), prompt, path, ("json",)))
        job = jobs.submit(Order(owner, "native", {"segment": request}))
        results.append(served.finished(job.id))
        results[-1]["told"] = served.http.get(f"/v1/jobs/{job.id}/logs").text
    assert [result["state"] for result in results] == ["succeeded", "failed"]
    assert "secret" not in str(results[0]) + served.http.get("/metrics").text


@pytest.mark.parametrize("served", [("universal-eomt", "mine")], indirect=True)
def test_what_it_refuses_names_it_too(served, tmp_path):
    for prompt in (CLICK, {"text": "the largest dog"}, {"text": "zyzzyva"}):
        answer = served.http.post("/v1/segment", json={"image": DATA_URI, **prompt})
        assert (answer.status_code, "mine " in answer.text, "secret" in answer.text) == (400, True, False)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("embedded", "embedded"),
        ("sam2.1-tiny", "sam2.1-tiny"),
        ("/srv/secret/mine", "mine"),
        ("/srv/secret/mine/", "mine"),
        ("/srv/secret/mine/../yours", "yours"),
        ("/srv/models/sam2.1-tiny", "own-sam2.1-tiny"),  # which may be other files than those of that name
        ("/srv/embedded", "own-embedded"),
        ("/", "own"),
        pytest.param("/srv/caf\udce9", "caf\\xe9", id="bytes that are no text"),
    ],
)
def test_a_folder_is_called_by_its_own_name_unless_that_is_another_models(model, name):
    assert called(model) == name


def test_what_comes_with_rubylith_keeps_its_name_although_a_folder_beside_has_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES / "tiny-sam", "embedded")
    assert called("embedded") == "embedded"


def test_what_everything_means_to_it_is_on_its_page_for_words_too(tmp_path):
    folder = shutil.copytree(FIXTURES / "golden", tmp_path / "mine")
    ask = {"image": DATA_URI, "text": "largest object", "threshold": 0}
    found = []
    for thresholds in ({"points_per_side": 3}, {"points_per_side": 3, "pred_iou_thresh": 1.0}):
        page = json.loads((FIXTURES / "golden" / "model.json").read_text()) | {"everything": thresholds}
        (folder / "model.json").write_text(json.dumps(page))
        with serve(tmp_path / "home", {"RUBYLITH_MODEL": str(folder)}) as running:
            found.append(len(running.http.post("/v1/segment", json=ask).json()["masks"]))
    assert found == [1, 0]
