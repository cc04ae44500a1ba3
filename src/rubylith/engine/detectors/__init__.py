"""Picture and names → boxes. One file per family, named in NAMES; each has `load(weights, device) -> Detector`.

A closed-set detector knows a fixed list of names, in its `VOCABULARY`; one with an open vocabulary has None there.
`TILE` is the side in pixels of the parts that it also looks at in a larger picture; None if the whole is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rubylith.domain.detection import Detection
from rubylith.domain.image import Image

NAMES = ("fastestdet", "ultraface")


@dataclass(frozen=True, slots=True)
class DetectorWeights:
    """The file of one detector, on this machine."""

    name: str
    file: Path


class Detector(Protocol):
    """A loaded detector. It remembers nothing about pictures, so any number of threads may share it."""

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """What of these names is in the picture, best first, each thing once.

        names: of the vocabulary. threshold: scores below it are dropped; None: the detector's own.
        """
        ...
