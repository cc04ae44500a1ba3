"""What to cut: given objects, or everything."""

import enum
import math
import numbers
from dataclasses import dataclass, fields, replace
from typing import SupportsFloat, cast

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.logits import Logits
from rubylith.domain.rle import RLE


@dataclass(frozen=True, slots=True)
class ObjectPrompt:
    """One object: clicks on it and beside it, a box round it, and a mask to be corrected, in any combination.

    previous: a mask of any origin, or the logits that the same model gave of this picture, which say more.
    """

    points: tuple[Point, ...] = ()
    box: Box | None = None
    previous: RLE | Logits | None = None


@dataclass(frozen=True, slots=True)
class Objects:
    """Given objects. `multimask` asks for up to three candidates of each, best first, instead of the best one.

    refinements: how often the best mask of each is handed back as `previous`, with the same clicks and box.
    normalized: points and boxes are shares of width and height from 0 to 1, for callers who do not know the size.
    """

    objects: tuple[ObjectPrompt, ...]
    multimask: bool = False
    refinements: int = 0
    normalized: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What the picture is a picture of, as one mask: what stays when its background is taken away."""


class Overlap(enum.StrEnum):
    """Whether masks of one picture may share pixels."""

    KEEP = "keep"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Everything:
    """All that can be told apart. Names, defaults and meaning of segment-anything's automatic mask generator.

    points_per_side: seeds per side of a regular grid; a mask is proposed only where a seed falls (and in drawings
        where the embedded model finds fewer regions than half of that, so that it misses no dot).
    pred_iou_thresh, stability_score_thresh: masks below either are dropped; stability_score_offset: how far the
        cut is loosened and tightened to measure stability.
    box_nms_thresh: of two masks whose boxes have a higher IoU than this, the worse is dropped.
    crop_n_layers: also look at (2**layer)**2 overlapping crops for each layer; finds smaller things.
    crop_nms_thresh: box_nms_thresh between crops. crop_overlap_ratio: overlap as a share of the shorter side.
    crop_n_points_downscale_factor: points_per_side is divided by this for each further layer.
    min_mask_region_area: holes are filled and islands dropped below this many pixels; small masks stay.
    max_masks: at most this many, the best. overlap: NONE gives each pixel to one mask only.

    Beyond segment-anything's:
    tile_side: also look at overlapping tiles of about so many pixels a side, for pictures larger than a model's square.
    fast: ask every other seed first, and of the rest only those that no good mask of modest size covers already; a part
        inside of such a mask may be missed.
    max_seconds: look for no longer than about this, then give what was found; seeds are asked from coarse to fine.
    label: masks get the names that a universal model or a detector on this machine has for them.
    """

    points_per_side: int = 32
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0
    max_masks: int | None = None
    overlap: Overlap = Overlap.KEEP
    tile_side: int | None = None
    fast: bool = False
    max_seconds: float | None = None
    label: bool = False

    @property
    def looks_again(self) -> bool:
        """Whether parts of the picture are looked at beside the whole, for which its pixels are needed."""
        return self.crop_n_layers > 0 or self.tile_side is not None

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.label), bool):
            raise InvalidPrompt(f"label is {self.label!r}", "Give true or false")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in LIMITS or (value is None and field.default is None):
                continue
            low, high = LIMITS[field.name]
            is_whole = not (isinstance(field.default, float) or field.name == "max_seconds")
            if not low <= _as_number(value, is_whole=is_whole) <= high:  # NaN is between no numbers
                kind = "whole number" if is_whole else "number"
                raise InvalidPrompt(
                    f"{field.name} is {value!r}", f"Give a {kind} from {low:g} to {high:.10g} (default {field.default})"
                )


def _as_number(value: object, *, is_whole: bool) -> float:
    """NaN for what is no number, or not a whole one where it should be."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral if is_whole else numbers.Real):
        return math.nan
    return float(cast("SupportsFloat", value))


class Mode(enum.StrEnum):
    """What a mask stands for: one thing; all of one name; or both, things one by one and the rest by name, disjoint."""

    INSTANCE = "instance"
    SEMANTIC = "semantic"
    PANOPTIC = "panoptic"


