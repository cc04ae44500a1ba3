"""The request behind a call: who calls, and which of their jobs is meant."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from rubylith.dialects._asking import caller_with, service_of, uuid_of
from rubylith.dialects.fal.errors import NO_REQUEST, Failure, Refused
from rubylith.dialects.fal.links import mount_of
from rubylith.dialects.fal.models import split
from rubylith.dialects.fal.read import Notes
from rubylith.dialects.fal.write import notes_of, write_urls
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import NotFound, Unauthorized
from rubylith.domain.job import Job

NAME = "fal"
SCHEMES = ("key", "bearer")


async def caller_of(http: Request) -> Caller:
    """Who sends this, by `Key …` or `Bearer …`; Unauthorized, or Refused with fal's words where there is no key."""
    header = http.headers.get("authorization", "").strip()
    scheme, _, secret = (part.strip() for part in header.partition(" "))
    if scheme.lower() not in SCHEMES:
        secret = ""
    try:
        return await caller_with(http, secret or None)
    except Unauthorized:
        if not header:
            raise Refused(Failure(401, "Authentication is required to access this application")) from None
        if not secret:
            expected = "Expected '<key_id>:<key_secret>'."
            raise Refused(Failure(401, f"Invalid Key Authorization header format. {expected}")) from None
        raise


async def segmenter_of(http: Request) -> Caller:
    """A caller who may send requests to models, known before the input is judged; Forbidden."""
    caller = await caller_of(http)
    caller.require(Scope.SEGMENT)
    return caller


CallerNow = Annotated[Caller, Depends(caller_of)]
SegmenterNow = Annotated[Caller, Depends(segmenter_of)]


def job_of(http: Request, caller: Caller, model: str, request_id: str) -> tuple[Job, Notes]:
    """The caller's job of this id; Refused if there is none, or if it was sent to another app."""
    known = uuid_of(request_id)
    if known is None:
        raise Refused(NO_REQUEST)
    try:
        job = service_of(http).job(known, caller, dialect=NAME)
    except NotFound:
        raise Refused(NO_REQUEST) from None
    notes = notes_of(job)
    if split(model)[0] != notes.app:
        raise Refused(NO_REQUEST)
    return job, notes


def urls_of(http: Request, app: str, request_id: str) -> dict[str, str]:
    """Where this request is asked after, as the caller reaches this server."""
    return write_urls(mount_of(http), app, request_id)
