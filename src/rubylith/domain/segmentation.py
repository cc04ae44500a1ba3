"""The answer to a prompt."""

from dataclasses import dataclass, field

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import BoolArray


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Masks of one picture, best first. `disjoint` promises that no two share a pixel; `model` made them.

    truncated: `max_seconds` ended the search before all of the picture was looked through, so there may be more.
    vocabulary: every label that the prompt can give, each once, in the order of their numbers in data sets, whether
    this picture shows it or not, so that numbers are the same in all pictures; none where nobody named anything.
    """

    size: Size
    masks: tuple[Mask, ...]
    disjoint: bool
    model: str
    truncated: bool = field(default=False, kw_only=True)
    vocabulary: tuple[Label, ...] = field(default=(), kw_only=True)

    def union(self) -> BoolArray:
        """(H, W) bool, made anew on each call: where any mask is."""
        together = np.zeros((self.size.height, self.size.width), np.bool_)
        for mask in self.masks:
            box, bitmap = mask.rle.tight()
            together[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] |= bitmap
        return together
