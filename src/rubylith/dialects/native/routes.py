"""Routes of /v1: read, verb, write."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.routing import request_response

from rubylith.dialects._asking import CallerNow, ServiceHere, caller_of, root_of, service_of
from rubylith.dialects._parsing import aside
from rubylith.dialects._waiting import wait_for
from rubylith.dialects.native import wire
from rubylith.dialects.native.bodies import read_embedding, read_job, read_segment, read_upload
from rubylith.dialects.native.read import read_order, read_request, size_of_masks
from rubylith.dialects.native.write import (
    RESULT,
    write_delivery,
    write_embedding,
    write_job,
    write_model,
    write_result,
    write_upload,
)
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.job import Job, JobState
from rubylith.domain.request import SegmentRequest
from rubylith.service.files import Links
from rubylith.service.service import Instructions, Service

NAME = "native"
WHO = {401: "Unauthorized", 403: "Forbidden", 429: "RateLimited"}
BODY = {
    400: "InvalidPrompt",
    404: "NotFound",
    413: "TooLarge",
    415: "UnsupportedMediaType",
    422: "InvalidDocument",
}
TAKES_PICTURES = {**WHO, **BODY, 409: "WeightsMissing", 424: "SourceUnreachable", 503: "Overloaded", 504: "TimedOut"}


async def links_of(http: Request) -> Links:
    """Where links to objects begin: the public address, or the one that this request came to."""
    return Links(f"{root_of(http)}/v1/objects")


LinksHere = Annotated[Links, Depends(links_of)]


def problems(descriptions: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of errors."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {status: {"description": text, "content": content} for status, text in descriptions.items()}


def body_of(model: str, form: str) -> dict[str, Any]:
    """What OpenAPI says of a body that is read by hand. form: the document of part `request`."""
    picture = {"type": "string", "format": "binary"}
    parts = {"image": picture, "request": {"$ref": f"#/components/schemas/{form}"}}
    content = {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}},
        "multipart/form-data": {
            "schema": {"type": "object", "required": ["image"], "properties": parts},
            "encoding": {"request": {"contentType": "application/json"}},
        },
        "image/*": {"schema": picture},
    }
    return {"requestBody": {"required": True, "content": content}}


class Unaided(APIRoute):
    """A route whose function asks the request itself for all that it needs; what FastAPI would do for it is spared."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **description: Any) -> None:
        super().__init__(path, endpoint, **description)
        self.app = request_response(endpoint)  # Starlette's own; errors are told as everywhere


router = APIRouter()
unaided = APIRouter(route_class=Unaided)


@unaided.post(
    "/segment",
    response_model=wire.SegmentOut,
    responses=problems(TAKES_PICTURES),
    openapi_extra=body_of("SegmentIn", "SegmentPartIn"),
)
async def segment(http: Request) -> Response:
    """Cut now. The body says what; its `format`, or the Accept header, says how the result is given."""
    service, caller = service_of(http), await caller_of(http)
    body, source = await read_segment(http)
    accept = http.headers.get("accept", "")
    read = partial(read_request, body, source, accept, service.default_model, everything=service.everything)
    request, packing = await aside(read, size_of_masks(body))
    await asyncio.sleep(0)  # who came meanwhile is read first: the threads of the work take turns with this one
    write = partial(write_result, packing=packing, result_id=str(uuid.uuid4()))
    data, media_type = await wait_for(http, *service.segment(request, caller, write=write))
    return Response(data, media_type=media_type)


@unaided.post(
    "/jobs",
    status_code=202,
    response_model=wire.JobOut,
    responses=problems({**TAKES_PICTURES, 409: "Conflict, WeightsMissing"}),
    openapi_extra=body_of("JobIn", "JobPartIn"),
)
async def submit(http: Request) -> Response:
    """Cut later: the answer names a job that survives a restart of the server."""
    service, caller, links = service_of(http), await caller_of(http), await links_of(http)
    body, source = await read_job(http)
    read = partial(read_order, body, source, service.default_model, everything=service.everything)
    request = await aside(read, size_of_masks(body))
    instructions = Instructions(NAME, body.webhook, body.priority, body.idempotency_key)
    document = await run_in_threadpool(_ordered, service, caller, request, instructions, links)
    return JSONResponse(document, 202, headers={"Location": f"{http.url.path}/{document['id']}"})


