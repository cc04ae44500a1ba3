"""Nano, in the package: crops with prompts → masks with predicted IoU; and a picture → where its borders are.

These are two networks, made by `training/nano`. Each is opened when it is first asked. Where a file of theirs is
missing the embedded model does without both; `is_here` tells.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import ModelFailed
from rubylith.engine.embedded.choice import FEATURES, Choice
from rubylith.engine.embedded.choice import FILE as CHOICE
from rubylith.engine.embedded.contours import likely_borders
from rubylith.engine.embedded.crops import CROP, Hints, Window, context_planes, cut, hint_planes, numbers, thumbnail
from rubylith.engine.runtimes import Array, Device, Network
from rubylith.engine.runtimes.onnx import open_network

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

NAME = "nano"
FILE = Path(__file__).with_name("nano.onnx")
CONTOURS = Path(__file__).with_name("contours.onnx")
ASKED, SHOWN = frozenset({"image", "hints", "context", "numbers"}), frozenset({"image"})  # what the two take
AGAIN = "Install rubylith again"


def files() -> tuple[Path, ...]:
    """The networks' files and the choice that was fitted to them; none where this installation has to do without."""
    every = FILE, CONTOURS, CHOICE
    return every if all(file.is_file() for file in every) else ()


def is_here() -> bool:
    """Whether this installation has the networks' files, and the choice that was fitted to them."""
    return bool(files())


def size() -> int | None:
    """Bytes of both networks; None where this installation has to do without."""
    return FILE.stat().st_size + CONTOURS.stat().st_size if is_here() else None


def digest(path: Path = FILE, contours: Path = CONTOURS) -> str:
    """SHA-256 of both files, one after the other: what a choice was fitted to."""
    return sha256(path.read_bytes() + contours.read_bytes()).hexdigest()


def check() -> None:
    """ModelFailed where the files are here but not those that belong together: damaged, changed, or of two versions."""
    if not is_here():
        return
    for path in (FILE, CONTOURS):
        try:
            path.open("rb").close()
        except OSError as failure:
            raise _damaged(path, failure.strerror or str(failure)) from failure
    Choice.read(CHOICE, FEATURES)
    if Choice.networks(CHOICE) != digest(FILE, CONTOURS):
        for path, inputs in ((FILE, ASKED), (CONTOURS, SHOWN)):
            _opened(path, inputs, Device())  # says it where one cannot be opened at all
        raise _damaged(FILE.parent, f"{FILE.name} and {CONTOURS.name} are not those that {CHOICE.name} was made for")


def told() -> str | None:
    """What to say where the embedded model has to do without its networks; None where it has them."""
    missing = [file.name for file in (FILE, CONTOURS, CHOICE) if not file.is_file()]
    if not missing:
        return None
    names = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in this installation"
    return f"The model embedded works without its networks, because {names}: colour and texture alone answer. {AGAIN}."


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What the network says of one crop. logits: (3, 128, 128); predicted_ious: (3,), with the whole object."""

    window: Window
    logits: FloatArray
    predicted_ious: FloatArray


class Nano:
    """The networks; any number of threads may ask them.

    They always run on the CPU: a crop is done in milliseconds, and the embedded model must work wherever Rubylith does.
    """

    def __init__(self, device: Device, path: Path = FILE, contours: Path = CONTOURS) -> None:
        self._device, self._lock = Device(threads=device.threads, spins=False), Lock()
        self._path, self._contours_path = path, contours

    @cached_property
    def _network(self) -> Network:
        return _opened(self._path, ASKED, self._device)

    @cached_property
    def _contours(self) -> Network:
        return _opened(self._contours_path, SHOWN, self._device)

    def borders(self, pixels: UInt8Array) -> FloatArray:
        """How likely each pixel lies on a border: (H, W) float32, 0 to 1. pixels: (H, W, 3) uint8 RGB.

        ModelFailed where the file is damaged.
        """
        with self._lock:
            network = self._contours
        with _at_work(self._contours_path):
            likely = likely_borders(network, pixels)
        if not np.isfinite(likely).all():  # a damaged file may still open
            raise _damaged(self._contours_path, "it answers what is no number")
        return likely

    def ask(self, view: "View", windows: Sequence[Window], hints: Hints) -> list[Opinion]:
        """Its opinion of each window of a picture, all with the same hints."""
        with self._lock:
            network = self._network
        rows = [view.row(window, hints) for window in windows]
        with _at_work(self._path):
            results = network.run({name: np.stack([row[name] for row in rows]) for name in rows[0]})
        return [
            Opinion(window, logits, predicted_ious)
            for window, logits, predicted_ious in zip(windows, results["masks"], results["predicted_iou"], strict=True)
        ]


def _opened(path: Path, inputs: frozenset[str], device: Device) -> Network:
    try:
        network = open_network(path, device)
    except ModelFailed as failure:
        raise _damaged(path, "ONNX Runtime cannot open it") from failure
    if frozenset(network.inputs) != inputs:
        raise _damaged(path, f"it takes {', '.join(network.inputs)} instead of {', '.join(sorted(inputs))}")
    return network


@contextmanager
def _at_work(path: Path) -> Generator[None]:
    """Where the network fails at work: its file may be damaged, but memory may be short as well."""
    try:
        yield
    except ModelFailed as failure:
        raise ModelFailed(
            f"The network in the package, {path}, failed: {failure.message}",
            "`rubylith doctor` says whether it is damaged; then install rubylith again",
        ) from failure


def _damaged(path: Path, how: str) -> ModelFailed:
    return ModelFailed(f"The network in the package, {path}, is damaged: {how}", AGAIN)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture as the network is shown it; hints and windows are in the pixels of the full one.

    pixels: (H, W, 3) uint8; small: the same, shrunk, from which large crops are cut in less time; thumb: (64, 64, 3).
    """

    pixels: UInt8Array
    small: UInt8Array
    thumb: UInt8Array

    @classmethod
    def of(cls, pixels: UInt8Array, small: UInt8Array) -> Self:
        """The view of a picture and its shrunk copy."""
        return cls(pixels, small, thumbnail(small))

    @property
    def longest(self) -> int:
        """The longer side in pixels."""
        return max(self.pixels.shape[:2])

    def row(self, window: Window, hints: Hints) -> dict[str, Array]:
        """The arrays of one crop, by the names of the graph's inputs."""
        shrunk = window.scaled(max(self.small.shape[:2]) / self.longest)
        fits = shrunk.side >= CROP
        shown = hints.positive[:1] if hints.box is None else ()
        return {
            "image": cut(self.small, shrunk) if fits else cut(self.pixels, window),
            "hints": hint_planes(window, hints),
            "context": context_planes(self.thumb, self.longest, window, shown),
            "numbers": numbers(window, self.longest, is_box=hints.box is not None),
        }
