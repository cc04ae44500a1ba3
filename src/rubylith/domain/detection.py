"""Something that was found by its name."""

from dataclasses import dataclass

from rubylith.domain.geometry import Box
from rubylith.domain.rle import RLE


@dataclass(frozen=True, slots=True)
class Detection:
    """Where something is and what it is.

    name: in the words of the vocabulary asked for; score: in [0, 1]. mask: of the whole picture, from a detector that
    knows what it found pixel by pixel.
    """

    name: str
    score: float
    box: Box
    mask: RLE | None = None
