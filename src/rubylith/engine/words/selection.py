"""Of the masks that a noun names, those that the rest of the phrase means: by colour, place and size."""

from collections.abc import Sequence

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.domain.image import UInt8Array
from rubylith.domain.mask import Mask
from rubylith.engine.words.colours import COLOURS, name_colours

COLOUR_SHARE = 0.25  # of a thing's pixels that have its colour: windows and tyres of a red car are not red
ALIKE = 2  # times the area: things of about one size


def of_colours(masks: Sequence[Mask], pixels: UInt8Array, colours: Sequence[str]) -> list[Mask]:
    """Those with enough of these colours between them. pixels: (H, W, 3) uint8 RGB."""
    if not masks:
        return []
    wanted = np.isin(name_colours(pixels), [COLOURS.index(colour) for colour in colours])
    return [mask for mask in masks if wanted[mask.rle.bitmap()].mean() >= COLOUR_SHARE]


def in_halves(masks: Sequence[Mask], size: Size, halves: Sequence[str]) -> list[Mask]:
    """Those whose centre lies in all of these halves of the picture; `center` is the middle half of both sides."""
    return [mask for mask in masks if all(_lies(mask, size, half) for half in halves)]


def of_size(masks: Sequence[Mask], size: str | None) -> list[Mask]:
    """Of `large` things those of half the largest's area or more, of `small` ones up to twice the smallest's."""
    areas = [mask.area for mask in masks]
    if size == "large":
        return [mask for mask in masks if mask.area >= max(areas) / ALIKE]
    if size == "small":
        return [mask for mask in masks if mask.area <= min(areas) * ALIKE]
    return list(masks)


def picked(
    masks: Sequence[Mask], size: Size, by_size: str | None, extreme: str | None, count: int | None = None
) -> list[Mask]:
    """The one (or so many) that are the largest, the smallest, or furthest to a side.

    If neither is said, all of them, or the most certain.
    """
    if extreme is None and by_size not in {"largest", "smallest"}:
        return sorted(masks, key=_uncertainty)[:count] if count else list(masks)
    found = list(masks)
    if extreme is not None:
        found = sorted(found, key=lambda mask: _distance(mask, size, extreme))[: count or 1]
    if by_size in {"largest", "smallest"}:
        sign = -1 if by_size == "largest" else 1
        found = sorted(found, key=lambda mask: sign * mask.area)[: count or 1]
    return found


def _uncertainty(mask: Mask) -> float:
    return -(mask.label.score or 0.0) if mask.label else 0.0


def _centre(mask: Mask, size: Size) -> tuple[float, float]:
    """Of the box, as shares of the picture's width and height."""
    return (mask.box.x0 + mask.box.x1) / 2 / size.width, (mask.box.y0 + mask.box.y1) / 2 / size.height


def _lies(mask: Mask, size: Size, half: str) -> bool:
    x, y = _centre(mask, size)
    in_center = abs(x - 0.5) <= 0.25 and abs(y - 0.5) <= 0.25
    return {"left": x < 0.5, "right": x >= 0.5, "top": y < 0.5, "bottom": y >= 0.5, "center": in_center}[half]


def _distance(mask: Mask, size: Size, side: str) -> float:
    x, y = _centre(mask, size)
    middle = (x - 0.5) ** 2 + (y - 0.5) ** 2
    return {"left": x, "right": -x, "top": y, "bottom": -y, "center": middle}[side]
