"""What is made of an answer takes a core too: every door packs it in the turn of the work, in the engine's threads."""

import importlib
import threading

import pytest
from tests.dialects.airefinery.asking import ON_RED, SEGMENTATIONS, document
from tests.dialects.prodia.conftest import MULTIPART, form, jpeg
from tests.dialects.vlmrun.chats import DATA_URI, chat
from tests.running import serve

DOORS = {
    "prodia": ("prodia.routes", "write_outputs"),
    "fal": ("fal.run", "write_result"),
    "airefinery": ("airefinery.routes", "write_segmentation"),
    "vlmrun": ("vlmrun.routes", "write_content"),
}
CALLS = {
    "prodia": lambda http: http.post("/prodia/v2/job", files=form(jpeg()), headers=MULTIPART),
    "fal": lambda http: http.post("/fal/run/fal-ai/sam2/image", json={"image_url": DATA_URI}),
    "airefinery": lambda http: http.post(SEGMENTATIONS, json=document([[ON_RED]])),
    "vlmrun": lambda http: http.post("/vlmrun/v1/openai/chat/completions", json=chat()),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("turn")) as running:
        yield running


@pytest.mark.parametrize("door", DOORS)
def test_results_are_packed_within_the_bounds_on_work(running, monkeypatch, door):
    name, function = DOORS[door]
    module = importlib.import_module(f"rubylith.dialects.{name}")
    write, threads = getattr(module, function), []

    def watched(*arguments):
        threads.append(threading.current_thread().name)
        return write(*arguments)

    monkeypatch.setattr(module, function, watched)
    answer = CALLS[door](running.http)
    assert answer.status_code == 200, answer.text
    assert [thread.partition("_")[0] for thread in threads] == ["engine"]
