"""Routes of files and artifacts, as the `vlmrun` client asks for them."""

import hashlib
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse

from rubylith.dialects._asking import CallerNow, RootHere, ServiceHere
from rubylith.dialects._downloading import download
from rubylith.dialects._receiving import received
from rubylith.dialects.vlmrun import artifacts
from rubylith.dialects.vlmrun.errors import Refusal
from rubylith.dialects.vlmrun.routes import read_body
from rubylith.dialects.vlmrun.wire import PresignedIn
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import NotFound
from rubylith.service.files import Links, StoredFile, id_of
from rubylith.service.service import Service

MAX_PARTS, EXPIRATION_SECONDS = 8, 86_400
router = APIRouter()


@router.get("/artifacts")
def artifact(
    service: ServiceHere,
    caller: CallerNow,
    session_id: str = "",
    object_id: str = "",
    filename: str = "",
) -> Response:
    """The bytes of an artifact. Its header is spelt Content-Type: the client looks for no other spelling."""
    objects = service.files.objects
    if not session_id or not (object_id or filename):
        raise artifacts.missing(object_id or filename)
    if object_id:
        key = artifacts.key_of(session_id, object_id)
    else:
        named = [one.key for one in artifacts.listed(service, caller, session_id) if one.name == filename]
        key = named[0] if named else artifacts.key_of(session_id, "img_none")
    opened = objects.get(key, owner=caller.id)
    response = Response(b"".join(opened.chunks))
    kept = [(name, value) for name, value in response.raw_headers if name != b"content-type"]
    response.raw_headers = [*kept, (b"Content-Type", opened.stored.media_type.encode("latin-1"))]
    return response


@router.get("/artifacts/list")
def list_artifacts(service: ServiceHere, caller: CallerNow, session_id: str) -> dict[str, Any]:
    """The artifacts of a session."""
    found = artifacts.listed(service, caller, session_id)
    items = [{"object_id": artifacts.id_of(one), "filename": one.name, "source": "store"} for one in found]
    return {"namespace_id": session_id, "items": items}


@router.get("/artifacts/{session_id}/{name}")
@router.head("/artifacts/{session_id}/{name}")
def signed_artifact(http: Request, service: ServiceHere, session_id: str, name: str) -> StreamingResponse:
    """A mask by its link, which opens without a key: 403 if it was altered or has expired."""
    return download(http, service, f"artifacts/{session_id}/{name}", http.query_params)


@router.post("/files", status_code=201)
async def upload(
    http: Request, service: ServiceHere, caller: CallerNow, root: RootHere, purpose: str = "assistants"
) -> Response:
    """Keep a picture; messages can name its id."""
    async with http.form(max_files=MAX_PARTS, max_fields=MAX_PARTS) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Refusal("The form has no part called file", "Send the file as part file", "invalid_value", "file")
        data, name = await part.read(), part.filename or "upload"
        media_type = part.content_type or "application/octet-stream"
    document = await run_in_threadpool(_kept, service, caller, data, (media_type, name, purpose), root)
    return JSONResponse(document, 201)


@router.get("/files")
def list_files(
    service: ServiceHere,
    caller: CallerNow,
    root: RootHere,
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
) -> list[dict[str, Any]]:
    """Uploads, newest first."""
    found = service.files.objects.list("files/file_", owner=caller.id, limit=10_000)
    newest = sorted(found, key=lambda one: one.created_at, reverse=True)[skip : skip + limit]
    return [_file(service, one, root) for one in newest]


@router.get("/files/hash/{md5}")
def file_by_hash(service: ServiceHere, caller: CallerNow, root: RootHere, md5: str) -> dict[str, Any]:
    """An upload of the same bytes; 404 if there is none."""
    if not md5.isalnum():
        raise NotFound("There is no file of that hash", "Upload it")
    file_id = service.files.objects.read(_hash_key(caller, md5), owner=caller.id).decode()
    return _file(service, service.files.find(file_id, caller.id), root)


@router.post("/files/presigned-url")
async def presigned(http: Request, service: ServiceHere, caller: CallerNow, root: RootHere) -> dict[str, Any]:
    """An address to which a large file can be put."""
    body = await read_body(http, PresignedIn)
    caller.require(Scope.SEGMENT)
    file_id, seconds = f"file_{secrets.token_hex(16)}", body.expiration or EXPIRATION_SECONDS
    key, media_type = f"files/{file_id}", "application/octet-stream"
    objects = service.files.objects

    def reserved() -> str:
        objects.reserve(
            key, owner=caller.id, media_type=media_type, name=body.filename, ttl_seconds=service.files.upload_seconds
        )
        limit = service.worker.limits.max_bytes
        base = f"{root}{artifacts.PREFIX}/uploads"
        return objects.url(key, base=base, seconds=seconds, method="PUT", media_type=media_type, max_bytes=limit)

    url = await run_in_threadpool(reserved)
    return {
        "id": file_id,
        "url": url,
        "filename": body.filename,
        "content_type": media_type,
        "upload_method": "PUT",
        "public_url": None,
        "created_at": datetime.now(UTC).isoformat(),
        "expiration": seconds,
        "method": "PUT",
    }


@router.put("/uploads/{key:path}")
async def put_upload(http: Request, service: ServiceHere, key: str) -> Response:
    """The bytes for such an address; its signature opens it."""
    objects = service.files.objects
    grant = objects.granted("PUT", key, dict(http.query_params))
    await received(http, partial(objects.fill, key, max_bytes=grant.max_bytes))
    return Response(status_code=200)


@router.get("/files/verify-upload/{file_id}")
def verify(service: ServiceHere, caller: CallerNow, root: RootHere, file_id: str) -> dict[str, Any]:
    """The file, once its bytes are there."""
    return _file(service, service.files.find(file_id, caller.id), root)


@router.get("/files/{file_id}")
def show_file(service: ServiceHere, caller: CallerNow, root: RootHere, file_id: str) -> dict[str, Any]:
    """What is known of an upload."""
    return _file(service, service.files.find(file_id, caller.id), root)


@router.delete("/files/{file_id}")
def delete_file(service: ServiceHere, caller: CallerNow, root: RootHere, file_id: str) -> dict[str, Any]:
    """Delete an upload; what it was."""
    document = _file(service, service.files.find(file_id, caller.id), root)
    service.files.delete(file_id, caller)
    return document


def _kept(service: Service, caller: Caller, data: bytes, described: tuple[str, str, str], root: str) -> dict[str, Any]:
    media_type, name, purpose = described
    stored = service.upload(data, caller, media_type=media_type, name=name)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    service.files.objects.put(
        _hash_key(caller, md5),
        id_of(stored).encode(),
        owner=caller.id,
        media_type="text/plain",
        ttl_seconds=service.files.upload_seconds,
    )
    return {**_file(service, stored, root), "purpose": purpose}


def _hash_key(caller: Caller, md5: str) -> str:
    return f"hashes/{caller.id}/{md5}"


def _file(service: Service, stored: StoredFile, root: str) -> dict[str, Any]:
    return {
        "id": id_of(stored),
        "filename": stored.name,
        "bytes": stored.size,
        "purpose": "assistants",
        "created_at": stored.created_at.isoformat(),
        "object": "file",
        "public_url": service.files.link(stored.key, Links(f"{root}{artifacts.OBJECTS}")),
    }
