"""A server that is killed in the middle of many requests: all of them end, and whoever waits is told."""

import json
import threading
import time
from urllib.parse import quote

import httpx2
from tests.dialects.fal.calls import IMAGE, PICTURE
from tests.jobs.orders import wait
from tests.servers import HeldBack, Reply, http_site
from tests.serving import Serving

COUNT, COMING = 50, 10  # requests; pictures that come before the kill
STATES = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")


class Poller(threading.Thread):
    """Asks after every request again and again, as clients do; `seen` has the places of the states in their order."""

    def __init__(self, http):
        super().__init__()
        self.http = http
        self.urls: dict[str, str] = {}
        self.seen: dict[str, list[int]] = {}

    def follow(self, request_id, url):
        self.seen[request_id] = [0]
        self.urls[request_id] = url

    @property
    def ended(self):
        return {request_id for request_id, states in list(self.seen.items()) if states[-1] == len(STATES) - 1}

    def run(self):
        until = time.monotonic() + 300
        while len(self.ended) < COUNT and time.monotonic() < until:
            for request_id, url in list(self.urls.items()):
                if request_id not in self.ended:
                    try:
                        status = self.http.get(url).json()["status"]
                    except httpx2.TransportError:
                        time.sleep(0.05)
                        continue
                    self.seen[request_id].append(STATES.index(status))


def test_killed_in_the_middle_of_50_requests_all_complete_and_no_status_goes_back(tmp_path):
    told: dict[str, list[dict]] = {}

    def receiver(received):
        document = json.loads(received.body)
        told.setdefault(document["request_id"], []).append(document)
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
        orders = []
        for n in range(COUNT):
            given = {"image_url": site.url(f"/{n}.png"), "sync_mode": True, "prompts": [{"x": 20 + n, "y": 30}]}
            place = f"/fal/queue/{IMAGE}?fal_webhook={quote(hooks.url('/hook'), safe='')}"
            orders.append(http.post(place, json=given).json())
            poller.follow(orders[-1]["request_id"], orders[-1]["status_url"])
        wait(lambda: len(told) >= COMING // 2, 300)
        serving.kill()
        assert len(told) <= COMING
        pictures.let_go.set()
        serving.start()
        wait(lambda: len(told) >= COUNT, 300)
        poller.join()
        assert len(poller.ended) == COUNT
        for order in orders:
            request_id = order["request_id"]
            states = poller.seen[request_id]
            assert states == sorted(states)
            result = http.get(order["response_url"])
            assert result.status_code == 200
            for document in told[request_id]:
                assert (document["status"], document["payload"]) == ("OK", result.json())
