"""Segmentation → files. One file per format, named in NAMES.

Each has `encode(segmentation, image) -> tuple[Encoded, ...]` and says in `SUMMARY` what it gives, in a few words.
A format is a pure function: the same segmentation gives the same bytes.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation

NAMES = ("overlay", "png", "json", "labelmap", "cutout", "coco", "polygons", "svg", "yolo")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One file. `name`: a relative path such as `masks/001.png`, forward slashes."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


class Format(Protocol):
    """What each file of this room offers."""

    SUMMARY: str

    def encode(self, segmentation: Segmentation, image: Image) -> tuple[Encoded, ...]:
        """The files that this format writes for one picture."""
        ...
