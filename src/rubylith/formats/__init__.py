"""Segmentation → files. One file per format, named in NAMES.

Each has `encode(segmentation, image, path) -> tuple[Encoded, ...]` and says in `SUMMARY` what it gives, in a few words,
and in `NEEDS_PIXELS` whether it draws on the picture itself.
A format is a pure function: the same segmentation gives the same bytes. The id of a mask is its place, from 1.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation

NAMES = (
    "overlay",
    "png",
    "png1",
    "json",
    "labelmap",
    "cutout",
    "matte",
    "coco",
    "panoptic",
    "semantic",
    "polygons",
    "svg",
    "yolo",
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One file. `name`: a relative path such as `masks/001.png`, forward slashes; no two formats share one."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


class Format(Protocol):
    """What each file of this room offers."""

    SUMMARY: str
    NEEDS_PIXELS: bool

    def encode(self, segmentation: Segmentation, image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
        """The files that this format writes for one picture. image: None is enough where NEEDS_PIXELS is False.

        path: what the picture is called, for the formats that name it; empty if it has no name.
        """
        ...
