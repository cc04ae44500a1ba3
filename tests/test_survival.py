"""A server that is killed, or told to stop, while orders come in and jobs run: what was accepted is done, once."""

import collections
import concurrent.futures
import contextlib
import io
import json
import os
import random
import threading
import time

import httpx2
import numpy as np
import PIL.Image
import pytest
from tests import postgres
from tests.servers import Reply, http_site
from tests.serving import Serving

WIDTH, HEIGHT = 64, 48
LOOPBACK = {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}
LONG = pytest.mark.skipif(
    not os.environ.get("RUBYLITH_LONG_TESTS"), reason="takes minutes; RUBYLITH_LONG_TESTS=1 runs it"
)
PENDING = {"queued", "running"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=LONG)])
def database(request):
    """Environment of a server on this database."""
    if request.param == "sqlite":
        yield {}
        return
    if postgres.programs() is None:
        pytest.skip("Postgres is not installed here (Debian: apt-get install postgresql)")
    with postgres.cluster() as server:
        yield {"RUBYLITH_DATABASE_URL": postgres.new_database(server)}


class Receiver:
    """Takes webhooks and remembers, by job, what it was told."""

    def __init__(self):
        self.told = collections.defaultdict(list)

    def __call__(self, received):
        job = json.loads(received.body)
        assert received.headers["x-rubylith-webhook-request-id"] == job["id"]
        self.told[job["id"]].append(job)
        return Reply(204)

    @property
    def count(self):
        return len(self.told)


class Customer:
    """Orders jobs until each has been accepted, whatever happens to the server meanwhile."""

    def __init__(self, http, webhook):
        self.http, self.webhook = http, webhook
        self.accepted: dict[int, str] = {}

    def order_all(self, numbers):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.order, numbers))

    def order(self, number):
        document = {"points": [[number % WIDTH, 20]], "webhook": self.webhook, "idempotency_key": f"order {number}"}
        form = {"files": {"image": ("a.png", picture(number))}, "data": {"request": json.dumps(document)}}
        until = time.monotonic() + 240
        while time.monotonic() < until:
            with contextlib.suppress(httpx2.TransportError):
                answer = self.http.post("/v1/jobs", **form)
                assert answer.status_code in {202, 503}, answer.text
                if answer.status_code == 202:
                    self.accepted[number] = answer.json()["id"]
                    return
            time.sleep(0.05)
        raise AssertionError(f"order {number} was never accepted")

    def finished(self, number):
        """The job as it is once it has ended."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            job = self.http.get(f"/v1/jobs/{self.accepted[number]}").json()
            if job["state"] not in PENDING:
                return job
            time.sleep(0.05)
        raise AssertionError(job)


def picture(number):
    """A drawing that no other number has."""
    pixels = np.random.default_rng(number).integers(90, 140, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[10:34, 16:48] = (200, 30, 40)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def wait(condition, seconds=300):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def check_each_is_done_once(customer, receiver, count):
    """Every order is one job with its own result, and its webhook told the same however often it came."""
    assert sorted(customer.accepted) == list(range(count))
    assert len(set(customer.accepted.values())) == count
    for number in range(count):
        job = customer.finished(number)
        assert job["state"] == "succeeded", job
        assert job["result"]["masks"][0]["point_coords"] == [[number % WIDTH, 20]]
        told = [
            (webhook["state"], [file["sha256"] for file in webhook["files"]]) for webhook in receiver.told[job["id"]]
        ]
        assert told, f"nobody was told of order {number}"
        assert set(map(str, told)) == {str(("succeeded", [file["sha256"] for file in job["files"]]))}
    assert set(receiver.told) == set(customer.accepted.values())


def kill_at_random(home, environment, *, count, kills):
    chance = random.Random(11)
    receiver = Receiver()
    with http_site(receiver) as site, Serving(home, {**LOOPBACK, **environment}) as serving, serving.client() as http:
        customer = Customer(http, site.url("/done"))
        ordering = threading.Thread(target=customer.order_all, args=(range(count),))
        ordering.start()
        for kill in range(kills):
            goal = (kill + 1) * count // (kills + 2)
            wait(lambda goal=goal: receiver.count >= goal)
            time.sleep(chance.uniform(0, 0.3))
            serving.kill()
            assert receiver.count < count
            serving.start()
        ordering.join()
        wait(lambda: receiver.count >= count)
        check_each_is_done_once(customer, receiver, count)
        again = sum(map(len, receiver.told.values())) - count
        assert again <= 16 * kills  # only what was on its way at the moment of death


def test_killed_twice_the_server_still_does_everything_it_accepted_once(tmp_path, database):
    kill_at_random(tmp_path, database, count=60, kills=2)


@LONG
def test_killed_five_times_the_server_still_does_everything_it_accepted_once(tmp_path, database):
    kill_at_random(tmp_path, database, count=300, kills=5)


def test_told_to_stop_under_load_it_answers_hands_back_and_loses_nothing(tmp_path, database):
    count, grace = 20, 5.0
    receiver = Receiver()
    environment = {**LOOPBACK, **database, "RUBYLITH_GRACE_SECONDS": str(grace)}
    with http_site(receiver) as site, Serving(tmp_path, environment) as serving, serving.client() as http:
        customer = Customer(http, site.url("/done"))
        ordering = threading.Thread(target=customer.order_all, args=(range(count),))
        ordering.start()
        answers, broken, form = [], [], {"files": {"image": picture(0)}, "data": {"request": '{"points": [[20, 20]]}'}}

        def ask():
            """Answers now, one after another, until the server has gone."""
            with serving.client() as http:
                while not broken:
                    begun = time.monotonic()
                    try:
                        answers.append(http.post("/v1/segment", **form).status_code)
                    except httpx2.TransportError:
                        broken.append(begun)

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        wait(lambda: receiver.count >= 3)
        with http.stream("GET", f"/v1/jobs/{customer.accepted[0]}/events") as events:
            assert events.status_code == 200
            told = time.monotonic()
            status = serving.terminate()
        took = time.monotonic() - told
        for thread in asking:
            thread.join()
        assert status == 0
        assert took < grace + 10  # two for handing back, the rest for a busy machine
        assert set(answers) <= {200, 503}
        assert min(broken) > told - 0.5  # what had arrived was answered
        serving.start()
        ordering.join()
        wait(lambda: receiver.count >= count)
        check_each_is_done_once(customer, receiver, count)
