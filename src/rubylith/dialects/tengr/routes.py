"""Routes of /tengr: read, verb, write."""

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from rubylith.dialects import _asking
from rubylith.dialects._asking import READS, RootHere, ServiceHere, uuid_of
from rubylith.dialects._downloading import download
from rubylith.dialects._parsing import check_values
from rubylith.dialects.tengr import wire
from rubylith.dialects.tengr.read import (
    REMOVE_BACKGROUND,
    SEGMENTATION,
    STATES,
    read_parameters,
    read_remove_background,
    read_segmentation,
)
from rubylith.dialects.tengr.write import OBJECTS, write_artwork
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import Forbidden, InvalidPrompt, NotFound, UnknownWord, UnsafeAddress
from rubylith.domain.job import Job
from rubylith.domain.request import SegmentRequest
from rubylith.service.service import Instructions, Service

NAME, VERSION = "tengr", version("rubylith")
KIND = "artworkType"  # in the notes
KEPT_SECONDS = 8 * 86_400.0
ROUTES = (
    "POST /v2/artworks/segmentation",
    "POST /v2/artworks/remove-background",
    "GET /v2/artworks/:id",
    "GET /v2/artworks",
    "POST /v2/organizations/:orgId/webhook-secret",
)


async def caller_of(http: Request) -> Caller:
    """Who sends this, noted for the headers of the answer; Unauthorized."""
    http.state.caller = await _asking.caller_of(http)
    return http.state.caller


async def generator_of(http: Request) -> Caller:
    """A caller who may make and see artworks; Forbidden."""
    caller = await caller_of(http)
    caller.require(Scope.SEGMENT)
    return caller


CallerNow = Annotated[Caller, Depends(caller_of)]
GeneratorNow = Annotated[Caller, Depends(generator_of)]

router = APIRouter()


@router.api_route("/", methods=READS)
def metadata() -> Response:
    """What is here."""
    return JSONResponse({"name": "rubylith", "version": VERSION, "routes": ROUTES})


@router.post("/v2/artworks/segmentation", status_code=202)
async def segmentation(http: Request, service: ServiceHere, caller: GeneratorNow, root: RootHere) -> Response:
    """Masks of what is pointed at, or named."""
    return await run_in_threadpool(_segmentation, service, caller, await http.body() or b"{}", root)


@router.post("/v2/artworks/remove-background", status_code=202)
async def remove_background(http: Request, service: ServiceHere, caller: GeneratorNow, root: RootHere) -> Response:
    """The subject of a picture, on nothing."""
    return await run_in_threadpool(_remove_background, service, caller, await http.body() or b"{}", root)


@router.api_route("/v2/artworks", methods=READS)
def artworks(http: Request, service: ServiceHere, caller: GeneratorNow, root: RootHere) -> Response:
    """The key's artworks, newest first."""
    query = wire.ListIn.model_validate(dict(http.query_params))
    return JSONResponse([write_artwork(job, service.files, root) for job in _jobs(service, caller, query)])


@router.api_route("/v2/artworks/{artwork_id}", methods=READS)
def artwork(artwork_id: str, service: ServiceHere, caller: GeneratorNow, root: RootHere) -> Response:
    """How an artwork fares, and its results."""
    known = uuid_of(artwork_id)
    if known is None:
        raise NotFound("This is no id of an artwork", "Give the id that its order was answered with")
    return JSONResponse(write_artwork(service.job(known, caller, dialect=NAME), service.files, root))


@router.post("/v2/organizations/{organization_id}/webhook-secret")
def webhook_secret(service: ServiceHere, caller: CallerNow) -> Response:
    """A new secret for this key's webhooks, shown once."""
    if Scope.ADMIN not in caller.scopes:
        caller.require(Scope.MODELS)
    secret = service.webhook_secrets.rotate(caller.id)
    return JSONResponse({"secret": secret}, headers={"Cache-Control": "no-store"})


@router.api_route(f"{OBJECTS.removeprefix('/tengr')}/{{key:path}}", methods=READS)
def result(http: Request, key: str, service: ServiceHere) -> Response:
    """A result, for whoever holds its link; 404 once it is gone."""
    try:
        return download(http, service, key, http.query_params)
    except Forbidden as error:
        raise NotFound(error.message, error.hint) from None


def _segmentation(service: Service, caller: Caller, document: bytes, root: str) -> Response:
    check_values(document)
    body = wire.SegmentationIn.model_validate_json(document)
    notes = _notes(SEGMENTATION, body, root)
    return _made(service, caller, _ordered(service, body, notes["parameters"]), notes)


def _remove_background(service: Service, caller: Caller, document: bytes, root: str) -> Response:
    check_values(document)
    body = wire.RemoveBackgroundIn.model_validate_json(document)
    order = read_remove_background(body, service.default_model)
    return _made(service, caller, order, _notes(REMOVE_BACKGROUND, body, root))


def _notes(kind: str, body: wire.ArtworkIn, root: str) -> dict[str, Any]:
    return {KIND: kind, "parameters": read_parameters(body), "root": root}


def _ordered(service: Service, body: wire.SegmentationIn, parameters: dict[str, Any]) -> SegmentRequest | UnknownWord:
    """What is asked for, or the word that nothing can come of here: the vendor knows all words, so it is no fault."""
    try:
        request = read_segmentation(body, parameters, service.default_model)
        service.check(request)
    except UnknownWord as unknown:
        return unknown
    except InvalidPrompt as error:
        field = "textPrompt" if body.method == wire.TEXT else "pointsPositive"
        raise InvalidPrompt(f"{field} cannot be used: {error.message}", error.hint) from None
    return request


def _made(service: Service, caller: Caller, order: SegmentRequest | UnknownWord, notes: dict[str, Any]) -> Response:
    webhook = notes["parameters"].get("webhook")
    instructions = Instructions(NAME, webhook, extra=notes, forget_seconds=KEPT_SECONDS, encrypted=True)
    try:
        job = service.submit(order, caller, instructions)
    except UnsafeAddress as error:
        raise UnsafeAddress(
            f"webhook must be a publicly reachable https address: {error.message}", error.hint
        ) from None
    return JSONResponse(write_artwork(job, service.files, notes["root"]), 202)


def _jobs(service: Service, caller: Caller, query: wire.ListIn) -> tuple[Job, ...]:
    """The page that is asked for."""
    states = tuple(state for state, status in STATES.items() if status == query.status)
    noted = None if query.artworkType is None else (KIND, query.artworkType)
    return service.history(caller, dialect=NAME, states=states, noted=noted, limit=query.limit, offset=query.offset)
