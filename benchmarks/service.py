"""What the service adds to the engine: `python benchmarks/service.py overhead|start|load [DATABASE_URL]`.

overhead: time of `POST /v1/segment` over the bare call of the engine, by 8 at once, with a model that computes nothing:
  once with one that takes as long as an accelerator might, once with one that takes no time, which is the rate limit.
start: from `POST /v1/jobs` until the job runs, with a free slot.
load: 64 clients for a minute with the embedded model, against the engine alone.

The server is a process of its own; requests are written to sockets as they are, so that the generator costs little.
"""

import asyncio
import collections
import functools
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL.Image

from rubylith.cli import serve
from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image, Inline
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding
from rubylith.engine.engine import Engine
from rubylith.formats.json import document
from rubylith.service.intake import DEFAULT_LIMITS, open_image

PHOTO = Path(__file__).parents[1] / "examples" / "photo.jpg"
CONCURRENT, REQUESTS, WARM_UP = 8, 2000, 200
MODEL_SECONDS = 0.05
STARTS = 200
CLIENTS, LOAD_SECONDS = 64, 60.0
CACHE_BYTES = 64 * 2**20  # full within seconds, so that what grows after that is no picture looked at lately
CLICK = {"points": [[250, 170]]}


class Nothing:
    """A Segmenter that computes nothing: a mask of one pixel after so many seconds, as an accelerator would take."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def embed(self, image: Image) -> Embedding:
        """No look."""
        return Embedding("embedded", image.size, image.digest, None, 1)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """The same mask for each."""
        if self.seconds:  # to sleep for no time takes the system a twentieth of a millisecond and more
            time.sleep(self.seconds)
        return tuple((_pixel(embedding.size),) for _ in prompts)

    def propose(self, embedding: Embedding, *_: object) -> tuple[Mask, ...]:
        """That mask."""
        return (_pixel(embedding.size),)


@functools.cache
def _pixel(size: Size) -> Mask:
    bitmap = np.zeros((size.height, size.width), bool)
    bitmap[0, 0] = True
    rle = RLE.from_bitmap(bitmap)
    return Mask(rle, rle.box, 0.9)


@contextmanager
def serving(model_seconds: float | None = None, **environment: str) -> Iterator[tuple[int, int]]:
    """Port and process id of a fresh server; with a model that computes nothing for so long, or with the real one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        words = [sys.executable, "-m", "rubylith", "serve"]
        if model_seconds is not None:
            words = [sys.executable, __file__, "serve-nothing", str(model_seconds)]
        with (Path(home) / "log").open("wb") as log:
            process = subprocess.Popen(
                [*words, "--port", str(port)],
                env={**os.environ, "RUBYLITH_HOME": home, **environment},
                stdout=log,
                stderr=log,
            )
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert process.poll() is None, (Path(home) / "log").read_text()
                    time.sleep(0.05)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(60)


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body


def post(path: str, body: bytes, media_type: str) -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def form(picture: bytes, request: dict[str, object]) -> bytes:
    """`POST /v1/segment` with the picture as a part."""
    boundary = "benchmarkbenchmark"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'.encode()
        + picture
        + f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="request"\r\n\r\n'.encode()
        + json.dumps(request).encode()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return post("/v1/segment", body, f"multipart/form-data; boundary={boundary}")


def small_photo(seed: int = 0) -> bytes:
    """The example photograph at 512 x 342, with one pixel that depends on `seed`."""
    with PIL.Image.open(PHOTO) as photo:
        small = photo.convert("RGB").resize((512, 342))
    small.paste((seed % 256, seed // 256 % 256, 0), (seed % 500, 0, seed % 500 + 8, 8))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


# overhead


def overhead() -> None:
    """Closed loop of CONCURRENT clients; the bare call by as many threads."""
    picture = small_photo()
    for seconds in (MODEL_SECONDS, 0.0):
        bare = _bare(picture, seconds)
        print(f"a model that takes {seconds * 1e3:.0f} ms; the engine alone: {milliseconds(bare)}")
        with serving(seconds, RUBYLITH_CONCURRENCY=str(CONCURRENT)) as (port, pid):
            embedding = asyncio.run(_embed(port, picture))
            known = post("/v1/segment", json.dumps({"image": embedding, **CLICK}).encode(), "application/json")
            for name, request in (("click on an embedding", known), ("photo of 512 x 342", form(picture, CLICK))):
                before = cpu_seconds(pid)
                taken, rate = asyncio.run(_closed_loop(port, request))
                each = (cpu_seconds(pid) - before) / (REQUESTS + WARM_UP) * 1e3
                over = [one - statistics.median(bare) for one in taken]
                print(f"  {name}: {milliseconds(over)} over it, {rate:.0f}/s, {each:.2f} ms of a core each")


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, in hundredths."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _embed(port: int, picture: bytes) -> str:
    async with Client(port) as client:
        status, _, body = await client.send(post("/v1/embeddings", picture, "image/jpeg"))
        assert status == 201, body
        return json.loads(body)["id"]


def _bare(picture: bytes, seconds: float) -> list[float]:
    _install_nothing(seconds)
    engine = Engine("embedded")
    embedding = engine.embed(open_image(Inline(picture, "a.jpg"), DEFAULT_LIMITS))
    prompt = Objects((ObjectPrompt((Point(250, 170),)),))

    def once(_: int) -> float:
        before = time.perf_counter()
        json.dumps(document(engine.segment(None, prompt, embedding=embedding), "a.jpg"))
        return time.perf_counter() - before

    with ThreadPoolExecutor(CONCURRENT) as pool:
        return list(pool.map(once, range(REQUESTS)))


async def _closed_loop(port: int, request: bytes) -> tuple[list[float], float]:
    seconds: list[float] = []

    async def one() -> None:
        async with Client(port) as client:
            for n in range((REQUESTS + WARM_UP) // CONCURRENT):
                before = time.perf_counter()
                status, _, body = await client.send(request)
                assert status == 200, body
                if n >= WARM_UP // CONCURRENT:
                    seconds.append(time.perf_counter() - before)

    before = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONCURRENT)))
    return seconds, (REQUESTS + WARM_UP) / (time.perf_counter() - before)


