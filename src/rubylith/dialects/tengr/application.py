"""The vendor's API as an application of its own, with its own errors."""

import math

import structlog
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._paths import mend_slashes
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.tengr import errors, routes
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.tengr")


def application(service: Service) -> ASGIApp:
    """The application to be mounted at /tengr. It has no page of its own: the vendor's describes the wire."""
    app = FastAPI(title="Tengr", openapi_url=None, redirect_slashes=False, telemetry=NOT_WATCHED)
    app.state.service = service
    app.include_router(routes.router)
    app.add_exception_handler(RubylithError, _rejected)
    forgive(app)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(HTTPException, _missing)
    app.add_exception_handler(Exception, _unforeseen)
    return Framed(app, service)


class Framed:
    """ASGI middleware: slashes too many are passed over, and every answer to a known key says what is left of its rate.

    The vendor's framework takes no offence at a slash at the end, and addresses that end in one double the next.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Frame one request."""
        if scope["type"] == "http":
            mend_slashes(scope)

        async def framed(message: Message) -> None:
            caller = scope.get("state", {}).get("caller") if message["type"] == "http.response.start" else None
            allowance = self.service.access.allowance(caller) if caller is not None else None
            if allowance is not None:
                headers = MutableHeaders(scope=message)
                headers["X-RateLimit-Limit"] = str(allowance.limit)
                headers["X-RateLimit-Remaining"] = str(allowance.remaining)
                headers["X-RateLimit-Reset"] = str(math.ceil(allowance.reset_seconds))
            await send(message)

        await self.app(scope, receive, framed)


def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return errors.write_error(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return errors.write_invalid(error)


def _missing(http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return errors.write_missing(http.method, http.url.path)


def _unforeseen(http: Request, error: Exception) -> Response:
    note_unforeseen(log, http, error)
    return errors.write_unforeseen()
