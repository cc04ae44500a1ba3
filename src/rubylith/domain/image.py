"""A picture, decoded, and where one comes from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidImage
from rubylith.domain.geometry import Size

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An upright picture in sRGB.

    pixels: (H, W, 3) uint8 RGB, orientation applied, transparency already laid on white; read-only.
    digest: SHA-256 of the received bytes, in hexadecimal.
    """

    pixels: UInt8Array = field(repr=False)
    digest: str

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise InvalidImage(
                f"The pixels are {pixels.dtype} of shape {pixels.shape}", "Give uint8 of shape (height, width, 3), RGB"
            )
        if pixels.flags.writeable:
            pixels = pixels.view()  # the caller's own array stays writable
            pixels.flags.writeable = False
            object.__setattr__(self, "pixels", pixels)

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        height, width = self.pixels.shape[:2]
        return Size(height, width)


@dataclass(frozen=True, slots=True)
class Inline:
    """The encoded bytes of a picture, handed over as they are. `name` is what errors call it."""

    data: bytes = field(repr=False)
    name: str = "the picture"


@dataclass(frozen=True, slots=True)
class Local:
    """A file on this machine."""

    path: Path

    @property
    def name(self) -> str:
        """What errors call it."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Link:
    """An http or https address that anyone may read."""

    url: str

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.url


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture that was uploaded before, by its id."""

    id: str

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.id


AtHand = Inline | Local  # what can be opened without the service
ImageSource = AtHand | Link | Stored
