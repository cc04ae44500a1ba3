"""Routes of /prodia/v2: read, verb, write."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool

from rubylith.dialects import _asking
from rubylith.dialects._asking import ServiceHere, uuid_of
from rubylith.dialects._waiting import wait_for
from rubylith.dialects.prodia import wire
from rubylith.dialects.prodia.read import read_picture, read_request, read_submitted
from rubylith.dialects.prodia.write import Begun, write_done, write_later, write_outputs, write_response
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import Forbidden, InvalidPrompt, NotFound, Unauthorized
from rubylith.domain.job import Artifact, Job, JobState, JSONObject
from rubylith.service.service import Instructions, Service
from rubylith.service.work import Answer

NAME = "prodia"
router = APIRouter()  # HEAD has routes of its own: of one route, all operations would have the same id


async def caller_of(http: Request) -> Caller:
    """Who sends this; Unauthorized once the body has arrived, which the client would else not hear of."""
    try:
        return await _asking.caller_of(http)
    except Unauthorized:
        await _drained(http)
        raise


async def segmenter_of(http: Request) -> Caller:
    """A caller who may have jobs done; Forbidden, once the body has arrived too."""
    caller = await caller_of(http)
    try:
        caller.require(Scope.SEGMENT)
    except Forbidden:
        await _drained(http)
        raise
    return caller


async def _drained(http: Request) -> None:
    async for _ in http.stream():
        pass


CallerNow = Annotated[Caller, Depends(caller_of)]
SegmenterNow = Annotated[Caller, Depends(segmenter_of)]


@router.post("/v2/job")
async def run(http: Request, service: ServiceHere, caller: SegmenterNow) -> Response:
    """Do a job and answer when it is done."""
    begun = Begun()
    submitted = await read_submitted(http)
    asked = {"type": submitted.type, "config": submitted.config}
    accept = http.headers.get("accept", "")
    if submitted.kind == wire.PING:
        return write_response(accept, write_done(begun, asked, priced=_priced(http)))
    picture = await run_in_threadpool(read_picture, submitted, service)
    request = await run_in_threadpool(read_request, submitted, picture, service)

    def write(answer: Answer) -> Response:
        outputs = write_outputs(answer, submitted.kind, picture.orientation)
        return write_response(accept, write_done(begun, asked, priced=_priced(http)), outputs)

    return await wait_for(http, *service.segment(request, caller, write=write))


@router.post("/v2/job/async", status_code=201)
async def submit(http: Request, service: ServiceHere, caller: SegmenterNow) -> Response:
    """Take a job on, to be answered later."""
    submitted = await read_submitted(http)
    if submitted.kind == wire.PING:
        raise InvalidPrompt(f"type: {submitted.type} is answered at once only", "Send it to /v2/job")
    picture = await run_in_threadpool(read_picture, submitted, service)
    request = await run_in_threadpool(read_request, submitted, picture, service)
    extra: JSONObject = {
        "type": submitted.type,
        "kind": submitted.kind,
        "config": submitted.config,
        "orientation": picture.orientation,
        "priced": _priced(http),
    }
    job = await run_in_threadpool(service.submit, request, caller, Instructions(NAME, extra=extra))
    return JSONResponse(_document(service, job), 201)


@router.get("/v2/job/async/{job_id}/job.state.current")
@router.head("/v2/job/async/{job_id}/job.state.current", include_in_schema=False)
def state(job_id: str, service: ServiceHere, caller: CallerNow) -> Response:
    """How far a job is, in a word."""
    return PlainTextResponse(_document(service, _job(service, job_id, caller))["state"]["current"])


@router.get("/v2/job/async/{job_id}/job.json")
@router.head("/v2/job/async/{job_id}/job.json", include_in_schema=False)
def job(job_id: str, service: ServiceHere, caller: CallerNow) -> Response:
    """How far a job is, and why it failed."""
    return JSONResponse(_document(service, _job(service, job_id, caller)))


@router.get("/v2/job/async/{job_id}/output")
@router.head("/v2/job/async/{job_id}/output", include_in_schema=False)
def outputs(job_id: str, service: ServiceHere, caller: CallerNow) -> Response:
    """The names of what a job made, in order."""
    return JSONResponse([artifact.name for artifact in _artifacts(service, job_id, caller)])


@router.get("/v2/job/async/{job_id}/output/{name}")
@router.head("/v2/job/async/{job_id}/output/{name}", include_in_schema=False)
def output(job_id: str, name: str, service: ServiceHere, caller: CallerNow) -> Response:
    """The bytes of one of them."""
    for artifact in _artifacts(service, job_id, caller):
        if artifact.name == name:
            data = service.files.objects.read(artifact.key, owner=caller.id)
            return Response(data, media_type=artifact.media_type)
    raise NotFound(f"The job has no output {name[:80]!r}", "Ask for the names of its outputs first")


def _job(service: Service, job_id: str, caller: Caller) -> Job:
    known = uuid_of(job_id)
    if known is None:
        raise NotFound("This is no id of a job", "Give the id that it was answered with")
    return service.job(known, caller, dialect=NAME)


def _artifacts(service: Service, job_id: str, caller: Caller) -> tuple[Artifact, ...]:
    found = _job(service, job_id, caller)
    if found.state is not JobState.SUCCEEDED:
        raise NotFound("The job has no outputs", "Ask for job.state.current until it says processed")
    return found.artifacts


def _document(service: Service, job: Job) -> dict[str, Any]:
    return write_later(job, service.files.result_seconds)


def _priced(http: Request) -> bool:
    return http.query_params.get("price", "").lower() in {"true", "1"}
