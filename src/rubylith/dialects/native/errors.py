"""Our error families → RFC 9457 problem documents."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from rubylith.dialects._telling import nearest, retry_after
from rubylith.domain import errors

PROBLEM_JSON = "application/problem+json"
PATH = "/problems"  # where types of problems are explained

STATUS: dict[type[errors.RubylithError], int] = {
    errors.InvalidImage: 422,
    errors.InvalidPrompt: 400,
    errors.TooLarge: 413,
    errors.UnknownName: 400,
    errors.UnsafeAddress: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAccessible: 404,
    errors.Conflict: 409,
    errors.RateLimited: 429,
    errors.WeightsMissing: 409,
    errors.Overloaded: 503,
    errors.SourceUnreachable: 424,
    errors.TimedOut: 504,
    errors.Rejected: 400,
    errors.Unavailable: 503,
    errors.Broken: 500,
}


def problem(status: int, kind: str, detail: str, **more: Any) -> JSONResponse:
    """A problem document. kind: CamelCase name of the error."""
    body = {"type": type_of(kind), "title": title_of(kind), "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type=PROBLEM_JSON)


def type_of(kind: str) -> str:
    """Where it is explained."""
    return f"/v1{PATH}/{kind}"


def title_of(kind: str) -> str:
    """`UnknownName` as words."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind).strip().capitalize()


def write_error(error: errors.RubylithError) -> JSONResponse:
    """What the caller is told; how long to wait where that is known."""
    response = problem(nearest(STATUS, error, 500), type(error).__name__, error.message, hint=error.hint)
    response.headers.update(retry_after(error))
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def write_invalid(error: RequestValidationError) -> JSONResponse:
    """Every field at fault with what was expected, and never the value, which may be a picture."""
    faults = [{"field": _field(fault["loc"]), "message": str(fault["msg"])} for fault in error.errors()]
    return write_faults(faults)


def write_faults(faults: list[dict[str, str]]) -> JSONResponse:
    """faults: `field` and `message` of each."""
    first = faults[0]
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return problem(
        422, "InvalidDocument", detail + more, hint="Mend the fields in `errors`; /docs has the document", errors=faults
    )


def write_unforeseen(request_id: str) -> JSONResponse:
    """Our fault, and we do not know which: the log does."""
    return problem(
        500, "Unforeseen", "The server failed on this request", hint=f"Report it with request id {request_id}"
    )


def write_too_large(limit: int) -> JSONResponse:
    """A body over the limit."""
    return problem(
        413, "TooLarge", f"The body is larger than {limit} bytes, the limit here", hint="Send less, or a link instead"
    )


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part != "body")
