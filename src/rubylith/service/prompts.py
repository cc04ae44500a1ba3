"""Points, boxes and options, as people give them → Prompt. The command line and the library ask in the same way."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, SupportsFloat, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt, UnknownName
from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.logits import Logits
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, Mode, ObjectPrompt, Objects, Overlap, Prompt, Scene, Text
from rubylith.domain.rle import RLE
from rubylith.language.lists import phrases_in
from rubylith.service.previous import bitmap_of

Numbers: TypeAlias = Sequence[SupportsFloat] | npt.NDArray[Any]
PointLike: TypeAlias = Point | Numbers
BoxLike: TypeAlias = Box | Numbers
MaskLike: TypeAlias = Mask | RLE | Logits | Mapping[str, Any] | npt.NDArray[np.bool_ | np.integer[Any]]
Option: TypeAlias = int | float | str | bool | None

POINT_FORM = "Give (x, y), or (x, y, 0) for a place that does not belong to the object"
MASK_FORM = "Give a Mask of an earlier result, its RLE, or an array of shape (height, width), bool or uint8"
BOX_FORM = "Give (x0, y0, x1, y1): the left, top, right and bottom edge in pixels"


@dataclass(frozen=True, slots=True)
class Words:
    """Words, as people give them.

    text: phrases in a list, each as it is, or in one string with commas or `and` between them. threshold: one for all
    phrases, or one for each.
    """

    text: str | Sequence[str] | None = None
    mode: str | None = None
    threshold: float | Sequence[float] | None = None
    detector: str | None = None


UNSAID = Words()


def read_prompt(
    points: Sequence[PointLike] | None = None,
    boxes: Sequence[BoxLike] | None = None,
    previous: MaskLike | None = None,
    *,
    words: Words = UNSAID,
    multimask: bool = False,
    options: dict[str, Option],
    defaults: Callable[[], Everything] = Everything,
) -> Prompt:
    """What to cut; InvalidPrompt where the parts do not go together.

    points alone, with one box or with `previous` say one object; several boxes say one object each; words say all
    that they name; a mode without words says the whole scene by name; nothing says everything. options: those of
    Everything by name; None means not given. Given together with points or boxes they are refused, because they would
    do nothing; `max_masks` goes with words too, `tile_side` with words that are said. defaults: gives those of the
    model that is asked, for what is not given; called only for everything, since a folder's lie on the disk.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if words != UNSAID:
        given_too = (("points", points), ("boxes", boxes), ("previous", previous))
        pointed = [name for name, value in given_too if value is not None and not _is_empty(value)]
        return _read_text(words, [*pointed, *(["multimask"] if multimask else [])], given)
    clicks = tuple(_read_point(point) for point in _listed(points, "points", POINT_FORM))
    frames = tuple(_read_box(box) for box in _listed(boxes, "boxes", BOX_FORM))
    if not clicks and not frames and previous is None:
        if multimask:
            raise InvalidPrompt("multimask asks for candidates of one object, but none is given", "Add a point or box")
        return _read_everything(given, defaults)
    if given:
        verb = "says" if len(given) == 1 else "say"
        raise InvalidPrompt(
            f"{', '.join(given)} {verb} how to find everything, but points or boxes say what to cut",
            "Leave out the one or the other",
        )
    if len(frames) > 1 and (clicks or previous is not None):
        raise InvalidPrompt(
            f"{len(frames)} boxes mean {len(frames)} objects, and the points or the previous mask could be of any",
            "Give one box with them, or ask for each object on its own",
        )
    if len(frames) > 1:
        return Objects(tuple(ObjectPrompt(box=frame) for frame in frames), multimask)
    one = ObjectPrompt(clicks, next(iter(frames), None), None if previous is None else _read_mask(previous))
    return Objects((one,), multimask)


def _read_text(words: Words, others: list[str], given: dict[str, Any]) -> Text | Scene:
    if words.text is None and (words.threshold is not None or words.detector is not None):
        raise InvalidPrompt(
            "threshold or detector is given without words", "Say what to find: text, such as 'car, dog'"
        )
    allowed = {"max_masks"} if words.text is None else {"max_masks", "tile_side"}
    clashing = others + [name for name in given if name not in allowed]
    if clashing:
        said = "mode" if words.text is None else "text"
        raise InvalidPrompt(
            f"{', '.join(clashing)} and {said} are given together", "Ask by words or by pointing, one at a time"
        )
    try:
        mode = Mode(words.mode or Mode.INSTANCE)
    except ValueError:
        raise UnknownName.among("mode", str(words.mode), tuple(Mode)) from None
    if words.text is None:
        return Scene(mode, given.get("max_masks"))
    phrases = _read_phrases(words.text)
    if not phrases:
        raise InvalidPrompt("text holds no words", "Name what to find, such as 'car' or 'the largest object'")
    threshold, max_masks, tile_side = _read_threshold(words.threshold), given.get("max_masks"), given.get("tile_side")
    return Text(phrases, mode, threshold, max_masks, words.detector, tile_side)


