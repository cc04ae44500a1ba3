"""A server that is killed in the middle of many artworks: all of them end, and whoever waits is told."""

import json
import threading
import time

import httpx2
from tests.dialects.tengr.artworks import POINTS
from tests.servers import Reply, http_site
from tests.serving import Serving

COUNT = 50
STATES = ("starting", "processing", "succeeded")


class Poller(threading.Thread):
    """Asks after every artwork again and again; `seen` has the places of the states in their order."""

    def __init__(self, http, ids):
        super().__init__()
        self.http = http
        self.seen = {artwork_id: [0] for artwork_id in ids}

    def run(self):
        until = time.monotonic() + 300
        waiting = list(self.seen)
        while waiting and time.monotonic() < until:
            for artwork_id in list(waiting):
                try:
                    status = self.http.get(f"/tengr/v2/artworks/{artwork_id}").json()["status"]
                except httpx2.TransportError:
                    time.sleep(0.05)
                    continue
                self.seen[artwork_id].append(STATES.index(status))
                if status == "succeeded":
                    waiting.remove(artwork_id)


def wait(is_so, seconds=300):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_killed_in_the_middle_of_50_artworks_all_succeed_and_no_status_goes_back(tmp_path):
    told: dict[str, list[dict]] = {}

    def receiver(received):
        document = json.loads(received.body)
        told.setdefault(document["id"], []).append(document)
        return Reply(204)

    environment = {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}
    with http_site(receiver) as site, Serving(tmp_path, environment) as serving, serving.client() as http:
        orders = [
            http.post("/tengr/v2/artworks/segmentation", json={**POINTS, "maskExpand": n, "webhook": site.url("/hook")})
            for n in range(COUNT)
        ]
        ids = [order.json()["id"] for order in orders]
        poller = Poller(http, ids)
        poller.start()
        wait(lambda: len(told) >= 5)
        serving.kill()
        assert len(told) < COUNT
        serving.start()
        wait(lambda: len(told) >= COUNT)
        poller.join()
        for artwork_id in ids:
            states = poller.seen[artwork_id]
            assert states == sorted(states)
            artwork = http.get(f"/tengr/v2/artworks/{artwork_id}").json()
            assert artwork["status"] == "succeeded"
            assert all(document == artwork for document in told[artwork_id])