@dataclass(frozen=True, slots=True)
class Text:
    """What words name. Every mask is labelled with the phrase that it answers.

    phrases: one idea each, such as "car", "red cup" or "the largest object". threshold: things found with a lower score
    are dropped; one for all phrases, or one for each; None leaves it to the detector. max_masks: at most this many, the
    best. detector: by name; None takes the smallest on this machine that knows the phrase. tile_side: the detector also
    looks at overlapping tiles of so many pixels a side; None leaves it to the detector. limits: so many of each
    phrase at most, in their order: the best, or the largest of "the largest car". without: phrases; what they name is
    left out of all that is found.
    """

    phrases: tuple[str, ...]
    mode: Mode = Mode.INSTANCE
    threshold: float | tuple[float, ...] | None = None
    max_masks: int | None = None
    detector: str | None = None
    tile_side: int | None = None
    limits: tuple[int | None, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.phrases) + len(self.without)
        if not self.phrases or count > MAX_PHRASES:
            raise InvalidPrompt(f"{count} phrases were given", f"Give 1 to {MAX_PHRASES}")
        if isinstance(self.threshold, tuple) and len(self.threshold) != len(self.phrases):
            raise InvalidPrompt(
                f"{len(self.threshold)} thresholds were given for {len(self.phrases)} phrases",
                "Give one for all, or one for each phrase in its order",
            )
        if self.limits and len(self.limits) != len(self.phrases):
            raise InvalidPrompt(
                f"{len(self.limits)} limits were given for {len(self.phrases)} phrases", "Give one for each phrase"
            )
        for threshold in self.thresholds.values():
            if threshold is not None and not 0 <= threshold <= 1:
                raise InvalidPrompt(f"The threshold is {threshold}", "Give a number from 0 to 1")
        if self.max_masks is not None and self.max_masks < 1:
            raise InvalidPrompt(f"max_masks is {self.max_masks}", "Give a whole number from 1 on")
        low, high = LIMITS["tile_side"]
        if self.tile_side is not None and not low <= self.tile_side <= high:
            raise InvalidPrompt(f"tile_side is {self.tile_side}", f"Give a whole number from {low:g} to {high:.10g}")

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Each phrase once, with its threshold; of one that is said twice the first counts."""
        several = self.threshold if isinstance(self.threshold, tuple) else (self.threshold,) * len(self.phrases)
        by_phrase: dict[str, float | None] = {}
        for phrase, threshold in zip(self.phrases, several, strict=True):
            by_phrase.setdefault(phrase, threshold)
        return by_phrase


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a picture shows, every mask with a name and no pixel in two of them.

    mode: PANOPTIC, things one by one and the rest by name; SEMANTIC, all by name; INSTANCE, the things alone.
    max_masks: at most this many, the best. names: what to look for where nobody has names of its own and a detector
    takes any words; none leaves that to the engine.
    """

    mode: Mode = Mode.PANOPTIC
    max_masks: int | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_masks is not None and self.max_masks < 1:
            raise InvalidPrompt(f"max_masks is {self.max_masks}", "Give a whole number from 1 on")


Prompt = Objects | Everything | Subject | Text | Scene

LIMITS: dict[str, tuple[float, float]] = {
    "points_per_side": (1, 256),
    "pred_iou_thresh": (0, 1),
    "stability_score_thresh": (0, 1),
    "stability_score_offset": (0, 100),
    "box_nms_thresh": (0, 1),
    "crop_n_layers": (0, 4),
    "crop_nms_thresh": (0, 1),
    "crop_overlap_ratio": (0, 0.9),
    "crop_n_points_downscale_factor": (1, 16),
    "min_mask_region_area": (0, 1e9),
    "max_masks": (1, 1e6),
    "tile_side": (256, 1e6),
    "max_seconds": (0, 1e6),
}
MAX_POINTS, MAX_OBJECTS, MAX_REFINEMENTS, MAX_PHRASES = 1000, 1000, 10, 100


def in_pixels(objects: Objects, size: Size) -> Objects:
    """The same objects in pixels of a picture of this size; the far edge belongs to the last pixel."""
    if not objects.normalized:
        return objects
    return replace(objects, objects=tuple(_scaled(prompt, size) for prompt in objects.objects), normalized=False)