@router.get("/jobs/{job_id}", response_model=wire.JobOut, responses=problems({**WHO, 404: "NotFound"}))
def job(job_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """How far a job is, and what came of it."""
    return JSONResponse(_job_document(service, service.job(job_id, caller), caller, links))


@router.get("/jobs/{job_id}/events", responses=problems({**WHO, 404: "NotFound"}), response_class=StreamingResponse)
async def events(job_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> StreamingResponse:
    """The job at every change, as server-sent events, until it has ended."""
    first = await run_in_threadpool(service.job, job_id, caller)

    async def stream() -> AsyncIterator[str]:
        async with aclosing(service.watch(first.id, caller)) as changes:
            async for changed in changes:
                document = await run_in_threadpool(_job_document, service, changed, caller, links)
                yield f"event: {changed.state}\ndata: {json.dumps(document)}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post(
    "/jobs/{job_id}/cancel", response_model=wire.JobOut, responses=problems({**WHO, 404: "NotFound", 409: "Conflict"})
)
def cancel(job_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """Take a job back: never begun if it waits, stopped within a second or two if it runs."""
    return JSONResponse(_job_document(service, service.cancel(job_id, caller), caller, links))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    response_model=wire.JobOut,
    responses=problems({**WHO, 404: "NotFound", 409: "Conflict"}),
)
def retry(job_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """A new job with the order of one that failed or was cancelled."""
    return JSONResponse(_job_document(service, service.retry(job_id, caller), caller, links), 202)


@router.post(
    "/jobs/{job_id}/replay",
    status_code=202,
    response_model=wire.JobOut,
    responses=problems({**WHO, 404: "NotFound", 409: "Conflict"}),
)
def replay(job_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """Send the webhook of a finished job once more, also one that was given up."""
    return JSONResponse(_job_document(service, service.replay(job_id, caller), caller, links), 202)


@router.post(
    "/files",
    status_code=201,
    response_model=wire.UploadOut,
    responses=problems({**WHO, **BODY, 422: "InvalidImage"}),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def upload(http: Request, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """Keep a picture for a while; requests name its id as `image`."""
    data, media_type, name = await read_upload(http)
    stored = await run_in_threadpool(service.upload, data, caller, media_type=media_type, name=name)
    return JSONResponse(write_upload(stored, service.files, links), 201)


@router.get("/files/{file_id}", response_model=wire.UploadOut, responses=problems({**WHO, 404: "NotFound"}))
def uploaded(file_id: str, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """What is known of an upload, with a fresh link to it."""
    return JSONResponse(write_upload(service.files.find(file_id, caller.id), service.files, links))


@router.get("/files/{file_id}/content", response_class=StreamingResponse, responses=problems({**WHO, 404: "NotFound"}))
def content(file_id: str, service: ServiceHere, caller: CallerNow) -> Response:
    """The bytes of an upload."""
    opened = service.files.open(file_id, caller)
    headers = {"Content-Length": str(opened.stop - opened.start)}
    return StreamingResponse(opened.chunks, media_type=opened.stored.media_type, headers=headers)


@router.delete("/files/{file_id}", status_code=204, responses=problems({**WHO, 404: "NotFound"}))
def forget(file_id: str, service: ServiceHere, caller: CallerNow) -> Response:
    """Delete an upload now instead of when it expires."""
    service.files.delete(file_id, caller)
    return Response(status_code=204)


@unaided.post(
    "/embeddings",
    status_code=201,
    response_model=wire.EmbeddingOut,
    responses=problems(TAKES_PICTURES),
    openapi_extra=body_of("EmbeddingIn", "EmbeddingPartIn"),
)
async def embed(http: Request) -> Response:
    """Look at a picture once: prompts that name the id as `image` are answered at once."""
    service, caller = service_of(http), await caller_of(http)
    body, source = await read_embedding(http)
    model = body.model or service.default_model
    stored, size = await wait_for(http, *service.embed(source, model, caller))
    return JSONResponse(write_embedding(stored, size, model), 201)


@router.get("/models", response_model=list[wire.ModelOut], responses=problems(WHO))
def list_models(service: ServiceHere, caller: CallerNow) -> Response:  # noqa: ARG001 - a key is needed
    """The models that this server knows: those here can be asked for, the others pulled."""
    return JSONResponse([write_model(state) for state in service.catalogue()])


@router.post(
    "/models/{name}/pull",
    status_code=202,
    response_model=wire.ModelOut,
    responses=problems({**WHO, 400: "UnknownName", 409: "WeightsMissing"}),
)
def pull_model(name: str, service: ServiceHere, caller: CallerNow) -> Response:
    """Have a model's files fetched. The list tells how far that is; a pull that failed goes on when asked again."""
    state = service.pull(name, caller)
    return JSONResponse(write_model(state), 200 if state.pulled and state.pull is None else 202)


@router.post(
    "/models/{name}/load",
    response_model=list[wire.ModelOut],
    responses=problems({**WHO, 400: "UnknownName", 409: "WeightsMissing"}),
)
def load_model(name: str, service: ServiceHere, caller: CallerNow) -> Response:
    """Have a model in memory before the first request for it."""
    service.load(name, caller)
    return list_models(service, caller)


@router.post(
    "/models/{name}/unload", response_model=list[wire.ModelOut], responses=problems({**WHO, 400: "UnknownName"})
)
def unload_model(name: str, service: ServiceHere, caller: CallerNow) -> Response:
    """Give the memory of a model back."""
    service.unload(name, caller)
    return list_models(service, caller)


def _ordered(
    service: Service, caller: Caller, request: SegmentRequest, instructions: Instructions, links: Links
) -> dict[str, Any]:
    """The job that this makes; what `/segment` would refuse at once is refused here as well."""
    caller.require(Scope.SEGMENT)
    service.check_picture(request, caller)
    return _job_document(service, service.submit(request, caller, instructions), caller, links)


def _job_document(service: Service, job: Job, caller: Caller, links: Links) -> dict[str, Any]:
    position = service.position(job.id, caller) if job.state is JobState.QUEUED else None
    urls = {artifact.name: service.files.link(artifact.key, links) for artifact in job.artifacts}
    document = write_job(job, position, urls)
    if job.delivery is not None:
        document["webhook"] = write_delivery(job.delivery)
    key = next((artifact.key for artifact in job.artifacts if artifact.name == RESULT), None)
    # another door's file of this name says other things
    if job.state is JobState.SUCCEEDED and key is not None and job.dialect == NAME:
        document["result"] = json.loads(service.files.objects.read(key, owner=caller.id))
    return document
