"""Body → job and picture → SegmentRequest. Faults are InvalidPrompt or InvalidImage, worded `field: rule`."""

import math
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from rubylith.dialects._parsing import check_values
from rubylith.dialects.prodia import wire
from rubylith.domain.errors import InvalidImage, InvalidPrompt, RubylithError, TooLarge, UnknownWord
from rubylith.domain.image import Inline
from rubylith.domain.prompt import Prompt, Subject, Text
from rubylith.domain.request import SegmentRequest
from rubylith.language.lists import phrases_in
from rubylith.service.intake import Header
from rubylith.service.service import Service

MAX_PARTS = 64
SEND = f"Send {', '.join(wire.FORMATS[:-1])} or {wire.FORMATS[-1]}"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job as sent. kind: its type without aliases. config: with defaults filled in."""

    type: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """The one input of a job. orientation: EXIF's, by which it is turned before it is looked at."""

    data: bytes = field(repr=False)
    orientation: int


async def read_submitted(http: Request) -> Submitted:
    """The job of a body, multipart or JSON. What is known of it is left in the request's state, for the errors."""
    documents, inputs = await _read_parts(http)
    if len(documents) != 1:
        raise InvalidPrompt(f"job: {len(documents)} parts of that name were sent", "Send exactly one")
    job = read_job(documents[0])
    http.state.job = {"type": job.type[:100], "config": {}}
    kind = wire.ALIASES.get(job.type, job.type)
    if kind not in wire.CONFIGS:
        known = ", ".join((*wire.CONFIGS, *wire.ALIASES))
        raise InvalidPrompt(f"type: unsupported job type {job.type[:100]!r}", f"This server knows {known}")
    try:
        config = wire.CONFIGS[kind].model_validate(job.config).model_dump()
    except ValidationError as error:
        raise _fault(error, "config.") from None
    http.state.job = {"type": job.type, "config": config}
    return Submitted(job.type, kind, config, inputs)


def read_job(document: bytes) -> wire.JobIn:
    """The document of part `job`; TooLarge for too many values."""
    check_values(document)
    try:
        return wire.JobIn.model_validate_json(document)
    except ValidationError as error:
        raise _fault(error, "") from None


def read_picture(submitted: Submitted, service: Service) -> Picture:
    """The one input, within the limits. The client sends a File twice, so equal inputs count as one."""
    pictures = tuple(dict.fromkeys(submitted.inputs))
    if len(pictures) != 1:
        many = f"{len(pictures)} different ones were sent" if pictures else "missing"
        raise InvalidImage(f"input: {many}", "Send exactly one picture")
    (data,) = pictures
    if len(data) > wire.MAX_FILE:
        raise TooLarge(f"input: {len(data)} bytes is above the maximum {wire.MAX_FILE} (10 MB)", "Send a smaller file")
    max_side = wire.MAX_SIDE_OF_WORDS if submitted.kind == wire.WORDS else wire.MAX_SIDE
    header = _inspected(data, service, max_side)
    if header.kind not in wire.FORMATS:
        raise InvalidImage(f"input: format {header.kind} is not supported", SEND)
    for name, pixels in (("width", header.stored.width), ("height", header.stored.height)):
        if pixels < wire.MIN_SIDE:
            raise InvalidImage(f"input: {name} {pixels} is below the minimum {wire.MIN_SIDE}", "Send a larger picture")
        if pixels > max_side:
            raise TooLarge(f"input: {name} {pixels} is above the maximum {max_side}", "Scale it down")
    return Picture(data, header.orientation)


def read_request(submitted: Submitted, picture: Picture, service: Service) -> SegmentRequest:
    """What is asked of the engine; words that nobody here knows are a fault of the prompt."""
    with_pixels = submitted.kind == wire.REMOVE_BACKGROUND
    try:
        prompt = _read_prompt(submitted, service)
        request = SegmentRequest(Inline(picture.data, "input"), prompt, service.default_model, with_pixels=with_pixels)
        service.check(request)
    except (InvalidPrompt, UnknownWord) as error:
        raise InvalidPrompt(f"config.prompt: {error.message}", error.hint) from None
    return request


def _read_prompt(submitted: Submitted, service: Service) -> Prompt:
    if submitted.kind == wire.WORDS:
        config = submitted.config
        return Text(phrases_in(config["prompt"]), threshold=config["confidence_threshold"])
    return service.everything(None) if submitted.kind == wire.SEGMENT else Subject()


def _inspected(data: bytes, service: Service, max_side: int) -> Header:
    try:
        return service.inspect(data, "the picture")
    except TooLarge as error:
        message = f"input: width or height is above the maximum {max_side}: {error.message}"
        raise TooLarge(message, "Scale it down") from None
    except RubylithError as error:
        raise InvalidImage(f"input: {error.message}", SEND) from None


async def _read_parts(http: Request) -> tuple[list[bytes], tuple[bytes, ...]]:
    """Documents and inputs."""
    kind = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return [await http.body()], ()
    async with http.form(max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=2 * wire.MAX_FILE) as form:
        return await _all(form, "job", "utf-8"), tuple(await _all(form, "input", "latin-1"))


async def _all(form: FormData, name: str, encoding: str) -> list[bytes]:
    """The parts of this name. encoding: of those without a file name, which the form's reader has taken for text."""
    parts = form.getlist(name)
    return [await part.read() if isinstance(part, UploadFile) else part.encode(encoding, "replace") for part in parts]


def _fault(error: ValidationError, prefix: str) -> InvalidPrompt:
    """The first field at fault and its rule, never the value, which may be anything."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = prefix + ".".join(str(part)[:100] for part in first["loc"])
    is_nan = isinstance(given := first["input"], float) and math.isnan(given)
    rule = "NaN is no number" if is_nan else "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
    return InvalidPrompt(f"{place.rstrip('.') or 'job'}: {rule}", 'Send {"type": "...", "config": {...}}')
