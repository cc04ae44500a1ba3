"""The native API as an application of its own, with its own errors and OpenAPI page."""

from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from rubylith.dialects._docs import add_docs
from rubylith.dialects._observed import NOT_WATCHED
from rubylith.dialects._telling import forgive, note_unforeseen
from rubylith.dialects.native import errors, objects, problems, routes, uploads, wire
from rubylith.dialects.native.write import VERSION
from rubylith.domain.errors import RubylithError
from rubylith.service.service import Service

log = structlog.stdlib.get_logger("rubylith.native")
DESCRIBED = (
    wire.SegmentIn,
    wire.SegmentPartIn,
    wire.JobIn,
    wire.JobPartIn,
    wire.EmbeddingIn,
    wire.EmbeddingPartIn,
    wire.TicketIn,
)
KINDS = {404: "NotFound", 405: "MethodNotAllowed", 415: "UnsupportedMediaType"}
SUMMARY = "Masks of everything in a picture, or of what is pointed at; now or later."


def application(service: Service) -> FastAPI:
    """The application to be mounted at /v1."""
    app = FastAPI(
        title="Rubylith",
        version=VERSION,
        summary=SUMMARY,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=[
            *routes.unaided.routes,
            *routes.router.routes,
            *uploads.router.routes,
            *problems.router.routes,
            *objects.router.routes,
        ],  # included, they are looked up three times a request
        telemetry=NOT_WATCHED,
    )
    app.state.service = service
    add_docs(app)
    app.add_exception_handler(RubylithError, _rejected)
    forgive(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RubylithError)
    return errors.write_error(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return errors.write_invalid(error)


def _http(http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = KINDS.get(error.status_code, "InvalidDocument")
    path: str = http.scope["path"]
    is_slashed = error.status_code == 404 and path.endswith("/")
    hint = f"Ask for {path.rstrip('/')}, without a slash at the end" if is_slashed else "See /v1/docs"
    response = errors.problem(error.status_code, kind, str(error.detail), hint=hint)
    response.headers.update(error.headers or {})
    return response


def _unforeseen(http: Request, error: Exception) -> Response:
    return errors.write_unforeseen(note_unforeseen(log, http, error))


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with the schemas of the bodies that are read by hand."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
        for model in (*DESCRIBED, wire.ProblemOut):
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= described.pop("$defs", {})
            schemas[model.__name__] = described
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        schema["servers"] = [{"url": "/v1"}]
        app.openapi_schema = schema
    return app.openapi_schema
