"""Our error families → what Prodia's client understands: 400 with a job, 401, 403, 404 and 5xx as text, 429."""

from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rubylith.dialects._multipart import MULTIPART
from rubylith.dialects._telling import nearest, retry_after
from rubylith.dialects.prodia.write import wanted_of, write_failed, write_response
from rubylith.domain import errors

STATUS: dict[type[errors.RubylithError], int] = {
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Rejected: 400,
    errors.Overloaded: 429,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.Broken: 500,
}


def status_of(error: errors.RubylithError) -> int:
    """The status of the nearest family that has one."""
    return nearest(STATUS, error, 500)


def write_error(error: errors.RubylithError, accept: str, submitted: dict[str, Any]) -> Response:
    """What the caller is told. submitted: as much of the job's type and config as is known.

    Only 400 is multipart: the client takes a multipart answer of 5xx for success.
    """
    status = status_of(error)
    if status == 400:
        return write_fault(f"{error.message}. {error.hint}", accept, submitted)
    if status == 401:
        return PlainTextResponse("token is invalid", status, {"WWW-Authenticate": "Bearer"})
    return PlainTextResponse(str(error), status, retry_after(error))


def write_fault(text: str, accept: str, submitted: dict[str, Any]) -> Response:
    """400 with a job that failed: multipart where that is asked for, else JSON, which plain callers read."""
    named = MULTIPART if MULTIPART in wanted_of(accept) else "application/json"
    return write_response(named, write_failed(submitted, text), status=400)


def write_too_large(limit: int) -> ASGIApp:
    """A body over the limit: the caller's fault like any other, so that the client does not send it again."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        text = f"input: the body is above the maximum {limit} bytes. Send a smaller file"
        await write_fault(text, accept, {})(scope, receive, send)

    return refuse
