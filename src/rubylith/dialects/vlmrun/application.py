"""The dialect as an application of its own, with its own errors."""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rubylith.dialects._docs import add_docs
from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.vlmrun import errors, files, routes
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.vlmrun")


def application(service: Service) -> FastAPI:
    """The application to be mounted at /vlmrun."""
    app = FastAPI(title="Rubylith as VLM Run", docs_url=None, redoc_url=None, telemetry=NOT_WATCHED)
    app.state.service = service
    add_docs(app)
    app.include_router(files.router, prefix="/v1")
    app.include_router(routes.router, prefix="/v1")
    app.add_exception_handler(RubylithError, _rejected)
    forgive(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return errors.write_error(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return errors.write_invalid(error)


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_value")
    document = errors.body(str(error.detail), error.status_code, code)
    return JSONResponse(document, error.status_code, headers=error.headers)


def _unforeseen(http: Request, error: Exception) -> Response:
    return errors.write_unforeseen(note_unforeseen(log, http, error))
