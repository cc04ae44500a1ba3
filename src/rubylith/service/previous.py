"""Masks that people have, to be corrected: a file or an array → what `read_prompt` takes as `previous`.

A picture of a mask has two values, as masks and label maps of one object do, or shades up to white, as soft ones and
JPEGs do; the object is what is bright, and where a picture has transparency what is opaque.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Local
from rubylith.domain.rle import BoolArray
from rubylith.service.colours import to_rgb
from rubylith.service.intake import DEFAULT_LIMITS, Limits, decode, read_bytes

Record: TypeAlias = Mapping[str, Any]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FORMS = "Give a picture of the mask, a masks.json, or one mask of it"
OPAQUE = 255
GREY = 16  # of 255: how far the channels of a grey may lie apart, as after a lossy file


def open_previous(word: str, limits: Limits = DEFAULT_LIMITS) -> Record | BoolArray:
    """The mask in a file, which `word` names; `masks.json#2` is the one with the id 2 of several.

    A record of a mask or its RLE as it is, unchecked, or (H, W) bool, upright. InvalidPrompt for what is no single
    mask; what `open_image` raises for a file that cannot be read.
    """
    name, identity = _parted(word)
    data = read_bytes(Local(name), limits)
    text = data.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith((b"{", b"[")):
        return _chosen(_parsed(text, str(name)), str(name), identity)
    if identity is not None:
        raise InvalidPrompt(f"{name} is a picture and holds one mask", f"Leave out #{identity}")
    return bitmap_of(decode(data, str(name), limits, lambda image: _levels(image, str(name))), str(name))


def bitmap_of(levels: npt.NDArray[Any], name: str = "The previous mask") -> BoolArray:
    """Where the object is, (H, W) bool. InvalidPrompt, which calls it `name`, if there may be several.

    levels: (H, W), not empty. The higher of two values is the object; a single one is, unless it is 0; of more, what is
    over half of white is, which is the most that the type holds, and 1 for floats.
    """
    low, high = levels.min(), levels.max()
    if low == high:
        return np.full(levels.shape, bool(high > 0))
    at_top = levels == high
    if (at_top | (levels == low)).all():
        return at_top
    white = np.iinfo(levels.dtype).max if levels.dtype.kind in "ui" else 1
    bright = levels > white / 2
    if not bright.any():
        raise InvalidPrompt(
            f"{name} has grey levels from {low:g} to {high:g}, as a map of several objects has",
            "Give one object: one value for it and one for the rest",
        )
    return bright


def _parted(word: str) -> tuple[Path, int | None]:
    """File and id; a file that is there is taken at its word. InvalidPrompt for one with an id that is none."""
    name, mark, number = word.rpartition("#")
    if not mark or not name or os.path.lexists(word):
        return Path(word), None
    if number.isdecimal():
        return Path(name), int(number)
    if os.path.lexists(name):
        raise InvalidPrompt(
            f"{number!r} is no id of a mask in {name}", f"Give a whole number, such as {name}#1, or leave out #{number}"
        )
    return Path(word), None


def _parsed(text: bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPrompt(f"{name} is no JSON document that can be read ({error})", FORMS) from None


def _chosen(document: Any, name: str, identity: int | None) -> Record:
    """The mask itself, or the one of the list that is asked for; one without an id is known by its place."""
    if not isinstance(document, dict):
        raise InvalidPrompt(f"{name} holds a list and not one mask", FORMS)
    fields = cast("dict[str, Any]", document)
    listed = fields.get("masks")
    if not isinstance(listed, list):
        if identity is not None:
            raise InvalidPrompt(f"{name} holds one mask and no list of them", f"Leave out #{identity}")
        return _checked(fields, name)
    records = [cast("Record", mask) for mask in cast("list[Any]", listed) if isinstance(mask, dict)]
    masks = {_identity(record, place): record for place, record in enumerate(records, 1)}
    if not masks:
        raise InvalidPrompt(f"{name} holds no mask", FORMS)
    if identity is None and len(masks) == 1:
        return _checked(next(iter(masks.values())), name)
    if identity not in masks:
        what = f"{len(masks)} masks" if identity is None else f"no mask with the id {identity}"
        first, last = f"{name}#{next(iter(masks))}", f"{name}#{next(reversed(masks))}"
        which = f"Say which by its id: {first} to {last}"
        only = f"Say {first}, the only one, or leave out #{identity}"
        raise InvalidPrompt(f"{name} holds {what}", which if len(masks) > 1 else only)
    return _checked(masks[identity], name)


def _checked(mask: Record, name: str) -> Record:
    """A list where the run lengths should be is polygons, or runs that are not compressed."""
    if isinstance(mask.get("segmentation", mask), Mapping):
        return mask
    raise InvalidPrompt(f"{name} has a mask that is no compressed RLE of COCO", FORMS)


def _identity(record: Record, place: int) -> int:
    identity = record.get("id")
    return identity if isinstance(identity, int) else place


def _levels(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """One value for each pixel of a loaded picture; InvalidPrompt for one in several colours."""
    if image.mode in {"1", "L", "F"} or image.mode.startswith("I"):
        return image
    if image.has_transparency_data:
        opacity = image.convert("RGBA").getchannel("A")
        if opacity.getextrema()[0] != OPAQUE:
            return opacity
        image = image.convert("RGBA").convert("RGB")
    rgb = to_rgb(image)
    pixels = np.asarray(rgb)
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    if spread.max() > GREY and rgb.getcolors(2) is None:
        raise InvalidPrompt(f"{name} is a picture in colours", "Give one that is bright where the object is, else dark")
    return rgb.convert("L")