def check_sense(objects: Objects) -> None:
    """InvalidPrompt for what makes no sense in any picture; shares are looked at once they are pixels."""
    if not 0 <= objects.refinements <= MAX_REFINEMENTS:
        raise InvalidPrompt(f"{objects.refinements} refinements were asked for", f"Ask for 0 to {MAX_REFINEMENTS}")
    if not 1 <= len(objects.objects) <= MAX_OBJECTS:
        raise InvalidPrompt(f"{len(objects.objects)} objects were given", f"Give 1 to {MAX_OBJECTS}")
    for prompt in () if objects.normalized else objects.objects:
        _check_object(prompt)


def check_objects(objects: Objects, size: Size) -> None:
    """InvalidPrompt unless every object, in pixels, can be asked for in a picture of this size."""
    check_sense(objects)
    for prompt in objects.objects:
        _check_place(prompt, size)


def check_previous(objects: Objects, size: Size) -> None:
    """InvalidPrompt unless every mask to be corrected can be of a picture of this size."""
    for prompt in objects.objects:
        _check_previous(prompt, size)


def _scaled(prompt: ObjectPrompt, size: Size) -> ObjectPrompt:
    last_x, last_y = math.nextafter(size.width, 0), math.nextafter(size.height, 0)
    points = tuple(
        replace(
            point,
            x=point.x * size.width if point.x != 1 else last_x,
            y=point.y * size.height if point.y != 1 else last_y,
        )
        for point in prompt.points
    )
    box = prompt.box
    if box is not None:
        box = Box(box.x0 * size.width, box.y0 * size.height, box.x1 * size.width, box.y1 * size.height)
    return replace(prompt, points=points, box=box)


def _check_object(prompt: ObjectPrompt) -> None:
    if len(prompt.points) > MAX_POINTS:
        raise InvalidPrompt(f"{len(prompt.points)} points were given for one object", f"Give at most {MAX_POINTS}")
    if prompt.box is not None and (not prompt.box.is_finite() or prompt.box.area <= 0):
        raise InvalidPrompt(f"The box {_corners(prompt.box)} has no area", "Give x0,y0,x1,y1 with x0 < x1 and y0 < y1")
    _check_agreement(prompt)
    says_where = prompt.box is not None or any(point.positive for point in prompt.points)
    is_empty = prompt.previous is None or (isinstance(prompt.previous, RLE) and prompt.previous.area == 0)
    if not says_where and is_empty:
        empty = "" if prompt.previous is None else ", and its previous mask is empty"
        raise InvalidPrompt(
            f"An object has no positive point and no box{empty}", "Click on the object at least once, or give a box"
        )


def _check_place(prompt: ObjectPrompt, size: Size) -> None:
    for point in prompt.points:
        if not (0 <= point.x < size.width and 0 <= point.y < size.height):
            raise InvalidPrompt(
                f"The point ({point.x:g}, {point.y:g}) lies outside the picture, which is {size} pixels",
                f"Give x from 0 to {size.width - 1} and y from 0 to {size.height - 1}",
            )
    if prompt.box is not None and prompt.box.clipped(size).area <= 0:
        raise InvalidPrompt(
            f"The box {_corners(prompt.box)} lies outside the picture, which is {size} pixels",
            "Give a box that touches the picture",
        )
    _check_previous(prompt, size)


def _check_previous(prompt: ObjectPrompt, size: Size) -> None:
    if isinstance(prompt.previous, RLE) and prompt.previous.size != size:
        raise InvalidPrompt(
            f"The previous mask is {prompt.previous.size} pixels but the picture is {size}",
            "Send the mask that was made from this picture",
        )


def _check_agreement(prompt: ObjectPrompt) -> None:
    """The parts of one prompt must be able to mean one object."""
    points = [point for point in prompt.points if math.isfinite(point.x) and math.isfinite(point.y)]
    both = {(math.floor(p.x), math.floor(p.y)) for p in points if p.positive} & {
        (math.floor(p.x), math.floor(p.y)) for p in points if not p.positive
    }
    if both:
        x, y = min(both)
        raise InvalidPrompt(
            f"The pixel ({x}, {y}) is clicked as part of the object and as not", "Leave out one of the two"
        )
    if prompt.box is None:
        return
    for point in points:
        if point.positive and not prompt.box.holds(point):
            raise InvalidPrompt(
                f"The point ({point.x:g}, {point.y:g}) lies outside the box of its object",
                "Give a box that holds the whole object, or leave it out",
            )


def _corners(box: Box) -> str:
    return f"({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g})"
