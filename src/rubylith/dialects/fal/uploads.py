"""Routes of uploads and downloads, as both clients do them: tickets, files in one piece or in parts, and their URLs.

The CDN token that the Python client asks for is the key that it showed: it opens the same and needs no keeping.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import READS, service_of
from rubylith.dialects._downloading import download
from rubylith.dialects._receiving import received
from rubylith.dialects.fal.errors import Failure, Refused, faults_of, respond
from rubylith.dialects.fal.links import file_url, mount_of, packed, unpacked
from rubylith.dialects.fal.read import read_document, read_keep_seconds
from rubylith.dialects.fal.requests import CallerNow, SegmenterNow
from rubylith.domain.caller import Caller
from rubylith.domain.errors import TooLarge
from rubylith.service.files import key_of
from rubylith.service.uploads import MAX_PARTS, Ticket

TOKEN_SECONDS = 3600
LONGEST_LIST = 2_000_000  # bytes: ten thousand parts with their tags
ANY_TYPE = "application/octet-stream"
PLACE = "/cdn/files/{file_id}/{ticket}/{name}"

router = APIRouter()
Document = TypeVar("Document", bound=BaseModel)


class TicketIn(BaseModel):
    """What is asked of a ticket."""

    content_type: str = ANY_TYPE
    file_name: str = "upload.bin"


class PartIn(BaseModel):
    """A part as it is named in the end."""

    partNumber: int  # noqa: N815 - the client's word
    etag: str


class PartsIn(BaseModel):
    """All parts of a file."""

    parts: list[PartIn] = Field(max_length=MAX_PARTS)


@router.get("/rest/.well-known/jwks.json")
def public_keys(http: Request) -> Response:
    """What checks the signatures of webhooks."""
    return respond(service_of(http).public_keys(), headers={"Cache-Control": "public, max-age=3600"})


@router.post("/rest/storage/upload/initiate")
@router.post("/rest/storage/upload/initiate-multipart")
async def initiate(http: Request, caller: SegmenterNow) -> Response:
    """A place for a file: where to send it, and where it will be read."""
    wanted = _read(TicketIn, await http.body() or b"{}")
    ticket = await run_in_threadpool(_begin, http, caller, wanted.content_type, wanted.file_name)
    mount = mount_of(http)
    upload_url = f"{mount}/cdn/uploads/{ticket.id}?{ticket.put}"
    return respond({"upload_url": upload_url, "file_url": file_url(mount, ticket)})


@router.post("/rest/storage/auth/token")
def token(http: Request, caller: CallerNow) -> Response:  # noqa: ARG001 - a key is needed
    """What opens the CDN to the caller for a while."""
    secret = http.headers.get("authorization", "").strip().partition(" ")[2].strip() or "anonymous"
    expires_at = (datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS)).isoformat()
    opens = {"token": secret, "token_type": "Bearer", "base_url": f"{mount_of(http)}/cdn", "expires_at": expires_at}
    return respond(opens, headers={"Cache-Control": "no-store"})


@router.put("/cdn/uploads/{file_id}")
async def fill(http: Request, file_id: str) -> Response:
    """The file in one piece, streamed into the store. The URL itself is the permission."""
    kind = http.headers.get("content-type")
    await received(http, partial(service_of(http).uploads.fill, file_id, http.url.query, media_type=kind))
    return Response()


@router.put("/cdn/uploads/{file_id}/{number}")
async def fill_part(http: Request, file_id: str, number: int) -> Response:
    """One part of a file."""
    return await _keep_part(http, file_id, http.url.query, number)


@router.post("/cdn/uploads/{file_id}/complete")
async def complete(http: Request, file_id: str) -> Response:
    """The file from its parts."""
    return await _join(http, file_id, http.url.query)


@router.post("/cdn/files/upload")
async def upload(http: Request, caller: SegmenterNow) -> Response:
    """A file in one piece, sent with a key."""
    ticket = await run_in_threadpool(_begin, http, caller, *_described(http))
    await received(http, partial(service_of(http).uploads.fill, ticket.id, ticket.put))
    return respond({"access_url": file_url(mount_of(http), ticket)})


@router.post("/cdn/files/upload/multipart")
async def begin_parts(http: Request, caller: SegmenterNow) -> Response:
    """A place for a file that is sent in parts, with a key."""
    ticket = await run_in_threadpool(_begin, http, caller, *_described(http))
    return respond({"access_url": file_url(mount_of(http), ticket), "uploadId": packed(ticket.put)})


@router.put(PLACE + "/multipart/{upload_id}/{number}")
async def place_part(
    http: Request,
    caller: CallerNow,  # noqa: ARG001 - a key is needed
    file_id: str,
    upload_id: str,
    number: int,
) -> Response:
    """One part of it."""
    return await _keep_part(http, file_id, unpacked(upload_id), number)


@router.post(PLACE + "/multipart/{upload_id}/complete")
async def place_whole(http: Request, caller: CallerNow, file_id: str, upload_id: str) -> Response:  # noqa: ARG001
    """The file from its parts."""
    return await _join(http, file_id, unpacked(upload_id))


@router.api_route(PLACE, methods=READS)
def read(http: Request, file_id: str, ticket: str, name: str) -> StreamingResponse:  # noqa: ARG001
    """An upload, for whoever knows its URL."""
    return download(http, service_of(http), key_of(file_id), dict(parse_qsl(unpacked(ticket))))


async def _keep_part(http: Request, file_id: str, query: str, number: int) -> Response:
    tag = await received(http, partial(service_of(http).uploads.keep_part, file_id, query, number))
    return respond({"partNumber": number, "etag": tag}, headers={"ETag": tag})


async def _join(http: Request, file_id: str, query: str) -> Response:
    uploads = service_of(http).uploads
    await run_in_threadpool(uploads.check, file_id, query)
    wanted = await run_in_threadpool(_read, PartsIn, await _short_body(http))
    parts = tuple(sorted((part.partNumber, part.etag) for part in wanted.parts))
    await run_in_threadpool(uploads.join, file_id, query, parts)
    return respond({"status": "COMPLETED"})


async def _short_body(http: Request) -> bytes:
    """The list of parts; paths for files let far larger bodies through."""
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > LONGEST_LIST:
            raise TooLarge(f"The list of parts has more than {LONGEST_LIST} bytes", "Send fewer and larger parts")
    return bytes(body)


def _begin(http: Request, caller: Caller, media_type: str, name: str) -> Ticket:
    service = service_of(http)
    seconds = read_keep_seconds(http.headers, service.files.upload_seconds)
    return service.begin_upload(caller, media_type=media_type, name=name, seconds=seconds)


def _described(http: Request) -> tuple[str, str]:
    """Media type and name by the headers, which hold UTF-8 though HTTP takes them for Latin-1."""
    name = http.headers.get("x-fal-file-name", "upload.bin").encode("latin-1", "replace").decode("utf-8", "replace")
    return http.headers.get("content-type", ANY_TYPE), name


def _read(model: type[Document], body: bytes) -> Document:
    try:
        return model.model_validate(read_document(body))
    except ValidationError as error:
        raise Refused(Failure(422, faults_of(error))) from None
