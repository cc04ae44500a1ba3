"""The files that a model was opened from: whose arrays are whose is told by them, not by a name."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rubylith.domain.errors import WeightsMissing
from rubylith.engine.assembly import OWN, PAIR, PUBLISHED, SPLIT
from rubylith.engine.graphs import Part, graph_path
from rubylith.engine.models import Weights
from rubylith.engine.queries import NETWORK
from rubylith.engine.runtimes import Device

WHAT_TRANSFORMERS_WROTE = ("config.json", "*.safetensors", "*.bin")
Stamp = tuple[int, int]  # size and time of the last change


@dataclass(frozen=True, slots=True)
class Origin:
    """What a model was opened from, and the precision that its encoder counts in.

    told: what its page says of the networks' sides, where it has one. stamps: each file with what it looked like when
    it was opened.
    """

    model: str
    precision: str
    told: str
    stamps: tuple[tuple[Path, Stamp], ...] = field(repr=False)

    @classmethod
    def of(cls, weights: Weights, device: Device) -> Self:
        """The files that these weights are run from on that device."""
        told = f"{weights.input_size} {weights.mask_size}"
        return cls(weights.name, device.precision, told, _stamped(_files(weights, device)))

    @classmethod
    def of_package(cls, model: str, files: Iterable[Path]) -> Self:
        """Files that come with Rubylith, which count in one precision wherever it runs; none is a state of its own."""
        return cls(model, "fp32", "package", _stamped(files))

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the files' names and contents; WeightsMissing if they are others by now."""
        whole = hashlib.sha256(self.told.encode())
        for file, stamp in self.stamps:
            try:
                with file.open("rb") as opened:
                    content = hashlib.file_digest(opened, "sha256").hexdigest()
                is_same = _stamp(file) == stamp
            except OSError:
                content, is_same = "", False
            if not is_same:
                raise WeightsMissing(
                    f"{file} is no longer what {self.model!r} was opened from",
                    "Open it again, and embed the picture again",
                )
            whole.update(f"\n{file.name} {content}".encode())
        return whole.hexdigest()


def _files(weights: Weights, device: Device) -> Iterator[Path]:
    """In an order of their own, with the weights that lie beside graphs."""
    folder = weights.folder
    if weights.needs_torch:
        for pattern in WHAT_TRANSFORMERS_WROTE:
            yield from sorted(folder.glob(pattern))
        return
    if not weights.is_split:
        graphs = {PUBLISHED: Part.ENCODER, PAIR: Part.EXACT}
    elif (folder / f"{NETWORK}.onnx").is_file():
        graphs = {NETWORK: Part.WHOLE}
    else:
        graphs = {OWN: Part.ENCODER} | dict.fromkeys(SPLIT, Part.EXACT)
    for name, part in graphs.items():
        path = graph_path(folder, name, part, device)
        yield path
        yield from sorted(path.parent.glob(f"{path.name}_data*"))


def _stamped(files: Iterable[Path]) -> tuple[tuple[Path, Stamp], ...]:
    return tuple((file, _stamp(file)) for file in files)


def _stamp(file: Path) -> Stamp:
    seen = file.stat()
    return seen.st_size, seen.st_mtime_ns
