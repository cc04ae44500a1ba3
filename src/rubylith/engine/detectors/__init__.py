"""Picture and names → boxes. One file per family, named in NAMES; each has `load(weights, device) -> Detector`.

A closed-set detector knows a fixed list of names, in its `VOCABULARY`; one with an open vocabulary has None there.
`THRESHOLD` is the score from which it trusts itself. `TILE` is the side in pixels of the parts that it also looks at in
a larger picture; None if the whole is enough, or if each look takes too long to take many unasked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rubylith.domain.detection import Detection
from rubylith.domain.image import Image

NAMES = ("fastestdet", "ultraface", "grounding_dino", "owlv2", "sam3")


@dataclass(frozen=True, slots=True)
class DetectorWeights:
    """The files of one detector, on this machine.

    name: the detector's. folder: where its files are; a graph by itself or in `onnx/`, or what transformers wrote.
    """

    name: str
    folder: Path


class Detector(Protocol):
    """A loaded detector. It remembers nothing about pictures, so any number of threads may share it."""

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """What of these names is in the picture, best first, each thing of a name once.

        names: of the vocabulary. threshold: scores below it are dropped; None: the detector's own.
        """
        ...
