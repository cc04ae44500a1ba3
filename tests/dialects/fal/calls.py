"""A server with keys for the tests of this dialect, and how they call it."""

import base64
import contextlib
import io
import time

import numpy as np
import PIL.Image
from tests import fakes
from tests.pictures import encoded
from tests.running import serve

from rubylith.domain.job import JobState
from rubylith.engine.engine import Engine
from rubylith.engine.windows import anything

WIDTH, HEIGHT = 160, 120
KEY, OTHER_KEY = "kid:secret", "plain-secret"
AUTO, IMAGE = "fal-ai/sam2/auto-segment", "fal-ai/sam2/image"
ENVIRONMENT = {
    "RUBYLITH_KEYS": f"{KEY},{OTHER_KEY}",
    "RUBYLITH_FETCH_ALLOW": "127.0.0.0/8",
    "RUBYLITH_CONCURRENCY": "1",
    "RUBYLITH_JOB_CONCURRENCY": "1",
}


def drawing():
    """Three coloured squares on grey ground, as PNG."""
    pixels = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for (x, y, side), colour in {
        (10, 20, 50): (200, 30, 40),
        (80, 10, 40): (30, 180, 60),
        (90, 70, 30): (40, 40, 220),
    }.items():
        pixels[y : y + side, x : x + side] = colour
    return encoded(pixels)


PICTURE = drawing()
DATA_URI = "data:image/png;base64," + base64.b64encode(PICTURE).decode()


class Slow(fakes.FakeSegmenter):
    """Takes its time for everything until it is let go, in steps at which it can be stopped."""

    held = True
    begun = stopped = 0

    def propose(self, embedding, everything, progress, are_whole=anything):
        self.begun += 1
        until = time.monotonic() + 60
        try:
            while self.held and time.monotonic() < until:
                time.sleep(0.01)
                progress(0.5)
        except BaseException:
            self.stopped += 1
            raise
        return super().propose(embedding, everything, progress, are_whole)


@contextlib.contextmanager
def held_up(running):
    """The server's model is a slow one meanwhile. Jobs of other tests do not run on it, nor do its own run on."""
    rest(running)
    engine = Engine("embedded")
    engine._segmenter = slow = Slow("embedded")
    models = running.built.service.worker.models
    models.get("embedded")
    models._loaded["embedded"] = engine
    try:
        yield slow
    finally:
        slow.held = False
        rest(running)
        models.unload("embedded")


def rest(running, seconds=60):
    """Wait until no job waits or runs."""
    until = time.monotonic() + seconds
    while any(running.built.service.jobs.counts()[state] for state in (JobState.QUEUED, JobState.RUNNING)):
        assert time.monotonic() < until, "a job does not end"
        time.sleep(0.02)


class Calls:
    """Plain HTTP as the clients send it."""

    def __init__(self, running, key=KEY):
        self.running = running
        self.http = running.http
        self.headers = {"Authorization": f"Key {key}"} if key else {}

    def request(self, method, path, **options):
        headers = {**self.headers, **options.pop("headers", {})}
        url = path if path.startswith("http") else f"/fal{path}"
        return self.http.request(method, url, headers=headers, **options)

    def submit(self, model=AUTO, query="", headers=None, **given):
        return self.request("POST", f"/queue/{model}{query}", json=given, headers=headers or {})

    def run(self, model=AUTO, headers=None, **given):
        return self.request("POST", f"/run/{model}", json=given, headers=headers or {})

    def get(self, url, **options):
        return self.request("GET", url, **options)

    def ended(self, order, seconds=90):
        """The last status."""
        return self.until(order, lambda status: status["status"] == "COMPLETED", seconds)

    def until(self, order, is_so, seconds=90):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.get(order["status_url"] + "?logs=1").json()
            if is_so(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"still {status}")

    def result(self, order):
        self.ended(order)
        return self.get(order["response_url"])


@contextlib.contextmanager
def serving(home, **environment):
    with serve(home, {**ENVIRONMENT, **environment}) as running:
        yield running


def opened(data):
    """A picture file: its kind and its pixels."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        return image.format, np.asarray(image)
