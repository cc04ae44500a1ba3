"""Routes of the queue: submit, status, its stream, result, cancel."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import READS, ServiceHere, root_of, service_of
from rubylith.dialects.fal.errors import (
    ALREADY_COMPLETED,
    IN_PROGRESS,
    Detail,
    Failure,
    Refused,
    model_failure,
    respond,
    write_failure,
)
from rubylith.dialects.fal.links import links_of
from rubylith.dialects.fal.read import (
    Notes,
    read_input,
    read_keep_seconds,
    read_priority,
    read_start_timeout,
    read_switch,
)
from rubylith.dialects.fal.requests import NAME, CallerNow, SegmenterNow, job_of, urls_of
from rubylith.dialects.fal.write import COMPLETED, failure_of, write_outcome, write_status, write_submitted
from rubylith.domain.caller import Caller
from rubylith.domain.errors import Conflict, InvalidOrder, InvalidPrompt, UnknownWord
from rubylith.domain.job import Job, JobState, LogLine
from rubylith.domain.request import SegmentRequest
from rubylith.service.service import Instructions, Service

WATCH_SECONDS, PING_SECONDS = 1.0, 15.0  # between looks where nothing is told of a change; between signs of life
NO_LOGS: dict[str, Any] = {"logs": []}
FAILED = (JobState.FAILED, JobState.CANCELLED)

router = APIRouter()


@router.api_route("/queue/{model:path}/requests/{request_id}/status", methods=READS)
def status(
    http: Request, service: ServiceHere, caller: CallerNow, model: str, request_id: str, *, logs: str | None = None
) -> Response:
    """How far a request is: 202 until it has ended."""
    job, notes = job_of(http, caller, model, request_id)
    lines = service.logs(job.id, caller) if read_switch(logs) and job.state is not JobState.QUEUED else ()
    document = _status(service, caller, job, urls_of(http, notes.app, job.id), lines)
    return respond(document, 200 if job.state.finished else 202, {"x-fal-request-id": job.id})


@router.get("/queue/{model:path}/requests/{request_id}/status/stream")
async def stream(
    http: Request, service: ServiceHere, caller: CallerNow, model: str, request_id: str, *, logs: str | None = None
) -> StreamingResponse:
    """The status at every change, as server-sent events, until the request has ended. Each log line is told once."""
    job, notes = await run_in_threadpool(job_of, http, caller, model, request_id)
    urls = urls_of(http, notes.app, job.id)

    async def events() -> AsyncIterator[str]:
        told: dict[str, Any] = {}
        last, spoke_at = 0, time.monotonic()
        with service.changes.bell(job.id) as bell:
            while not service.stopping.is_set():
                after = last if read_switch(logs) else None
                document, last = await run_in_threadpool(_changes, service, caller, job.id, urls=urls, after=after)
                if document.get("logs") or document | NO_LOGS != told | NO_LOGS:
                    told, spoke_at = document, time.monotonic()
                    yield f"data: {json.dumps(document)}\n\n"
                elif time.monotonic() - spoke_at > PING_SECONDS:
                    spoke_at = time.monotonic()
                    yield ": ping\n\n"
                if document["status"] == COMPLETED:
                    return
                await bell.heard(WATCH_SECONDS)

    headers = {"Cache-Control": "no-store", "x-fal-request-id": job.id}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


@router.api_route("/queue/{model:path}/requests/{request_id}", methods=READS)
@router.api_route("/queue/{model:path}/requests/{request_id}/response", methods=READS)
def result(http: Request, service: ServiceHere, caller: CallerNow, model: str, request_id: str) -> Response:
    """The model's own answer."""
    job, _ = job_of(http, caller, model, request_id)
    outcome = write_outcome(job, service, links_of(http)) if job.state.finished else IN_PROGRESS
    response = write_failure(outcome) if isinstance(outcome, Failure) else respond(outcome)
    response.headers["x-fal-request-id"] = job.id
    return response


@router.api_route("/queue/{model:path}/requests/{request_id}/cancel", methods=["PUT", "POST"])
def cancel(http: Request, service: ServiceHere, caller: CallerNow, model: str, request_id: str) -> Response:
    """Take a request back."""
    job, _ = job_of(http, caller, model, request_id)
    if job.state.finished:
        raise Refused(ALREADY_COMPLETED)
    try:
        service.cancel(job.id, caller)
    except Conflict:  # it ended in between
        raise Refused(ALREADY_COMPLETED) from None
    return respond({"status": "CANCELLATION_REQUESTED"}, 202, {"x-fal-request-id": job.id})


@router.post("/queue/{model:path}")
async def submit(http: Request, caller: SegmenterNow, model: str) -> Response:
    """Take an order. Its input is not judged: what is wrong with it becomes its result."""
    body = await http.body()
    return await run_in_threadpool(_submit, http, caller, model.strip("/"), body)


def _submit(http: Request, caller: Caller, model: str, body: bytes) -> Response:
    service = service_of(http)
    order, notes = _with_known_words(service, *read_input(model, body, service.default_model))
    _check_line(service, caller, http.query_params.get("fal_max_queue_length"))
    webhook = http.query_params.get("fal_webhook") or None
    instructions = Instructions(
        NAME,
        webhook,
        read_priority(http.headers),
        start_timeout_seconds=read_start_timeout(http.headers),
        extra=replace(notes, root=root_of(http)).write(),
        keep_seconds=read_keep_seconds(http.headers, service.files.result_seconds),
        patient=False,
    )
    job = service.submit(order, caller, instructions)
    position = service.position(job.id, caller) or 0
    document = write_submitted(job, urls_of(http, notes.app, job.id), position, gateway=webhook is not None)
    return respond(document, 200, {"x-fal-request-id": job.id})


def _with_known_words(
    service: Service, order: SegmentRequest | InvalidOrder, notes: Notes
) -> tuple[SegmentRequest | InvalidOrder, Notes]:
    """The order; an InvalidOrder where nobody here knows its words, which is told as the result too."""
    if isinstance(order, InvalidOrder):
        return order, notes
    try:
        service.worker.check(order)
    except (UnknownWord, InvalidPrompt) as error:
        failure = model_failure(error, notes.picture, service.worker.limits, notes.asked)
        faults = cast("list[Detail]", failure.detail)
        return InvalidOrder(error.message, error.hint), replace(notes, faults=faults)
    return order, notes


def _check_line(service: Service, caller: Caller, most: str | None) -> None:
    """Refused with 429 if more of the caller's requests wait than they want to wait behind."""
    if most is None:
        return
    if not (most.isascii() and most.isdigit()):
        raise Refused(Failure(400, "fal_max_queue_length takes a whole number", "bad_request"))
    limit = int(most[:9])
    if service.count_waiting(caller, dialect=NAME) > limit:
        raise Refused(Failure(429, f"More than {limit} requests wait in the queue"))


def _changes(
    service: Service, caller: Caller, job_id: str, *, urls: dict[str, str], after: int | None
) -> tuple[dict[str, Any], int]:
    """The status now with the log lines after that number, and the number of the last one."""
    job = service.job(job_id, caller)
    lines = () if after is None or job.state is JobState.QUEUED else service.logs(job_id, caller, after=after)
    document = _status(service, caller, job, urls, lines)
    return document, lines[-1].number if lines else after or 0


def _status(
    service: Service, caller: Caller, job: Job, urls: dict[str, str], lines: tuple[LogLine, ...]
) -> dict[str, Any]:
    position = (service.position(job.id, caller) or 0) if job.state is JobState.QUEUED else 0
    failure = failure_of(job, service) if job.state in FAILED else None
    return write_status(job, urls, position, lines, failure)
