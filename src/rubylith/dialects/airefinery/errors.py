"""Our error families → `{"detail": …}`. The vendor documents no bodies, so that its clients go by the status."""

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from rubylith.dialects._telling import nearest, retry_after
from rubylith.domain import errors

STATUS: dict[type[errors.RubylithError], int] = {
    errors.InvalidImage: 400,
    errors.InvalidPrompt: 422,
    errors.TooLarge: 413,
    errors.UnknownName: 404,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.RateLimited: 429,
    errors.Rejected: 422,
    errors.Unavailable: 503,
    errors.Broken: 500,
}

Location = tuple[str | int, ...]


def status_of(error: errors.RubylithError) -> int:
    """The status of the nearest family that has one."""
    return nearest(STATUS, error, 500)


def fault(location: Location, message: str, kind: str) -> RequestValidationError:
    """To be raised for one part of the body. location: its place in it."""
    return RequestValidationError([{"loc": ("body", *location), "msg": message, "type": kind}])


def write_error(error: errors.RubylithError) -> JSONResponse:
    """What the caller is told; how long to wait where that is known."""
    response = JSONResponse({"detail": str(error)}, status_of(error), retry_after(error))
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def write_invalid(error: RequestValidationError) -> JSONResponse:
    """Every part at fault, and never its value, which may be a picture."""
    faults = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors()]
    return JSONResponse({"detail": faults}, 422)


def write_unforeseen(request_id: str) -> JSONResponse:
    """Our fault, and we do not know which: the log does."""
    return JSONResponse({"detail": f"The server failed on this request. Report it with request id {request_id}."}, 500)


def write_too_large(limit: int) -> JSONResponse:
    """A body over the limit."""
    return JSONResponse(
        {"detail": f"The body is larger than {limit} bytes, the limit here. Send a smaller picture."}, 413
    )
