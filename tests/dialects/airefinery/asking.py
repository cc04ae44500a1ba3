"""What the tests of this dialect ask for: drawn pictures, and answers read back."""

import base64
import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import PIL.Image
from tests.pictures import encoded

WIDTH, HEIGHT = 200, 140
MODEL = "syscv-community/sam-hq-vit-base"
ON_RED, ALSO_ON_RED, ON_BLUE = [45, 70], [60, 90], [150, 60]
SEGMENTATIONS = "/airefinery/v1/images/segmentations"
KEY, OTHER_KEY = "test-key", "other-key"


def drawing() -> np.ndarray:
    """A red and a blue rectangle on grey ground: (140, 200, 3) uint8."""
    pixels = np.random.default_rng(0).normal(120, 3, (HEIGHT, WIDTH, 3))
    pixels[30:110, 20:80] = (200, 30, 40)
    pixels[20:100, 120:180] = (30, 60, 200)
    return pixels.clip(0, 255).astype(np.uint8)


PICTURE = encoded(drawing())


def document(points: Any, picture: bytes = PICTURE, **more: Any) -> dict[str, Any]:
    """What the SDK sends."""
    image = base64.b64encode(picture).decode()
    return {"model": MODEL, "image_prompt": image, "segment_prompt": points, "extra_body": None} | more


def mask_of(b64_json: str) -> np.ndarray:
    """(H, W) uint8; asserts that it is a grey PNG."""
    image = PIL.Image.open(io.BytesIO(base64.b64decode(b64_json, validate=True)))
    assert (image.format, image.mode) == ("PNG", "L")
    return np.array(image)


def asked(http, points: Any, path: str = SEGMENTATIONS, **more: Any) -> np.ndarray:
    """The label map that answers to these points."""
    answer = http.post(path, json=document(points, **more))
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["data"]
    return mask_of(item["b64_json"])


def values(mask: np.ndarray) -> list[int]:
    """Which numbers occur."""
    return np.unique(mask).tolist()


def at(mask: np.ndarray, point: list[int]) -> int:
    """The number under a point."""
    x, y = point
    return int(mask[y, x])


def locations(answer) -> list[list[str | int]]:
    """Where the faults of a 422 are."""
    assert answer.status_code == 422, answer.text
    return [fault["loc"] for fault in answer.json()["detail"]]


@contextlib.contextmanager
def every_place_taken(running) -> Iterator[Callable[[], int]]:
    """Nothing is worked on meanwhile: the number of requests that wait in line, whenever it is called."""
    scheduler, ended = running.built.service.scheduler, threading.Event()
    busy = [scheduler.submit(lambda _: ended.wait(120), f"busy-{n}") for n in range(scheduler.bounds.concurrency)]
    try:
        yield lambda: scheduler.admitted - len(busy)
    finally:
        ended.set()
        for _, future in busy:
            future.result()


def until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Returns once it is so; AssertionError if it does not come."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
