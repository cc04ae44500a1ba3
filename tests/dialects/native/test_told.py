"""Webhooks through the API: how they fare, sent again on demand; and what a key used, jobs included."""

import json
import subprocess
import sys
import time

import pytest
from tests.dialects.native.test_native import CLICK, DATA_URI, HEIGHT, WIDTH, post
from tests.running import serve
from tests.servers import Reply, http_site


@pytest.fixture
def running(tmp_path):
    with serve(tmp_path, {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}) as running:
        yield running


def delivery(http, job, *, until):
    """The webhook of a job once it is in this state."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = http.get(f"/v1/jobs/{job}").json().get("webhook")
        if told and told["state"] == until:
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def test_a_webhook_that_was_given_up_is_sent_again_on_demand(running):
    statuses = iter([410, 204, 204])
    with http_site(lambda _: Reply(next(statuses))) as site:
        job = post(running.http, "/v1/jobs", **CLICK, webhook=site.url("/done")).json()["id"]
        dead = delivery(running.http, job, until="dead")
        assert (dead["attempts"], dead["next_at"], dead["note"]) == (1, None, "The receiver answered 410")
        time.sleep(1.1)  # links signed anew would differ by the second
        again = running.http.post(f"/v1/jobs/{job}/replay")
        assert (again.status_code, again.json()["webhook"]["state"] in {"pending", "sending", "delivered"}) == (
            202,
            True,
        )
        assert delivery(running.http, job, until="delivered")["attempts"] == 2
    first, second = (one.body for one in site.received)
    assert first == second
    (link, *_) = (file["url"] for file in json.loads(first)["files"])
    assert running.http.get(link).status_code == 200
    metrics = running.http.get("/metrics").text
    assert 'rubylith_webhooks_total{outcome="give up"} 1.0' in metrics
    assert 'rubylith_webhooks_total{outcome="delivered"} 1.0' in metrics


def test_a_job_without_a_webhook_has_nothing_to_send_again(running):
    job = running.finished(post(running.http, "/v1/jobs", **CLICK).json()["id"])
    assert "webhook" not in job
    assert running.http.post(f"/v1/jobs/{job['id']}/replay").status_code == 409
    assert running.http.post("/v1/jobs/unknown/replay").status_code == 404


def test_a_job_of_another_door_is_shown_without_that_doors_document(running):
    order = {"image_url": DATA_URI, "prompts": [{"x": 10, "y": 10}]}
    job = running.http.post("/fal/queue/fal-ai/sam2/image", json=order).json()["request_id"]
    told = running.finished(job)
    assert (told["state"], "result" in told) == ("succeeded", False)
    assert told["files"]
    own = running.finished(post(running.http, "/v1/jobs", **CLICK).json()["id"])
    assert own["result"]["masks"]


def test_what_was_used_now_and_by_jobs_is_shown_by_key_and_day(running):
    access = running.built.service.access
    issued = access.create("studio")
    with running.client(issued.secret) as http:
        assert post(http, **CLICK).status_code == 200
        job = post(http, "/v1/jobs", **CLICK).json()["id"]
        end = time.monotonic() + 60
        while http.get(f"/v1/jobs/{job}").json()["state"] != "succeeded" and time.monotonic() < end:
            time.sleep(0.05)
    access.flush()
    words = [sys.executable, "-m", "rubylith", "keys", "usage"]
    environment = {"RUBYLITH_HOME": str(running.built.settings.home), "PATH": ""}
    whole, other = (
        subprocess.run([*words, *name], env=environment, capture_output=True, text=True, check=False)
        for name in ([], ["nobody"])
    )
    assert whole.returncode == 0
    [line] = whole.stdout.splitlines()
    assert issued.key.id in line
    assert f"studio  2 requests  {2 * WIDTH * HEIGHT / 1e6:.1f} megapixels" in line
    assert (other.returncode, other.stdout) == (2, "")
    assert "'nobody'" in other.stderr
