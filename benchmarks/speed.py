"""Seconds and peak memory of the embedded model and of the program's start, as a Markdown table.

    python benchmarks/speed.py [PHOTO]
    python benchmarks/speed.py --peer transformers|segment-anything [--help]  # against other programs, see peers.py

Each size runs in a process of its own; peak memory is that process's, decoding and libraries included.
"""

import argparse
import io
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEGAPIXELS = (0.175, 2.0, 12.0)  # of a 3:2 photo the first has 512 pixels on its longer side
REPEATS = 5


def main() -> None:
    """Measure every size, then the start of the program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path, default=ROOT / "examples" / "photo.jpg")
    parser.add_argument("--size", type=float, help="measure this many megapixels only, in this process")
    if any(one.startswith("--peer") for one in sys.argv[1:]):
        sys.path.insert(0, str(ROOT))
        from benchmarks import peers  # noqa: PLC0415  it needs PyTorch

        peers.main(sys.argv[1:])
        return
    options = parser.parse_args()
    if options.size:
        print(measure(options.photo, options.size))
        return
    print("| photo | decode | embed | propose | all of everything | first click | further click | box | peak memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in MEGAPIXELS:
        _python(__file__, str(options.photo), "--size", str(size))
    print("\n| start | seconds |\n|---|---|")
    for name, command in {"import rubylith": ("-c", "import rubylith"), "--help": ("-m", "rubylith", "--help")}.items():
        print(f"| {name} | {median(lambda command=command: _python(*command, quiet=True)):.2f} |")


def measure(photo: Path, megapixels: float) -> str:
    """One row of the table; times are medians in milliseconds."""
    from rubylith.domain.geometry import Box, Point  # noqa: PLC0415  # the other process measures imports
    from rubylith.domain.image import Image  # noqa: PLC0415
    from rubylith.domain.prompt import Everything, ObjectPrompt  # noqa: PLC0415
    from rubylith.engine.models.embedded import load  # noqa: PLC0415
    from rubylith.engine.runtimes import Device  # noqa: PLC0415

    data = resized(photo, megapixels)
    model = load(None, Device())
    picture = Image(decode(data), "0" * 64)
    height, width = picture.pixels.shape[:2]
    embedding = model.embed(picture)
    click = Point(width * 0.5, height * 0.5)
    first = model.decode(embedding, [ObjectPrompt((click,))])[0][0]
    # a click beside the mask that contradicts it, and one inside it that does too
    outside = Point(width * 0.25, height * 0.7, not first.rle.bitmap()[int(height * 0.7), int(width * 0.25)])
    further = ObjectPrompt((click, outside), previous=first.rle)
    box = ObjectPrompt(box=Box(width * 0.3, height * 0.3, width * 0.7, height * 0.8))
    fresh = iter([model.embed(picture) for _ in range(REPEATS)])
    unseen = iter([model.embed(picture) for _ in range(REPEATS)])

    def everything() -> None:
        model.propose(model.embed(Image(decode(data), "0" * 64)), Everything(), lambda _: None)

    steps: list[Callable[[], object]] = [
        lambda: decode(data),
        lambda: model.embed(picture),
        lambda: model.propose(next(fresh), Everything(), lambda _: None),
        everything,
        lambda: model.decode(next(unseen), [ObjectPrompt((click,))]),
        lambda: model.decode(embedding, [further]),
        lambda: model.decode(embedding, [box]),
    ]
    times = [
        f"{1000 * median(step):.0f} ms" if step is not steps[5] else f"{1000 * median(step):.1f} ms" for step in steps
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"| {width} x {height} | " + " | ".join(times) + f" | {peak:.0f} MB |"


def resized(photo: Path, megapixels: float) -> bytes:
    """The photo as JPEG bytes of about this many megapixels."""
    from PIL import Image as Pillow  # noqa: PLC0415

    with Pillow.open(photo) as opened:
        scale = (megapixels * 1e6 / (opened.width * opened.height)) ** 0.5
        copy = opened.convert("RGB").resize((round(opened.width * scale), round(opened.height * scale)))
    buffer = io.BytesIO()
    copy.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def decode(data: bytes):
    """(H, W, 3) uint8."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image as Pillow  # noqa: PLC0415

    with Pillow.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGB"))


def median(step: Callable[[], object]) -> float:
    """Seconds."""
    times: list[float] = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _python(*arguments: str, quiet: bool = False) -> None:
    sys.stdout.flush()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL if quiet else None)


if __name__ == "__main__":
    main()
