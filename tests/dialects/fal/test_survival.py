"""A server that is killed in the middle of many requests: all of them end, and whoever waits is told."""

import json
import threading
import time
from urllib.parse import quote

import httpx2
from tests.dialects.fal.calls import DATA_URI, IMAGE
from tests.servers import Reply, http_site
from tests.serving import Serving

COUNT = 50
STATES = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")


class Poller(threading.Thread):
    """Asks after every request again and again, as clients do; `seen` has the places of the states in their order."""

    def __init__(self, http, orders):
        super().__init__()
        self.http, self.orders = http, orders
        self.seen = {order["request_id"]: [0] for order in orders}

    def run(self):
        until = time.monotonic() + 300
        waiting = {order["request_id"]: order["status_url"] for order in self.orders}
        while waiting and time.monotonic() < until:
            for request_id, url in list(waiting.items()):
                try:
                    status = self.http.get(url).json()["status"]
                except httpx2.TransportError:
                    time.sleep(0.05)
                    continue
                self.seen[request_id].append(STATES.index(status))
                if status == "COMPLETED":
                    del waiting[request_id]


def wait(is_so, seconds=300):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_killed_in_the_middle_of_50_requests_all_complete_and_no_status_goes_back(tmp_path):
    told: dict[str, list[dict]] = {}

    def receiver(received):
        document = json.loads(received.body)
        told.setdefault(document["request_id"], []).append(document)
        return Reply(204)

    environment = {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}
    with http_site(receiver) as site, Serving(tmp_path, environment) as serving, serving.client() as http:
        place = f"/fal/queue/{IMAGE}?fal_webhook={quote(site.url('/hook'), safe='')}"
        given = {"image_url": DATA_URI, "sync_mode": True}
        orders = [http.post(place, json={**given, "prompts": [{"x": 20 + n, "y": 30}]}).json() for n in range(COUNT)]
        poller = Poller(http, orders)
        poller.start()
        wait(lambda: len(told) >= 5)
        serving.kill()
        assert len(told) < COUNT
        serving.start()
        wait(lambda: len(told) >= COUNT)
        poller.join()
        for order in orders:
            request_id = order["request_id"]
            states = poller.seen[request_id]
            assert states == sorted(states)
            result = http.get(order["response_url"])
            assert result.status_code == 200
            for document in told[request_id]:
                assert (document["status"], document["payload"]) == ("OK", result.json())
