"""Routes of the chat: read, verb, write; now or as a stream."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any, TypeVar

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import CallerNow, ServiceHere, root_of
from rubylith.dialects._parsing import aside, check_values
from rubylith.dialects._telling import note_unforeseen
from rubylith.dialects._waiting import has_ended, let_go, result_of, wait_for
from rubylith.dialects.vlmrun.artifacts import LINK_SECONDS, PREFIX, Shelf
from rubylith.dialects.vlmrun.errors import Refusal, write_body, write_unforeseen_body
from rubylith.dialects.vlmrun.prompts import prompt_of
from rubylith.dialects.vlmrun.read import Chat, read_chat
from rubylith.dialects.vlmrun.wire import MODELS, ChatIn
from rubylith.dialects.vlmrun.write import (
    ABOUT,
    Heading,
    write_answer,
    write_chunk,
    write_chunks,
    write_content,
    write_event,
    write_usage,
)
from rubylith.domain.caller import Caller
from rubylith.domain.errors import RubylithError
from rubylith.domain.request import SegmentRequest
from rubylith.service.files import Links
from rubylith.service.scheduler import Ticket, too_late
from rubylith.service.service import Service
from rubylith.service.work import Answer

PATIENCE_SECONDS, ALIVE_SECONDS = 5.0, 10.0  # an error within the first is an HTTP error also of a stream
OWNER = "rubylith"
log = structlog.stdlib.get_logger("rubylith.vlmrun")


async def links_of(http: Request) -> Links:
    """Where links to artifacts begin."""
    return Links(f"{root_of(http)}{PREFIX}", LINK_SECONDS)


LinksHere = Annotated[Links, Depends(links_of)]
router = APIRouter()
Body = TypeVar("Body", bound=BaseModel)
Work = tuple[Ticket, "Future[str]"]  # its result: the text of the answer


async def read_body(http: Request, model: type[Body]) -> Body:
    """The JSON of a request, whatever its Content-Type says."""
    body = await http.body()
    check_values(body)
    try:
        return await aside(partial(model.model_validate_json, body), len(body))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


@router.post("/openai/chat/completions", response_model=None)
@router.post("/chat/completions", response_model=None)
async def chat(http: Request, service: ServiceHere, caller: CallerNow, links: LinksHere) -> Response:
    """Segment, and answer in the form that is asked for."""
    body = await read_body(http, ChatIn)
    asked = await run_in_threadpool(_read, body, service)
    heading = Heading(
        f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), body.model, body.session_id or str(uuid.uuid4())
    )

    def write(answer: Answer) -> str:
        assert asked.wish is not None  # or nothing would have been looked for
        shelf = Shelf(service, caller, heading.session_id, links, answer, asked.wish, shared=bool(body.session_id))
        text = write_content(asked, answer, shelf)
        shelf.store()
        return text

    work = _begin(asked, service, caller, write)
    if not body.stream:
        text = ABOUT if work is None else await wait_for(http, *work)
        return JSONResponse(write_answer(heading, body, text))
    if work is not None and await has_ended(http, *work, PATIENCE_SECONDS):
        result_of(work[1])
    events = _events(http, heading, body, work)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/openai/models")
def list_models(service: ServiceHere, caller: CallerNow) -> dict[str, Any]:  # noqa: ARG001 - a key is needed
    """As `openai` lists them."""
    return {"object": "list", "data": [_model(name) for name in _names(service)]}


@router.get("/openai/models/{name}")
def show_model(name: str, service: ServiceHere, caller: CallerNow) -> dict[str, Any]:  # noqa: ARG001 - a key is needed
    """One of them."""
    if name not in _names(service):
        raise Refusal(f"There is no model {name[:80]!r}", "See /models", "model_not_found", "model", status=404)
    return _model(name)


@router.get("/models")
def list_domains(service: ServiceHere, caller: CallerNow) -> list[dict[str, str]]:  # noqa: ARG001 - a key is needed
    """As `vlmrun` lists them."""
    return [{"model": name, "domain": "image.segmentation"} for name in _names(service)]


@router.get("/health")
def health(caller: CallerNow) -> dict[str, str]:  # noqa: ARG001 - a key is needed
    """Asked by `vlmrun` when it is made."""
    return {"status": "ok"}


def _read(body: ChatIn, service: Service) -> Chat:
    own = tuple(state.name for state in service.models())  # which looks into files
    return read_chat(body, own, service.default_model)


def _begin(asked: Chat, service: Service, caller: Caller, write: Callable[[Answer], str]) -> Work | None:
    if asked.source is None or asked.wish is None:
        return None
    prompt = prompt_of(asked.wish, partial(service.everything, asked.engine_model))
    draws = asked.plan is not None and asked.plan.draws
    request = SegmentRequest(asked.source, prompt, asked.engine_model, (), with_pixels=draws)
    return service.segment(request, caller, write=write)


async def _events(http: Request, heading: Heading, body: ChatIn, work: Work | None) -> AsyncIterator[bytes]:
    yield write_event(write_chunk(heading, {"role": "assistant", "content": ""}))
    try:
        text = ABOUT
        if work is not None:
            waiting = asyncio.wrap_future(work[1])
            while not (await asyncio.wait([waiting], timeout=ALIVE_SECONDS))[0]:
                if work[0].seconds_left < 0:
                    raise too_late()
                yield b": keep-alive\n\n"
            text = waiting.result()
    except RubylithError as error:
        yield write_event(write_body(error))
        return
    except Exception as error:  # noqa: BLE001 - the answer has begun, so that this is where it is told
        yield write_event(write_unforeseen_body(note_unforeseen(log, http, error)))
        return
    finally:
        if work is not None:
            let_go(*work)
    for chunk in write_chunks(heading, text):
        yield write_event(chunk)
    if body.stream_options is not None and body.stream_options.include_usage:
        usage = write_usage(body, text)
        yield write_event({**heading.document("chat.completion.chunk"), "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _names(service: Service) -> tuple[str, ...]:
    return (*MODELS, *(state.name for state in service.models()))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_735_689_600, "owned_by": OWNER}
