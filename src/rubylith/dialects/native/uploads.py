"""Files that come later, from whoever holds the address: a page or a device that must not know the key."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import caller_of, root_of, service_of
from rubylith.dialects._receiving import received
from rubylith.dialects.native import wire
from rubylith.dialects.native.bodies import read_ticket
from rubylith.dialects.native.routes import WHO, links_of, problems
from rubylith.dialects.native.write import write_ticket, write_upload

PATH = "/uploads"
FILE: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
TICKET: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/TicketIn"}}}

router = APIRouter()


@router.post(
    PATH,
    status_code=201,
    response_model=wire.TicketOut,
    responses=problems({**WHO, 413: "TooLarge", 415: "UnsupportedMediaType", 422: "InvalidDocument"}),
    openapi_extra={"requestBody": {"required": False, "content": TICKET}},
)
async def begin(http: Request) -> Response:
    """A place for a file, and the address to PUT it to, which works without a key. `id` is what requests name."""
    service, caller = service_of(http), await caller_of(http)
    wanted = await read_ticket(http)
    begun = partial(service.begin_upload, caller, media_type=wanted.media_type, name=wanted.name)
    return JSONResponse(write_ticket(await run_in_threadpool(begun), f"{root_of(http)}/v1{PATH}"), 201)


@router.put(
    PATH + "/{file_id}",
    status_code=201,
    response_model=wire.UploadOut,
    responses=problems({403: "Forbidden", 404: "NotFound", 413: "TooLarge", 503: "Overloaded", 504: "TimedOut"}),
    openapi_extra={"requestBody": {"required": True, "content": FILE}, "security": []},
)
async def fill(http: Request, file_id: str) -> Response:
    """The file's bytes, to such an address: its signature is the permission."""
    service, links = service_of(http), await links_of(http)
    media_type = http.headers.get("content-type")
    stored = await received(http, partial(service.uploads.fill, file_id, http.url.query, media_type=media_type))
    return JSONResponse(await run_in_threadpool(write_upload, stored, service.files, links), 201)
