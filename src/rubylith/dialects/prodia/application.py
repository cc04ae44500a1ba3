"""Prodia's API as an application of its own, with its own errors and OpenAPI page."""

from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rubylith.dialects._docs import add_docs
from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._paths import mend_slashes
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.prodia import errors, routes
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.prodia")


def application(service: Service) -> ASGIApp:
    """The application to be mounted at /prodia."""
    app = FastAPI(
        title="Prodia v2 on Rubylith", docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=NOT_WATCHED
    )
    app.state.service = service
    add_docs(app)
    app.include_router(routes.router)
    app.add_exception_handler(RubylithError, _rejected)
    forgive(app)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)

    async def mended(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            mend_slashes(scope)
        await app(scope, receive, send)

    return mended


def _rejected(http: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return errors.write_error(error, http.headers.get("accept", ""), _submitted(http))


def _http(http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a form that cannot be read
        return errors.write_fault(f"body: {error.detail}", http.headers.get("accept", ""), {})
    return PlainTextResponse(str(error.detail), error.status_code, error.headers)


def _unforeseen(http: Request, error: Exception) -> Response:
    request_id = note_unforeseen(log, http, error)
    return PlainTextResponse(f"The server failed on this request; its id is {request_id}", 500)


def _submitted(http: Request) -> dict[str, Any]:
    """As much of the job as was read before the error."""
    return getattr(http.state, "job", {})
