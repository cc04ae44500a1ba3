"""Routes under /airefinery: read, verb, write. paths.py says under which spellings they are reached."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from rubylith.dialects._asking import CallerNow, SegmenterNow, ServiceHere, bearer_of
from rubylith.dialects._waiting import wait_for
from rubylith.dialects.airefinery import wire
from rubylith.dialects.airefinery.read import read_document, read_segment
from rubylith.dialects.airefinery.regions import regrouped
from rubylith.dialects.airefinery.write import write_caller, write_models, write_segmentation
from rubylith.domain.caller import Caller
from rubylith.domain.errors import Unauthorized
from rubylith.service.service import Service
from rubylith.service.work import Answer

KEY = {401: "The key is missing or wrong", 403: "The key does not reach that far", 429: "Too many requests of this key"}
PICTURE = {
    400: "The body is no JSON, or image_prompt no picture",
    404: "There is no such model",
    413: "Too many bytes or pixels",
    503: "The server is full",
}


def errors_of(descriptions: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of errors."""
    return {status: {"description": text, "model": wire.ErrorOut} for status, text in descriptions.items()}


def body_of(model: type[BaseModel], *, required: bool) -> dict[str, Any]:
    """What OpenAPI says of a body that is read by hand."""
    return {
        "requestBody": {"required": required, "content": {"application/json": {"schema": model.model_json_schema()}}}
    }


SEGMENTS: dict[str, Any] = {
    "response_model": wire.SegmentOut,
    "responses": errors_of(KEY | PICTURE),
    "openapi_extra": body_of(wire.SegmentIn, required=True),
}
router = APIRouter()


@router.post("/images/segmentations", **SEGMENTS)
async def segment(http: Request, service: ServiceHere, caller: SegmenterNow) -> Response:
    """The label map of what the points lie on. Points of one list are told apart by what they lie on."""
    return await _segment(http, service, caller, joint=False)


@router.post("/joint/images/segmentations", **SEGMENTS)
async def segment_jointly(http: Request, service: ServiceHere, caller: SegmenterNow) -> Response:
    """The same, but all points of one list mean one region."""
    return await _segment(http, service, caller, joint=True)


@router.get("/models", response_model=wire.ModelsOut, responses=errors_of(KEY))
@router.get("/joint/models", response_model=wire.ModelsOut, responses=errors_of(KEY))
def models(service: ServiceHere, caller: CallerNow) -> Response:  # noqa: ARG001 - a key is needed
    """The names that requests may use. The client sends a body, which is not looked at."""
    return JSONResponse(write_models(service.models()))


@router.post(
    "/authentication/validate",
    response_model=wire.KeyOut,
    responses=errors_of(KEY),
    openapi_extra=body_of(wire.KeyIn, required=False),
)
@router.post("/joint/authentication/validate", response_model=wire.KeyOut, responses=errors_of(KEY))
async def validate(http: Request, caller: CallerNow) -> Response:
    """Whether the bearer token is a key that works here."""
    body = await http.body()
    given = read_document(wire.KeyIn, body) if body.strip() else wire.KeyIn()
    if given.api_key is not None and given.api_key != (bearer_of(http) or ""):
        raise Unauthorized("api_key is not the key in the Authorization header", "Send the same key in both")
    return JSONResponse(write_caller(caller))


async def _segment(http: Request, service: Service, caller: Caller, *, joint: bool) -> Response:
    body = await http.body()
    request, may_merge = await run_in_threadpool(read_segment, body, service, joint=joint)

    def write(answer: Answer) -> Response:
        return JSONResponse(write_segmentation(answer.segmentation, int(time.time())))

    then = regrouped if may_merge else None
    return await wait_for(http, *service.segment(request, caller, then=then, write=write))
