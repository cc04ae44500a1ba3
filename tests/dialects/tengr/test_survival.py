"""A server that is killed in the middle of many artworks: all of them end, and whoever waits is told."""

import json
import threading
import time

import httpx2
from tests.dialects.tengr.artworks import PICTURE, POINTS
from tests.jobs.orders import wait
from tests.servers import HeldBack, Reply, http_site
from tests.serving import Serving

COUNT, COMING = 50, 10  # artworks; pictures that come before the kill
STATES = ("starting", "processing", "succeeded")


class Poller(threading.Thread):
    """Asks after every artwork again and again; `seen` has the places of the states in their order."""

    def __init__(self, http):
        super().__init__()
        self.http = http
        self.seen: dict[str, list[int]] = {}

    def follow(self, artwork_id):
        self.seen[artwork_id] = [0]

    @property
    def ended(self):
        return {artwork_id for artwork_id, states in list(self.seen.items()) if states[-1] == len(STATES) - 1}

    def run(self):
        until = time.monotonic() + 300
        while len(self.ended) < COUNT and time.monotonic() < until:
            for artwork_id in list(self.seen):
                if artwork_id not in self.ended:
                    try:
                        status = self.http.get(f"/tengr/v2/artworks/{artwork_id}").json()["status"]
                    except httpx2.TransportError:
                        time.sleep(0.05)
                        continue
                    self.seen[artwork_id].append(STATES.index(status))


def test_killed_in_the_middle_of_50_artworks_all_succeed_and_no_status_goes_back(tmp_path):
    told: dict[str, list[dict]] = {}

    def receiver(received):
        document = json.loads(received.body)
        told.setdefault(document["id"], []).append(document)
        return Reply(204)

    environment = {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8", "RUBYLITH_FETCH_SECONDS": "120"}
    with (
        http_site(receiver) as hooks,
        http_site(pictures := HeldBack(PICTURE, COMING)) as site,
        Serving(tmp_path, environment) as serving,
        serving.client() as http,
    ):
        poller = Poller(http)
        poller.start()
        ids = []
        for n in range(COUNT):
            given = {**POINTS, "imageUrl": site.url(f"/{n}.png"), "maskExpand": n, "webhook": hooks.url("/hook")}
            ids.append(http.post("/tengr/v2/artworks/segmentation", json=given).json()["id"])
            poller.follow(ids[-1])
        wait(lambda: len(told) >= COMING // 2, 300)
        serving.kill()
        assert len(told) <= COMING
        pictures.let_go.set()
        serving.start()
        wait(lambda: len(told) >= COUNT, 300)
        poller.join()
        assert len(poller.ended) == COUNT
        for artwork_id in ids:
            states = poller.seen[artwork_id]
            assert states == sorted(states)
            artwork = http.get(f"/tengr/v2/artworks/{artwork_id}").json()
            assert artwork["status"] == "succeeded"
            assert all(document == artwork for document in told[artwork_id])
