"""The dialect as an application of its own, with its own errors and OpenAPI page."""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp

from rubylith.dialects._docs import add_docs
from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.airefinery import errors, routes
from rubylith.dialects.airefinery.paths import AnySpelling
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.airefinery")
SUMMARY = "AI Refinery's images.segment, for airefinery-sdk with another base URL."


def application(service: Service) -> ASGIApp:
    """The application to be mounted at /airefinery."""
    app = FastAPI(
        title="Rubylith for AI Refinery",
        summary=SUMMARY,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": "/airefinery/v1"}],
        root_path_in_servers=False,
        telemetry=NOT_WATCHED,
    )
    app.state.service = service
    add_docs(app)
    app.include_router(routes.router)
    app.add_exception_handler(RubylithError, _rejected)
    app.add_exception_handler(RequestValidationError, _invalid)
    forgive(app)
    app.add_exception_handler(Exception, _unforeseen)
    return AnySpelling(app)


def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return errors.write_error(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return errors.write_invalid(error)


def _unforeseen(http: Request, error: Exception) -> Response:
    return errors.write_unforeseen(note_unforeseen(log, http, error))
