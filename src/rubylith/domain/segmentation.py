"""The answer to a prompt."""

from dataclasses import dataclass

from rubylith.domain.geometry import Size
from rubylith.domain.mask import Mask


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Masks of one picture, best first. `disjoint` promises that no two share a pixel; `model` made them."""

    size: Size
    masks: tuple[Mask, ...]
    disjoint: bool
    model: str
