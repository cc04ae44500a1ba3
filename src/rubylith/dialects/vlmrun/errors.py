"""Our error families → OpenAI's error object."""

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from rubylith.dialects._telling import nearest, retry_after
from rubylith.domain import errors

NO_FIELDS = ("body", "str", "list[PartIn]", "LinkIn")  # what pydantic puts among the names of fields
STATUS: dict[type[errors.RubylithError], tuple[int, str, str | None]] = {  # family → status, code, parameter at fault
    errors.InvalidImage: (400, "invalid_image", "messages"),
    errors.SourceUnreachable: (400, "image_fetch_failed", "messages"),
    errors.UnsafeAddress: (400, "image_fetch_failed", "messages"),
    errors.InvalidSchema: (400, "invalid_json_schema", "response_format"),
    errors.UnfillableSchema: (400, "unfillable_schema_field", "response_format"),
    errors.NothingAsked: (400, "no_concept", "messages"),
    errors.UnknownWord: (400, "unknown_concept", "messages"),
    errors.WeightsMissing: (404, "model_not_found", "model"),
    errors.UnsatisfiedSchema: (422, "schema_not_satisfied", "response_format"),
    errors.NothingFound: (422, "no_objects_found", "response_format"),
    errors.TooLarge: (413, "request_too_large", None),
    errors.Unauthorized: (401, "invalid_api_key", None),
    errors.Forbidden: (403, "forbidden", None),
    errors.NotFound: (404, "not_found", None),
    errors.Conflict: (409, "conflict", None),
    errors.RateLimited: (429, "rate_limit_exceeded", None),
    errors.Overloaded: (503, "overloaded", None),
    errors.TimedOut: (504, "timed_out", None),
    errors.Rejected: (400, "invalid_value", None),
    errors.Unavailable: (503, "unavailable", None),
    errors.Broken: (500, "server_error", None),
}


class Refusal(errors.Rejected):
    """A fault that only this wire knows, with its status, code and the parameter at fault."""

    def __init__(self, message: str, hint: str, code: str, param: str | None = None, *, status: int = 400) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, code, param)
        self.told = (status, code, param)


def body(message: str, status: int, code: str, param: str | None = None) -> dict[str, object]:
    """The document of an error."""
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def write_body(error: errors.RubylithError) -> dict[str, object]:
    """The same for one of our errors, also as an event of a stream."""
    status, code, param = _told(error)
    return body(str(error), status, code, param)


def write_error(error: errors.RubylithError) -> JSONResponse:
    """What the caller is told; the clients ask again by themselves where that may help."""
    status = _told(error)[0]
    response = JSONResponse(write_body(error), status)
    if status in {429, 503, 504}:
        response.headers.update(retry_after(error))
    if isinstance(error, errors.ModelFailed):
        response.headers["x-should-retry"] = "false"
    return response


def write_invalid(error: RequestValidationError) -> JSONResponse:
    """The first field at fault, never with its value.

    Of what may have several shapes pydantic tells a fault for each; the one that lies deepest is of the shape meant.
    """
    faults = error.errors()
    *place, last = faults[0]["loc"] or ("",)
    of_shapes = [one for one in faults if last in NO_FIELDS and list(one["loc"][: len(place)]) == place]
    fault = max(of_shapes, key=lambda one: len(one["loc"]), default=faults[0])
    field = ".".join(str(part) for part in fault["loc"] if part not in NO_FIELDS)
    return JSONResponse(body(f"{field}: {fault['msg']}".strip(": "), 400, "invalid_value", field or None), 400)


def write_unforeseen(request_id: str) -> JSONResponse:
    """Our fault, and we do not know which: the log does."""
    return JSONResponse(write_unforeseen_body(request_id), 500)


def write_unforeseen_body(request_id: str) -> dict[str, object]:
    """The same as an event of a stream."""
    return body(f"The server failed on this request. Report it with request id {request_id}.", 500, "server_error")


def write_too_large(limit: int) -> JSONResponse:
    """A body over the limit."""
    message = f"The body is larger than {limit} bytes, the limit here. Send a link or upload the picture."
    return JSONResponse(body(message, 413, "request_too_large"), 413)


def _told(error: errors.RubylithError) -> tuple[int, str, str | None]:
    if isinstance(error, Refusal):
        return error.told
    return nearest(STATUS, error, STATUS[errors.Broken])