def _read_phrases(text: object) -> tuple[str, ...]:
    if isinstance(text, bytes) or not isinstance(text, Iterable):
        raise InvalidPrompt(f"text is {text!r}, which is no text", "Give a string such as 'car, dog', or several")
    listed = phrases_in(text) if isinstance(text, str) else tuple(cast("Iterable[object]", text))
    phrases: list[str] = []
    for phrase in listed:
        if not isinstance(phrase, str):
            raise InvalidPrompt(f"text holds {phrase!r}, which is no phrase", "Give strings: ['car', 'red cup']")
        phrases.append(phrase.strip())
    return tuple(phrase for phrase in phrases if phrase)


def _read_threshold(threshold: float | Sequence[float] | None) -> float | tuple[float, ...] | None:
    """One number for all phrases is one also where it stands in a list."""
    if threshold is None:
        return None
    numbers = _numbers([threshold] if isinstance(threshold, int | float) else threshold)
    if not numbers:
        raise InvalidPrompt(f"The threshold is {threshold!r}", "Give a number from 0 to 1, or one for each phrase")
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _is_empty(value: Any) -> bool:
    """True for a list or array of nothing; arrays are not to be asked whether they are true."""
    return hasattr(value, "__len__") and len(value) == 0


def _listed(values: Sequence[Any] | None, name: str, form: str) -> Sequence[Any]:
    """`values` itself; only None leaves it out. A single point in place of a list is a slip with words of its own."""
    if values is None:
        return ()
    try:
        bare = len(values) > 0 and all(np.ndim(value) == 0 for value in values)
    except (TypeError, ValueError):
        raise InvalidPrompt(f"{name} is {values!r}, not a list", f"{form}, in a list") from None
    if len(values) == 0:
        raise InvalidPrompt(f"{name} is an empty list", "Leave it out to find everything")
    if bare and not any(isinstance(value, Point | Box) for value in values):
        raise InvalidPrompt(f"{name} is {values!r}, not a list of {name}", f"{form}, in a list: {name}=[(...)]")
    return values


def _read_point(point: PointLike) -> Point:
    numbers = _numbers((point.x, point.y, point.positive) if isinstance(point, Point) else point)
    if numbers is None or len(numbers) not in {2, 3} or not all(map(math.isfinite, numbers)):
        raise InvalidPrompt(f"{point!r} is no point", POINT_FORM)
    label = numbers[2] if len(numbers) == 3 else 1
    if label not in {0, 1}:
        raise InvalidPrompt(f"The label of the point {point!r} is {label:g}", "Give 1 (on the object) or 0 (beside it)")
    return Point(numbers[0], numbers[1], positive=label == 1)


def _read_box(box: BoxLike) -> Box:
    numbers = _numbers((box.x0, box.y0, box.x1, box.y1) if isinstance(box, Box) else box)
    if numbers is None or len(numbers) != 4:
        raise InvalidPrompt(f"{box!r} is no box", BOX_FORM)
    return Box(*numbers)


def _numbers(values: Numbers) -> list[float] | None:
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None


def _read_mask(given: MaskLike) -> RLE | Logits:
    fields = cast("Mapping[str, MaskLike]", given if isinstance(given, Mapping) else {})
    mask = fields.get("segmentation", given)  # of a record
    if isinstance(mask, Logits):
        return mask
    if isinstance(mask, Mask):
        return mask.rle
    if isinstance(mask, RLE):
        return RLE.from_coco(mask.size, mask.counts)  # it may come from a file
    if isinstance(mask, Mapping):
        return _read_coco(mask)
    try:
        levels = np.asarray(mask)
    except ValueError:
        raise InvalidPrompt(
            f"The previous mask is a {type(mask).__name__}, and no array of one shape", MASK_FORM
        ) from None
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[:, :, 0]
    if levels.ndim != 2 or levels.dtype.kind not in "bui" or levels.size == 0:
        shape = " x ".join(str(side) for side in levels.shape)
        raise InvalidPrompt(f"The previous mask is {levels.dtype} of shape {shape}", MASK_FORM)
    return RLE.from_bitmap(bitmap_of(levels))


def _read_coco(mask: Mapping[str, Any]) -> RLE:
    match mask:
        case {"size": [int(height), int(width)], "counts": str() | bytes() as counts} if min(height, width) > 0:
            return RLE.from_coco(Size(height, width), counts)
        case _:
            names = ", ".join(map(str, mask)) or "nothing"
            raise InvalidPrompt(
                f"The previous mask is a dictionary of {names}, and no compressed RLE of COCO",
                'Give {"size": [height, width], "counts": "…"}, or a mask of masks.json, which has it as segmentation',
            )


def _read_everything(given: dict[str, Any], defaults: Callable[[], Everything]) -> Everything:
    unknown = [name for name in given if name not in {field.name for field in fields(Everything)}]
    if unknown:
        raise UnknownName.among("option", unknown[0], tuple(field.name for field in fields(Everything)))
    if "overlap" in given:
        try:
            given = {**given, "overlap": Overlap(given["overlap"])}
        except ValueError:
            raise UnknownName.among("overlap", str(given["overlap"]), tuple(Overlap)) from None
    return replace(defaults(), **given)
