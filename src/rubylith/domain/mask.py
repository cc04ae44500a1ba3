"""One mask with what is known about it."""

from dataclasses import dataclass, field

from rubylith.domain.geometry import Box, Point
from rubylith.domain.logits import Logits
from rubylith.domain.rle import RLE, BoolArray


@dataclass(frozen=True, slots=True)
class Label:
    """What a mask shows. `is_thing`: countable, as in COCO panoptic; `score`: the detector's, in [0, 1]."""

    name: str
    category_id: int | None = None
    is_thing: bool = True
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask.

    box: the tightest box round the bitmap. predicted_iou: how good the model holds it to be, in [0, 1].
    stability_score: how little the mask changes when it is cut looser and tighter, in [0, 1].
    points: the clicks that it answers. object_index: which of the objects asked for; None if found unasked.
    low_res_logits: the model's own, where it has them, to be sent with the next click.
    """

    rle: RLE
    box: Box
    predicted_iou: float
    stability_score: float | None = None
    points: tuple[Point, ...] = ()
    label: Label | None = None
    object_index: int | None = None
    low_res_logits: Logits | None = field(default=None, compare=False, repr=False)

    @property
    def area(self) -> int:
        """Number of pixels set."""
        return self.rle.area

    def bitmap(self) -> BoolArray:
        """(H, W) bool, made anew on each call."""
        return self.rle.bitmap()