# start


def start(url: str) -> None:
    """One job at a time: the time from sending the order until `started_at`, both by this machine's clock."""
    with serving(0.0, **({"RUBYLITH_DATABASE_URL": url} if url else {})) as (port, _):
        taken, begun = asyncio.run(_orders(port, small_photo()))
    name = url.partition(":")[0] or "sqlite"
    print(f"{name}: POST /v1/jobs answered in {milliseconds(taken)}; begun after {milliseconds(begun)}")


async def _orders(port: int, picture: bytes) -> tuple[list[float], list[float]]:
    taken: list[float] = []
    begun: list[float] = []
    async with Client(port) as client:
        order = form(picture, CLICK).replace(b"/v1/segment", b"/v1/jobs", 1)
        for n in range(STARTS + 20):
            before, sent_at = time.perf_counter(), time.time()
            status, _, body = await client.send(order)
            assert status == 202, body
            after = time.perf_counter()
            look = f"GET /v1/jobs/{json.loads(body)['id']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            job = {"state": "queued"}
            while job["state"] in {"queued", "running"}:
                await asyncio.sleep(0.01)
                job = json.loads((await client.send(look))[2])
            assert job["state"] == "succeeded", job
            if n >= 20:
                taken.append(after - before)
                begun.append(datetime.fromisoformat(job["started_at"]).timestamp() - sent_at)
    return taken, begun


# load


def load() -> None:
    """CLIENTS in a closed loop, each with pictures of its own; refused ones wait as told, two seconds at most."""
    before = _engine_alone()
    with serving(RUBYLITH_CACHE_BYTES=str(CACHE_BYTES)) as (port, pid):
        memory: list[tuple[float, float]] = []
        over = threading.Event()
        watch = threading.Thread(target=_watch_memory, args=(pid, memory, over))
        watch.start()
        counts, seconds = asyncio.run(_crowd(port))
        over.set()
        watch.join()
    print(
        f"latency of answers {milliseconds(seconds)}; memory in MB "
        + ", ".join(f"{s:.0f} s {m:.0f}" for s, m in memory),
        flush=True,
    )
    answered, after = counts["200"] / LOAD_SECONDS, _engine_alone()
    alone = (before + after) / 2
    print(
        f"statuses {dict(counts)}; {answered:.1f} answers/s; engine alone {before:.1f}/s before, {after:.1f}/s after: "
        f"{answered / alone:.2f}"
    )


def _watch_memory(pid: int, memory: list[tuple[float, float]], over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(10 if memory else 5):
        words = Path(f"/proc/{pid}/statm").read_text().split()
        memory.append((time.monotonic() - began, int(words[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6))


async def _crowd(port: int) -> tuple[collections.Counter[str], list[float]]:
    counts: collections.Counter[str] = collections.Counter()
    seconds: list[float] = []
    until = time.perf_counter() + LOAD_SECONDS
    requests = [form(small_photo(seed), CLICK) for seed in range(256)]

    async def one(number: int) -> None:
        n = 0
        async with Client(port) as client:
            while (before := time.perf_counter()) < until:
                status, headers, _ = await client.send(requests[(number * 31 + n) % len(requests)])
                n += 1
                if time.perf_counter() < until:
                    counts[
                        str(status) + ("" if status == 200 or "retry-after" in headers else " without Retry-After")
                    ] += 1
                    seconds.append(time.perf_counter() - before)
                if status != 200:
                    await asyncio.sleep(min(2.0, float(headers.get("retry-after", "1"))))

    await asyncio.gather(*(one(number) for number in range(CLIENTS)))
    return counts, seconds


def _engine_alone() -> float:
    """Pictures a second of decoding, looking and one click, by as many threads as there are cores."""
    engine = Engine("embedded")
    prompt = Objects((ObjectPrompt((Point(250, 170),)),))
    pictures = [small_photo(seed) for seed in range(32)]

    def once(n: int) -> None:
        image = open_image(Inline(pictures[n % len(pictures)], "a.jpg"), DEFAULT_LIMITS)
        engine.segment(image, prompt, embedding=engine.embed(image))

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(once, range(8)))
        before = time.perf_counter()
        count = 100
        list(pool.map(once, range(count)))
        return count / (time.perf_counter() - before)


def milliseconds(seconds: list[float]) -> str:
    """Median, 95th and 99th percentile."""
    ordered = sorted(seconds)
    parts = [statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[int(len(ordered) * 0.99)]]
    return "p50 {:.1f} p95 {:.1f} p99 {:.1f} ms".format(*(part * 1e3 for part in parts))


def _install_nothing(seconds: float) -> None:
    module = ModuleType("rubylith.engine.models.embedded")
    module.load = lambda *_: Nothing(seconds)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module


def main(words: list[str]) -> None:
    """The benchmark of this name."""
    match words:
        case ["serve-nothing", seconds, "--port", port]:
            _install_nothing(float(seconds))
            serve.command(port=int(port))
        case ["overhead"]:
            overhead()
        case ["start", *url]:
            start("".join(url))
        case ["load"]:
            load()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
