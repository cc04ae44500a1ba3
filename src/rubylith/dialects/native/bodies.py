"""Bodies of requests: JSON, multipart with the picture as a part, or the picture alone."""

from functools import partial
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rubylith.dialects._parsing import aside, check_values
from rubylith.dialects.native.read import read_source
from rubylith.dialects.native.wire import (
    EmbeddingIn,
    EmbeddingPartIn,
    JobIn,
    JobPartIn,
    OptionsIn,
    SegmentIn,
    SegmentPartIn,
    TicketIn,
)
from rubylith.domain.errors import InvalidImage, InvalidPrompt
from rubylith.domain.image import ImageSource, Inline

Part = TypeVar("Part", bound=BaseModel)
Whole = TypeVar("Whole", SegmentIn, JobIn, EmbeddingIn)
MAX_PARTS, MAX_DOCUMENT_BYTES = 16, 16 * 1024 * 1024
FORMS = "Send application/json, multipart/form-data with the parts image and request, or the picture itself as image/*"


async def read_segment(http: Request) -> tuple[SegmentPartIn, ImageSource]:
    """Body of `/v1/segment`."""
    return await _read(http, SegmentIn, SegmentPartIn)


async def read_job(http: Request) -> tuple[JobPartIn, ImageSource]:
    """Body of `/v1/jobs`."""
    return await _read(http, JobIn, JobPartIn)


async def read_embedding(http: Request) -> tuple[EmbeddingPartIn, ImageSource]:
    """Body of `/v1/embeddings`."""
    return await _read(http, EmbeddingIn, EmbeddingPartIn)


async def read_ticket(http: Request) -> TicketIn:
    """Body of `/v1/uploads`, which may be left out."""
    _check_encoding(http)
    return _validated(TicketIn, await http.body() or b"{}")


async def read_upload(http: Request) -> tuple[bytes, str, str]:
    """Body of `/v1/files`: bytes, media type, name. A multipart part `file` or `image`, or the body itself."""
    _check_encoding(http)
    if _kind(http) != "multipart/form-data":
        data = await http.body()
        if not data:
            raise InvalidImage("The body is empty", "Send the file's bytes, or multipart/form-data with a part file")
        return data, _kind(http) or "application/octet-stream", http.query_params.get("name", "upload")
    async with http.form(max_files=MAX_PARTS, max_fields=MAX_PARTS) as form:
        _check_once(form)
        part = form.get("file") or form.get("image")
        if not isinstance(part, UploadFile):
            raise InvalidImage("The form has no file in a part called file", "Send the file as part file")
        return await part.read(), part.content_type or "application/octet-stream", part.filename or "upload"


async def _read(http: Request, whole: type[Whole], part: type[Part]) -> tuple[Whole | Part, ImageSource]:
    _check_encoding(http)
    kind = _kind(http)
    if kind == "multipart/form-data":
        return await _read_form(http, part)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return part(), Inline(await http.body(), "the body")
    if kind not in {"application/json", ""} and not kind.endswith("+json"):
        raise InvalidPrompt(f"The Content-Type {kind[:80]!r} is not understood here", FORMS)
    body = await http.body()

    def parse() -> tuple[Whole, ImageSource]:
        document = _validated(whole, body)
        return document, read_source(document.image)

    return await aside(parse, len(body))


async def _read_form(http: Request, part: type[Part]) -> tuple[Part, ImageSource]:
    async with http.form(max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=MAX_DOCUMENT_BYTES) as form:
        _check_once(form)
        image, request = form.get("image"), form.get("request")
        unknown = sorted(set(form) - {"image", "request"})
        if unknown:
            raise InvalidPrompt(f"The form has a part called {unknown[0][:80]!r}", "Send the parts image and request")
        if image is None:
            raise InvalidPrompt("The form has no part called image", FORMS)
        document = await request.read() if isinstance(request, UploadFile) else (request or "{}").encode()
        if isinstance(image, str):
            source = await aside(partial(read_source, image), len(image))
        else:
            source = Inline(await image.read(), image.filename or "image")
        return await aside(partial(_validated, part, document), len(document)), source


def _check_once(form: FormData) -> None:
    """InvalidPrompt where one part would hide another."""
    for name in form:
        count = len(form.getlist(name))
        if count > 1:
            raise InvalidPrompt(f"The form has {count} parts called {name[:80]}", "Send one; each picture is a request")


def _validated(model: type[Part], document: bytes) -> Part:
    check_values(document)
    try:
        return model.model_validate_json(document)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([_led(fault, model) for fault in faults]) from None


def _led(fault: ErrorDetails, model: type[BaseModel]) -> ErrorDetails:
    """The fault; of an option that stands beside `options` with where it belongs."""
    name = str(fault["loc"][0]) if len(fault["loc"]) == 1 else ""
    if fault["type"] == "extra_forbidden" and "options" in model.model_fields and name in OptionsIn.model_fields:
        return {**fault, "msg": f'Give it in options: {{"options": {{"{name}": ...}}}}'}
    return fault


def _check_encoding(http: Request) -> None:
    """Bodies are taken as they are: a few bytes of gzip may hold gigabytes."""
    encoding = http.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        message = f"A body with Content-Encoding {encoding[:40]!r} is not unpacked here; send it as it is"
        raise HTTPException(415, message, headers={"Accept-Encoding": "identity"})


def _kind(http: Request) -> str:
    return http.headers.get("content-type", "").partition(";")[0].strip().lower()
