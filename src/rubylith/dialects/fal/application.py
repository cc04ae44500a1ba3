"""fal's API as an application of its own."""

import re

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.fal import queue, run, uploads
from rubylith.dialects.fal.errors import NO_REQUEST, Failure, Refused, request_failure, write_failure
from rubylith.dialects.fal.proxy import Proxied
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.fal")


def application(service: Service) -> ASGIApp:
    """The application to be mounted at /fal."""
    app = FastAPI(title="fal dialect", docs_url=None, redoc_url=None, openapi_url=None, telemetry=NOT_WATCHED)
    app.state.service = service
    for part in (queue, run, uploads):
        app.include_router(part.router)
    app.add_exception_handler(RubylithError, _rejected)
    app.add_exception_handler(Refused, _refused)
    forgive(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)
    return Proxied(app)


def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return write_failure(request_failure(error))


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return write_failure(error.failure)


def _invalid(http: Request, _: Exception) -> Response:
    return write_failure(_no_path(http))


def _http(http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    failure = Failure(error.status_code, str(error.detail))
    if error.status_code == 404:
        failure = _no_path(http)
    elif error.status_code == 405 and "/requests/" in http.url.path:  # all else below the queue is an order's path
        failure = NO_REQUEST
    response = write_failure(failure)
    response.headers.update(error.headers or {})
    return response


def _unforeseen(http: Request, error: Exception) -> Response:
    note_unforeseen(log, http, error)
    return write_failure(Failure(500, "Internal server error", "internal_error"))


def _no_path(http: Request) -> Failure:
    path = re.sub(r"/+", "/", http.url.path.removeprefix(str(http.scope.get("root_path", ""))))
    return Failure(404, f"Path {path[:200]} not found")
