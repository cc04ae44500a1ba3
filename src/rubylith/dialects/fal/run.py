"""Route of the direct run: one request, held open until the answer is there."""

import asyncio
import time
import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import ServiceHere, service_of
from rubylith.dialects._waiting import wait_for
from rubylith.dialects.fal.errors import START_TIMED_OUT, Failure, Refused, model_failure, respond, write_failure
from rubylith.dialects.fal.links import links_of
from rubylith.dialects.fal.read import Notes, read_input, read_keep_seconds, read_start_timeout
from rubylith.dialects.fal.requests import SegmenterNow
from rubylith.dialects.fal.write import write_inline, write_linked, write_result
from rubylith.domain.caller import Caller
from rubylith.domain.errors import InvalidOrder, Overloaded, RubylithError
from rubylith.domain.geometry import Size
from rubylith.domain.request import SegmentRequest
from rubylith.formats import Encoded
from rubylith.service.work import Answer

Written = tuple[tuple[Encoded, ...], dict[str, Any]]  # picture files, and what is told beside them
router = APIRouter()


@router.post("/run/{model:path}")
async def run(http: Request, service: ServiceHere, caller: SegmenterNow, model: str) -> Response:
    """Do it now. Work that nobody waits for any more is stopped."""
    request_id = str(uuid.uuid4())
    order, notes = await run_in_threadpool(read_input, model.strip("/"), await http.body(), service.default_model)
    response: Response
    if isinstance(order, InvalidOrder):
        response = write_failure(Failure(422, notes.faults))
    else:
        try:
            written = await _written(http, order, caller, notes, request_id=request_id)
        except RubylithError as error:
            response = write_failure(model_failure(error, notes.picture, service.worker.limits, notes.asked))
        except Refused as refused:
            response = write_failure(refused.failure)
        else:
            response = respond(await run_in_threadpool(_kept, http, caller, notes, written, request_id=request_id))
    response.headers["x-fal-request-id"] = request_id
    return response


async def _written(
    http: Request, order: SegmentRequest, caller: Caller, notes: Notes, *, request_id: str
) -> tuple[Size, Written]:
    """The picture's size and what was made of it; Refused if the work was not begun as soon as the caller wants."""
    seconds = read_start_timeout(http.headers)

    def write(answer: Answer) -> tuple[Size, Written]:
        return answer.segmentation.size, write_result(answer, notes, request_id)

    ticket, future = service_of(http).segment(order, caller, write=write)
    late = False

    def give_up() -> None:
        nonlocal late
        late = future.cancel()  # not once it runs

    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, give_up)
    try:
        return await wait_for(http, ticket, future)
    except (asyncio.CancelledError, Overloaded):
        if late:
            raise Refused(START_TIMED_OUT) from None
        raise
    finally:
        if timer is not None:
            timer.cancel()


def _kept(
    http: Request, caller: Caller, notes: Notes, written: tuple[Size, Written], *, request_id: str
) -> dict[str, Any]:
    """The output, its pictures stored unless they are wanted inside of it."""
    service = service_of(http)
    size, (pictures, told) = written
    if notes.sync_mode:
        return write_inline(notes, size, pictures, told)
    seconds = read_keep_seconds(http.headers, service.files.result_seconds)
    until = time.time() + (service.files.result_seconds if seconds is None else seconds)
    kept = service.files.keep_results(pictures, request_id, caller.id, seconds=seconds)
    urls = service.files.result_links(kept, links_of(http), until=until)
    return write_linked(notes, size, kept, urls, told)
