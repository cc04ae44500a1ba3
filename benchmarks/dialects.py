"""What each vendor's door adds to the native API: `python benchmarks/dialects.py [rounds]`, and Prodia's multipart.

The same picture and prompt go to the native door and to the vendor's in turn, one at a time, with a model that computes
nothing. Printed is the median of the differences within one round. The native request asks for what the vendor's gives:
as many masks, in a format as dear. `stored` writes files where the native one does not: the vendor's answer has links.
"""

import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from rubylith.dialects.prodia import wire
from rubylith.dialects.prodia.write import Begun, write_done, write_outputs, write_response
from rubylith.domain.geometry import Size
from rubylith.domain.image import Inline
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything
from rubylith.domain.request import SegmentRequest
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.service.work import Answer
from service import Client, cpu_seconds, form, post, serving, small_photo

ROUNDS, WARM_UP = 300, 30
BLOCK, SETTLED_SECONDS = 20, 0.7
X, Y = 250, 170
CLICK = {"points": [[X, Y]]}
MASKS, SIDE = 50, 1024


def requests() -> dict[str, tuple[bytes, bytes]]:
    """By name: to the native door, and to the vendor's."""
    picture = small_photo()
    code = base64.b64encode(picture).decode()
    uri = f"data:image/jpeg;base64,{code}"

    def native(path: str = "/v1/segment", **more: object) -> bytes:
        return post(path, json.dumps({"image": uri, **more}).encode(), "application/json")

    def vendor(path: str, **given: object) -> bytes:
        return post(path, json.dumps(given).encode(), "application/json")

    clicked = {"image_url": uri, "prompts": [{"x": X, "y": Y}]}
    chat = [
        {"type": "text", "text": "Segment everything"},
        {"type": "image_url", "image_url": {"url": uri}},
    ]
    point = {"points": [[0.5, 0.5]]}
    masks = {"type": "array", "items": {"type": "object", "properties": {"xywh": XYWH, "label": {"type": "string"}}}}
    linked = {"type": "array", "items": {"type": "object", "properties": {"mask_url": {"type": "string"}}}}

    def schema(items: object) -> dict[str, object]:
        return {"type": "json_schema", "schema": {"type": "object", "properties": {"found": items}}}

    messages = [{"role": "user", "content": chat}]
    return {
        "prodia /v2/job": (form(picture, {"format": "multipart,png"}), _prodia(picture)),
        "fal run, sync_mode": (
            native(**CLICK, format="png"),
            vendor("/fal/run/fal-ai/sam2/image", **clicked, sync_mode=True),
        ),
        "fal run, stored": (native(**CLICK, format="png"), vendor("/fal/run/fal-ai/sam2/image", **clicked)),
        "fal submit": (native("/v1/jobs", **CLICK, format="png"), vendor("/fal/queue/fal-ai/sam2/image", **clicked)),
        "airefinery segment": (
            native(**CLICK, format="labelmap"),
            vendor(
                "/airefinery/v1/images/segmentations",
                model="embedded",
                image_prompt=code,
                segment_prompt=[[[X, Y]]],
                extra_body=None,
            ),
        ),
        "tengr create": (
            native("/v1/jobs", **CLICK, format="png"),
            vendor("/tengr/v2/artworks/segmentation", imageUrl=uri, method="points", pointsPositive=point),
        ),
        "vlmrun chat": (
            native(),
            vendor("/vlmrun/v1/openai/chat/completions", messages=messages, response_format=schema(masks)),
        ),
        "vlmrun chat, stored": (
            native(),
            vendor("/vlmrun/v1/openai/chat/completions", messages=messages, response_format=schema(linked)),
        ),
    }


XYWH = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def _prodia(picture: bytes) -> bytes:
    body = (
        b'--bench\r\nContent-Disposition: form-data; name="input"; filename="image.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + picture + b'\r\n--bench\r\nContent-Disposition: form-data; name="job"; '
        b'filename="job.json"\r\nContent-Type: application/json\r\n\r\n{"type":"inference.segment.v1"}\r\n--bench--\r\n'
    )
    return post("/prodia/v2/job", body, "multipart/form-data; boundary=bench")


async def overhead(rounds: int) -> None:
    """One connection, everything in turn; then the server's computing, to which other work adds little."""
    with serving(0.0) as (port, pid):
        async with Client(port) as client:
            for name, (native, vendor) in requests().items():
                pairs = [(await _timed(client, native), await _timed(client, vendor)) for _ in range(WARM_UP + rounds)]
                own, theirs = (sorted(column) for column in zip(*pairs[WARM_UP:], strict=True))
                added = statistics.median(after - before for before, after in pairs[WARM_UP:])
                medians = (one * 1e3 for one in (statistics.median(own), statistics.median(theirs), added))
                computing = [[await _computing(client, pid, one) * 1e3 for one in (native, vendor)] for _ in range(5)]
                cores = (statistics.median(column) for column in zip(*computing, strict=True))
                print("{:22} native {:5.1f}  vendor {:5.1f}  added {:+5.1f} ms".format(name, *medians), end="; ")
                print("of a core {:.1f} and {:.1f} ms".format(*cores))


async def _computing(client: Client, pid: int, request: bytes) -> float:
    """Seconds of a core for one request, with what it leaves to be done."""
    before = cpu_seconds(pid)
    for _ in range(BLOCK):
        await _timed(client, request)
    await asyncio.sleep(SETTLED_SECONDS)
    return (cpu_seconds(pid) - before) / BLOCK


async def _timed(client: Client, request: bytes) -> float:
    before = time.perf_counter()
    status, _, body = await client.send(request)
    seconds = time.perf_counter() - before
    assert status < 300, body
    return seconds


def multipart() -> None:
    """MASKS blobs in a picture of SIDE x SIDE: outputs and body, as the route makes them."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    masks: list[Mask] = []
    for _ in range(MASKS):
        x, y, radius = *random.integers(0, SIDE, 2), random.integers(40, 250)
        wave = radius * (1 + 0.2 * np.sin(7 * np.arctan2(rows - y, columns - x)))
        rle = RLE.from_bitmap((columns - x) ** 2 + (rows - y) ** 2 <= wave**2)
        masks.append(Mask(rle, rle.box, 0.9))
    request = SegmentRequest(Inline(b"", "x"), Everything(), "embedded")
    found = Segmentation(Size(SIDE, SIDE), tuple(masks), disjoint=False, model="embedded")
    answer = Answer("x", "", request, found, (), {})

    def once() -> None:
        outputs = write_outputs(answer, wire.SEGMENT, 1)
        write_response("multipart/form-data", write_done(Begun(), {"type": wire.SEGMENT}, priced=False), outputs)

    print(f"prodia, {MASKS} masks of {SIDE} x {SIDE}: {_median(once) * 1e3:.0f} ms")


def _median(once: Callable[[], None], times: int = 15) -> float:
    taken: list[float] = []
    for _ in range(times):
        before = time.perf_counter()
        once()
        taken.append(time.perf_counter() - before)
    return statistics.median(taken)


if __name__ == "__main__":
    asyncio.run(overhead(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
    multipart()
