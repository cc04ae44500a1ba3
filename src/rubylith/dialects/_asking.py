"""What every door reads from a request: who asks, of which service, under which address, about which job.

Dependencies are asynchronous although most wait for nothing: FastAPI would send each plain function to a thread.
"""

import re
from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from rubylith.domain.caller import Caller, Scope
from rubylith.service.service import Service

READS = ["GET", "HEAD"]
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def service_of(http: Request) -> Service:
    """The service behind this application."""
    return http.app.state.service


def bearer_of(http: Request) -> str | None:
    """The key in `Authorization: Bearer KEY`; None if there is none."""
    scheme, _, secret = http.headers.get("authorization", "").strip().partition(" ")
    return (secret.strip() or None) if scheme.lower() == "bearer" else None


def root_of(http: Request) -> str:
    """How the caller reaches this server, without a slash at the end: its public address, or the one asked."""
    return (service_of(http).public_url or f"{http.url.scheme}://{http.url.netloc}").rstrip("/")


def uuid_of(text: str) -> str | None:
    """What may be the id of a job, as jobs write theirs; what is none need not be looked for, nor does every database
    take it.
    """
    return text.lower() if _UUID.fullmatch(text) else None


async def caller_with(http: Request, secret: str | None) -> Caller:
    """Who shows this secret; Unauthorized."""
    access = service_of(http).access
    return access.recent_caller(secret) or await run_in_threadpool(access.caller, secret)


async def caller_of(http: Request) -> Caller:
    """Who sends this, by a bearer key; Unauthorized."""
    return await caller_with(http, bearer_of(http))


async def segmenter_of(http: Request) -> Caller:
    """A caller who may have pictures segmented, known before a word of the body is judged; Forbidden."""
    caller = await caller_of(http)
    caller.require(Scope.SEGMENT)
    return caller


async def _service(http: Request) -> Service:
    return service_of(http)


async def _root(http: Request) -> str:
    return root_of(http)


CallerNow = Annotated[Caller, Depends(caller_of)]
SegmenterNow = Annotated[Caller, Depends(segmenter_of)]
RootHere = Annotated[str, Depends(_root)]
ServiceHere = Annotated[Service, Depends(_service)]
