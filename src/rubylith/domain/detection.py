"""Something that was found by its name."""

from dataclasses import dataclass

from rubylith.domain.geometry import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """Where something is and what it is. name: in the words of the vocabulary asked for; score: in [0, 1]."""

    name: str
    score: float
    box: Box
