"""Our error families, and faults of documents, → `{"message", "error", "statusCode"}`.

`error` names the status where `message` says more than that, as NestJS does.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import ValidationError

from rubylith.dialects._telling import nearest, retry_after
from rubylith.dialects.tengr.wire import FAULT
from rubylith.domain import errors

PHRASES: dict[type[errors.RubylithError], tuple[int, str | None]] = {  # status, and the vendor's own words
    errors.InvalidImage: (400, None),
    errors.InvalidPrompt: (400, None),
    errors.InvalidOrder: (400, None),
    errors.TooLarge: (413, None),
    errors.UnknownName: (400, None),
    errors.UnsafeAddress: (400, None),
    errors.Unauthorized: (401, "Unauthorized"),
    errors.Forbidden: (403, "Forbidden resource"),
    errors.NotFound: (404, "Artwork not found"),
    errors.NotAccessible: (404, "Artwork not found"),
    errors.Conflict: (409, None),
    errors.RateLimited: (429, "ThrottlerException: Too Many Requests"),
    errors.Rejected: (400, None),
    errors.Unavailable: (503, None),
    errors.Broken: (500, "Internal server error"),
}
ALONE = frozenset({401, 429, 500})  # statuses whose message says all there is to say

WORDS: Mapping[str, str] = {  # pydantic's type of a fault: what follows the field's name
    "missing": "should not be empty",
    "int_type": "must be an integer number",
    "int_parsing": "must be an integer number",
    "int_from_float": "must be an integer number",
    "int_parsing_size": "must be an integer number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be a boolean value",
    "string_type": "must be a string",
    "string_too_long": "must be shorter than or equal to {max_length} characters",
    "list_type": "must be an array",
    "tuple_type": "must be an array of 2 numbers",
    "too_long": "must contain at most {max_length} elements",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than_equal": "must not be less than {ge}",
    "less_than_equal": "must not be greater than {le}",
    "literal_error": "must be one of the following values: {expected}",
    FAULT: "{text}",
}
MOST_FAULTS, MOST_CHARACTERS = 20, 100


def problem(status: int, message: str) -> JSONResponse:
    """The vendor's document for an error."""
    body: dict[str, Any] = {"message": message}
    if status not in ALONE:
        body["error"] = "Payload Too Large" if status == 413 else HTTPStatus(status).phrase
    return JSONResponse({**body, "statusCode": status}, status)


def write_error(error: errors.RubylithError) -> JSONResponse:
    """What the caller is told, in the vendor's words where it has some; how long to wait where that is known."""
    status, words = nearest(PHRASES, error, PHRASES[errors.Broken])
    response = problem(status, words or str(error))
    response.headers.update(retry_after(error))
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def write_unforeseen() -> JSONResponse:
    """Our fault; the log knows more."""
    return problem(500, "Internal server error")


def write_missing(method: str, path: str) -> JSONResponse:
    """No such path, or not with this method: the same here."""
    return problem(404, f"Cannot {method} {path[:MOST_CHARACTERS]}")


def write_too_large(limit: int) -> JSONResponse:
    """A body over the limit."""
    return problem(413, f"request entity too large: the limit is {limit} bytes; send a link to the image")


def write_invalid(error: ValidationError) -> JSONResponse:
    """Every field at fault, by its path, and never its value, which may be a picture."""
    faults = error.errors(include_input=False, include_url=False)
    told = [_worded(fault["loc"], fault["type"], fault.get("ctx", {}), fault["msg"]) for fault in faults[:MOST_FAULTS]]
    more = len(faults) - len(told)
    return problem(400, "; ".join([*told, f"and {more} problems more"] if more else told))


def _worded(location: tuple[int | str, ...], kind: str, context: Mapping[str, Any], message: str) -> str:
    path = ".".join(str(part) for part in location)[:MOST_CHARACTERS]
    if kind == "extra_forbidden":
        return f"property {path} should not exist"
    if kind == "json_invalid" or not path:
        return f"The body is not a JSON object: {message}"
    words = WORDS.get(kind, message)
    shown = {name: str(value) for name, value in context.items()}
    if kind == "literal_error":
        shown["expected"] = shown["expected"].replace("'", "").replace(" or ", ", ")
    return f"{path} {words.format(**shown)}"
