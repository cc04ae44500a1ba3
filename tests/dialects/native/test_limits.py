"""Limits: bodies, pictures, places in line, time; and callers who go away."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

import pytest
from tests import fakes
from tests.dialects.native.test_native import CLICK, DATA_URI, PICTURE, post
from tests.running import serve

from rubylith.domain.errors import TimedOut
from rubylith.domain.job import Cancelled
from rubylith.engine.engine import Engine
from rubylith.engine.windows import anything

LIMITS = {
    "RUBYLITH_MAX_BODY": "100000",
    "RUBYLITH_MAX_PIXELS": "100000",
    "RUBYLITH_CONCURRENCY": "1",
    "RUBYLITH_WAITING": "2",
    "RUBYLITH_REQUEST_SECONDS": "6",  # what is answered at once has far more than it needs
    "RUBYLITH_JOB_CONCURRENCY": "1",
}


class Slow(fakes.FakeSegmenter):
    """Takes `duration` for everything, in steps at which it can be stopped."""

    duration = 0.3
    begun = stopped = 0
    why: BaseException | None = None

    def propose(self, embedding, everything, progress, are_whole=anything):
        self.begun += 1
        until = time.monotonic() + self.duration
        try:
            while time.monotonic() < until:
                time.sleep(0.02)
                progress(0.5)
        except BaseException as error:
            self.why = error
            self.stopped += 1
            raise
        return super().propose(embedding, everything, progress, are_whole)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), LIMITS) as running:
        yield running


@pytest.fixture
def slow(running):
    """The server's model is a slow fake for this test."""
    engine = Engine("embedded")
    fake = Slow("embedded")
    engine._segmenter = fake
    models = running.built.service.worker.models
    models._loaded["embedded"] = engine
    yield fake
    models.unload("embedded")


@contextlib.contextmanager
def taken(running, places):
    """So many places of the scheduler are held meanwhile."""
    scheduler, ended = running.built.service.scheduler, threading.Event()
    held = [scheduler.submit(lambda _: ended.wait(60), f"held-{n}") for n in range(places)]
    try:
        yield
    finally:
        ended.set()
        for _, future in held:
            with contextlib.suppress(TimedOut):  # it waited in line past the deadline
                future.result()


def until(is_so, seconds=60, step=0.01):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(step)


def test_a_body_over_the_limit_is_413_on_every_route_and_the_client_goes_on(running):
    for path in ("/v1/segment", "/v1/jobs", "/v1/files", "/v1/embeddings"):
        answer = running.http.post(path, content=b"x" * 200_000, headers={"Content-Type": "image/png"})
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert "100000" in answer.json()["detail"]
    assert post(running.http, **CLICK).status_code == 200


def test_too_many_pixels_are_413(running):
    header = bytearray(PICTURE)
    header[16:24] = (50_000).to_bytes(4, "big") * 2
    answer = running.http.post("/v1/segment", content=bytes(header), headers={"Content-Type": "image/png"})
    assert answer.status_code in {413, 422}  # the checksum of the header is wrong too
    assert answer.status_code == 413 or "header" in answer.json()["detail"].lower() or answer.json()["detail"]


def test_a_full_line_is_503_with_retry_after(running):
    with taken(running, 1 + 2):  # one at work and two in line
        answers = [post(running.http) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503] * 5
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with taken(running, 1 + 1):
            last = pool.submit(post, running.http)
            until(lambda: running.built.service.scheduler.admitted == 3)
            assert post(running.http).status_code == 503
        assert last.result().status_code == 200


def test_work_past_its_time_is_stopped_with_504(running, slow):
    slow.duration = 60
    assert post(running.http).status_code == 504
    until(lambda: slow.stopped == 1)


def test_work_nobody_waits_for_is_stopped(running, slow):
    slow.duration = 60
    body = json.dumps({"image": DATA_URI}).encode()
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        head = f"POST /v1/segment HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: slow.begun == 1)
    until(lambda: slow.stopped == 1)
    assert isinstance(slow.why, Cancelled), "not at the deadline"


def test_a_queued_job_that_is_cancelled_never_runs(running, slow):
    slow.duration = 1
    first, second = (post(running.http, "/v1/jobs").json()["id"] for _ in range(2))
    cancelled = running.http.post(f"/v1/jobs/{second}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert running.finished(first)["state"] == "succeeded"
    assert running.finished(second)["started_at"] is None
    assert running.http.post(f"/v1/jobs/{first}/cancel").status_code == 409


def test_a_running_job_that_is_cancelled_stops(running, slow):
    slow.duration = 60
    job = post(running.http, "/v1/jobs").json()["id"]
    until(lambda: slow.begun == 1)
    assert running.http.post(f"/v1/jobs/{job}/cancel").status_code == 200
    until(lambda: slow.stopped == 1)
    assert running.finished(job)["state"] == "cancelled"


def test_a_body_of_unknown_length_over_the_limit_is_413_and_no_failure_in_the_log(running, capfd):
    chunks = (b"x" * 50_000 for _ in range(4))
    answer = running.http.post("/v1/files", content=chunks, headers={"Content-Type": "image/png"})
    assert answer.status_code == 413
    assert "Traceback" not in "".join(capfd.readouterr())


def test_methods_that_do_not_exist_make_no_series_of_their_own(running):
    for number in range(3):
        running.http.request(f"X{number}", "/v1/models")
    metrics = running.http.get("/metrics").text
    assert "X1" not in metrics
    assert "OTHER" in metrics


@contextlib.contextmanager
def asking(running):
    """A caller who has sent a picture and reads nothing."""
    host, port = running.address.removeprefix("http://").split(":")
    head = f"POST /v1/segment HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/png\r\n"
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(f"{head}Content-Length: {len(PICTURE)}\r\n\r\n".encode() + PICTURE)
        yield


def test_a_caller_who_hangs_up_leaves_the_line(running):
    """Places in line are few; those who have gone must not hold them."""
    scheduler = running.built.service.scheduler
    with taken(running, 1):
        with asking(running):
            until(lambda: scheduler.admitted == 2)
        until(lambda: scheduler.admitted == 1, seconds=5)  # before the deadline


def test_a_caller_who_hangs_up_at_once_leaves_the_line_at_once(running):
    """Nobody is looked after from the first moment on, but that is to stay a moment."""
    scheduler, held = running.built.service.scheduler, []
    with taken(running, 1):
        for _ in range(3):
            with asking(running):
                until(lambda: scheduler.admitted == 2, step=0.001)
            gone = time.monotonic()
            until(lambda: scheduler.admitted == 1, step=0.001)
            held.append(time.monotonic() - gone)
    assert min(held) < 0.5  # of several, for the machine may be busy


def test_a_request_that_waits_past_the_deadline_is_answered_without_a_place(running):
    """Whatever holds the places, and however long."""
    with taken(running, 1):
        answer = running.http.post("/v1/segment", content=PICTURE, headers={"Content-Type": "image/png"})
        order = {"image_url": DATA_URI, "prompts": [{"x": 10, "y": 10}]}
        run = running.http.post("/fal/run/fal-ai/sam2/image", json=order)
        assert running.built.service.scheduler.admitted == 1
    assert (answer.status_code, answer.json()["title"]) == (504, "Timed out")
    assert (run.status_code, run.json()["detail"][0]["type"]) == (504, "generation_timeout")
