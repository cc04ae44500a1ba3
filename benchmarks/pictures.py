"""What a picture costs a neural model: further clicks on one, and memory over many.

    python benchmarks/pictures.py clicks MODEL [--side 1024]      # MODEL: a name or a folder, as for segment --model
    python benchmarks/pictures.py memory MODEL [--count 500]

Both go the service's way: bytes in, the cache of embeddings asked first. Times are medians in milliseconds.
"""

import argparse
import io
import statistics
import time
from pathlib import Path

import numpy as np
import PIL.Image

from rubylith.domain.geometry import Point
from rubylith.domain.image import ImageSource, Inline
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Prompt
from rubylith.domain.request import SegmentRequest
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device
from rubylith.service.intake import DEFAULT_LIMITS
from rubylith.service.models import Models
from rubylith.service.work import Answer, Opened, Worker

EVERY = 50  # pictures between two looks at memory
CLICKS = 10  # further ones


def main() -> None:
    """Measure the one or the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("clicks", "memory"))
    parser.add_argument("model")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--budget", type=int, default=64, help="MB of embeddings that are kept")
    options = parser.parse_args()
    work = worker(options.model, Device(threads=options.threads), options.budget << 20)
    if options.what == "clicks":
        clicks(work, options.side)
    else:
        memory(work, options.count)


def worker(model: str, device: Device, budget_bytes: int) -> Worker:
    """The service's one function that does the work, with this model."""
    cache = EmbeddingCache(budget_bytes)
    models = Models(model, cache, load=lambda name: Engine(name, device=device))
    return Worker(models, cache, DEFAULT_LIMITS, opened)


def opened(source: ImageSource, _caller: str) -> Opened:
    """Pictures that come along."""
    assert isinstance(source, Inline)
    return Opened.of(source.data, source.name)


def clicks(work: Worker, side: int) -> None:
    """First and further clicks on one picture."""
    random = np.random.default_rng(0)
    data = drawing(side, side, seed=0)
    ask(work, drawing(64, 64, seed=1), click(1, 1))  # loads the model
    first, answer = timed(work, data, click(side / 2, side / 2))
    further: list[float] = []
    for x, y in random.random((CLICKS, 2)) * (side - 1):
        seconds, answer = timed(work, data, click(x, y))
        further.append(seconds)
    median = 1000 * statistics.median(further)
    print(f"first click {1000 * first:.0f} ms, further {median:.0f} ms: 1/{1000 * first / median:.0f}")
    print(f"stages of a further click: {', '.join(answer.timings)}")


def memory(work: Worker, count: int) -> None:
    """Resident memory while different pictures of different sizes pass, each clicked at and searched."""
    random = np.random.default_rng(0)
    everything = Everything(points_per_side=4)
    seen: list[float] = []
    for number in range(count):
        height, width = random.integers(200, 1200, 2)
        data = drawing(int(height), int(width), seed=number)
        for prompt in (click(width / 2, height / 2), everything):
            ask(work, data, prompt)
        if (number + 1) % EVERY == 0:
            seen.append(resident())
            print(f"after {number + 1} pictures: {seen[-1]:.0f} MB, embeddings {work.cache.figures().held}", flush=True)
    steady = seen[1:]  # the cache fills while the first pass
    print(f"spread {100 * (max(steady) - min(steady)) / statistics.mean(steady):.1f} % of the mean")


def click(x: float, y: float) -> Objects:
    """One click."""
    return Objects((ObjectPrompt((Point(float(x), float(y)),)),))


def timed(work: Worker, data: bytes, prompt: Prompt) -> tuple[float, Answer]:
    """Seconds and the answer."""
    started = time.perf_counter()
    answer = ask(work, data, prompt)
    return time.perf_counter() - started, answer


def ask(work: Worker, data: bytes, prompt: Prompt) -> Answer:
    """The answer, as a request gets it."""
    return work.segment(SegmentRequest(Inline(data), prompt, work.models.default), "", lambda _: None)


def drawing(height: int, width: int, seed: int) -> bytes:
    """A smooth picture as JPEG."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(small).resize((width, height), PIL.Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def resident() -> float:
    """MB of this process."""
    return int(Path("/proc/self/status").read_text("utf-8").split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
