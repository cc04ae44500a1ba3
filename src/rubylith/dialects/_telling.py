"""What every door tells of an error, in whatever shape: the nearest family, when to come back, what went to the log."""

import math
from collections.abc import Mapping
from typing import TypeVar

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rubylith.dialects._body import BodyTooLarge
from rubylith.domain.errors import RubylithError
from rubylith.domain.job import Cancelled

Told = TypeVar("Told")


def nearest(table: Mapping[type[RubylithError], Told], error: RubylithError, otherwise: Told) -> Told:
    """What the table says of the error's own family, or of the nearest one above it."""
    return next((table[family] for family in type(error).__mro__ if family in table), otherwise)


def retry_after(error: RubylithError) -> dict[str, str]:
    """The header that says when to come back, in whole seconds, where the error knows."""
    seconds = getattr(error, "retry_after_seconds", None)
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


def note_unforeseen(log: structlog.stdlib.BoundLogger, http: Request, error: Exception) -> str:
    """Write down a fault of ours; the id of the request, under which the log has it."""
    request_id = str(http.scope.get("state", {}).get("request_id", ""))
    log.error("unforeseen", exc_info=error, request_id=request_id)
    return request_id


def forgive(app: FastAPI) -> None:
    """What is no fault of ours: callers who leave, and bodies over the limit, which are answered outside of the app."""
    for kind in (Cancelled, ClientDisconnect, BodyTooLarge):
        app.add_exception_handler(kind, _unheard)


def _unheard(_: Request, __: Exception) -> Response:
    return Response(status_code=499)
