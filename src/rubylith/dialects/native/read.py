"""Wire → domain. Pure: no pixel is read, no address asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from rubylith import formats
from rubylith.dialects._data_uri import is_data_uri, read_data_uri
from rubylith.dialects.native.wire import ObjectIn, PromptIn, RLEIn
from rubylith.domain.errors import InvalidPrompt, UnknownName
from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.image import ImageSource, Inline, Link, Stored
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Prompt
from rubylith.domain.request import SegmentRequest
from rubylith.domain.rle import RLE
from rubylith.service.prompts import Words
from rubylith.service.prompts import read_prompt as prompt_of

Meaning: TypeAlias = Callable[[str | None], Everything]  # of everything, to a model by its name; None is the default

ZIP, MULTIPART, DOCUMENT = "zip", "multipart", "json"
PACKINGS = (ZIP, MULTIPART)
PACKED_ALONE = ("overlay", "png", "json")  # what a zip holds when nothing else is named
KINDS = (*formats.NAMES, *PACKINGS)
ACCEPTED = {  # media type of the Accept header: format
    "application/json": "json",
    "image/png": "png",
    "image/svg+xml": "svg",
    "application/zip": ZIP,
    "multipart/form-data": MULTIPART,
}


def read_source(text: str) -> ImageSource:
    """A data: URI, an http(s) address, or the id of something stored."""
    if is_data_uri(text):
        return Inline(read_data_uri(text), "the data URI")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text):
        return Link(text)
    return Stored(text)


@dataclass(frozen=True, slots=True)
class Packing:
    """How the files of an answer go out: kind is ZIP, MULTIPART, or None for a single one as it is.

    has_document: whether the document with provenance is among them, which is no file of the request's formats.
    """

    kind: str | None
    has_document: bool


def read_request(
    body: PromptIn, source: ImageSource, accept: str, default_model: str, *, everything: Meaning
) -> tuple[SegmentRequest, Packing]:
    """Body of `/v1/segment` → what is asked for, and how it is packed.

    accept: the header's value, "" where absent. everything: what it means to a model, by its name.
    """
    names = read_formats(body, accept)
    packings = [name for name in names if name in PACKINGS]
    formats = tuple(name for name in names if name not in PACKINGS)
    kind = packings[0] if packings else ZIP if len(formats) > 1 else None
    wanted = formats or (PACKED_ALONE if kind == ZIP else ("png",))
    files = tuple(name for name in wanted if name != DOCUMENT)
    request = SegmentRequest(source, read_prompt(body, everything), body.model or default_model, files)
    return request, Packing(kind, DOCUMENT in wanted)


def read_order(body: PromptIn, source: ImageSource, default_model: str, *, everything: Meaning) -> SegmentRequest:
    """Body of `/v1/jobs` → what is asked for. Each file of a job has its own link, so nothing is packed."""
    names = read_formats(body, "")
    packed = [name for name in names if name in PACKINGS]
    if packed:
        raise InvalidPrompt(f"A job cannot give {packed[0]}", "Name formats: each file of a job has its own link")
    return SegmentRequest(source, read_prompt(body, everything), body.model or default_model, names)


def read_prompt(body: PromptIn, everything: Meaning) -> Prompt:
    """Everything, one object, or several; InvalidPrompt where the parts contradict each other."""
    options = body.options.model_dump(exclude_none=True)
    if not body.objects:
        if "objects" in body.model_fields_set:
            raise InvalidPrompt("objects is an empty list", "Leave it out to find everything")
        previous = None if body.previous is None else _unchecked(body.previous)  # prompt_of checks it
        points, boxes = (getattr(body, n) if n in body.model_fields_set else None for n in ("points", "boxes"))
        words = Words(body.text, body.mode, body.threshold, body.detector)
        return prompt_of(
            points,
            boxes,
            previous,
            words=words,
            multimask=body.multimask,
            options=options,
            defaults=partial(everything, body.model),
        )
    others = ("points", "boxes", "previous", "text", "mode", "threshold", "detector")
    clashing = [name for name in others if getattr(body, name)] + list(options)
    if clashing:
        raise InvalidPrompt(
            f"{', '.join(clashing)} and objects are given together", "Put everything into objects, or leave it out"
        )
    return Objects(tuple(_read_object(one) for one in body.objects), body.multimask)


def read_rle(wire: RLEIn) -> RLE:
    """A mask from outside, checked."""
    rle = _unchecked(wire)
    return RLE.from_coco(rle.size, rle.counts)


def size_of_masks(body: PromptIn) -> int:
    """How many codes there are in a request's masks, which are all read to check them."""
    masks = (body.previous, *(one.previous for one in body.objects or ()))
    return sum(len(mask.counts) for mask in masks if mask is not None)


def read_formats(body: PromptIn, accept: str) -> tuple[str, ...]:
    """The formats asked for in the body, else the one that the Accept header prefers, else JSON."""
    if "format" not in body.model_fields_set:
        return (_negotiated(accept),)
    asked = [body.format] if isinstance(body.format, str) else body.format
    wanted = tuple(dict.fromkeys(name.strip() for part in asked for name in part.split(",")))
    for name in wanted:
        if name not in KINDS:
            raise UnknownName.among("format", name, KINDS)
    if not wanted:
        raise InvalidPrompt("No format is asked for", f"Name at least one of {', '.join(KINDS)}")
    return wanted


def _negotiated(accept: str) -> str:
    for entry in accept.split(","):
        media_type = entry.split(";")[0].strip().lower()
        if media_type in ACCEPTED:
            return ACCEPTED[media_type]
    return "json"


def _unchecked(wire: RLEIn) -> RLE:
    height, width = wire.size
    if height < 1 or width < 1:
        raise InvalidPrompt(f"A mask of {width} x {height} pixels has none", "Send size as [height, width]")
    return RLE(Size(height, width), wire.counts.encode("ascii", "replace"))


def _read_object(wire: ObjectIn) -> ObjectPrompt:
    points = tuple(Point(x, y, positive=not label or label[0] == 1) for x, y, *label in wire.points)
    previous = None if wire.previous is None else read_rle(wire.previous)
    return ObjectPrompt(points, None if wire.box is None else Box(*wire.box), previous)
