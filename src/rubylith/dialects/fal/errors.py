"""Our error families, and faults of inputs → fal's two kinds of errors.

A request that went wrong: `{"detail": "text", "error_type": "…"}`. A model that could not do it:
`{"detail": [{"loc", "msg", "type", "input"}]}`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, cast

from fastapi import Response
from pydantic import ValidationError

from rubylith.dialects._telling import nearest, retry_after
from rubylith.domain import errors
from rubylith.domain.errors import RubylithError
from rubylith.domain.job import Job, JobState
from rubylith.service.intake import Limits

Detail = dict[str, Any]

ERRORS_URL = "https://docs.fal.ai/errors#"
MAX_FAULTS, MAX_ITEMS, MAX_TEXT, MAX_DEPTH = 50, 20, 200, 4  # of an input as it is shown in an error
MAX_SHOWN = 4000  # characters of JSON
WORDS = ("prompt", "negative_prompt")  # fields with words
NOTHING_ASKED: Mapping[str, object] = MappingProxyType({})

REQUESTS: dict[type[RubylithError], tuple[int, str | None]] = {  # status and error_type
    errors.Unauthorized: (401, None),
    errors.Forbidden: (403, None),
    errors.NotFound: (404, None),
    errors.NotAccessible: (404, None),
    errors.TooLarge: (413, "bad_request"),
    errors.Rejected: (400, "bad_request"),
    errors.RateLimited: (429, None),
    errors.Unavailable: (503, "runner_scheduling_failure"),
    errors.RubylithError: (500, "internal_error"),
}
OF_PICTURE: dict[type[RubylithError], tuple[str, str]] = {  # type, and how its message begins
    errors.NotFound: ("file_download_error", "Failed to download the file: "),
    errors.SourceUnreachable: ("file_download_error", "Failed to download the file: "),
    errors.UnsafeAddress: ("file_download_error", "Failed to download the file: "),
    errors.InvalidImage: ("image_load_error", "Failed to load the image: "),
    errors.TooManyPixels: ("image_too_large", ""),
    errors.TooLarge: ("file_too_large", ""),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says what went wrong. detail: a sentence, or one entry per fault of the input.

    word: the `status` of the few answers that have one.
    """

    status: int
    detail: str | list[Detail]
    error_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    word: str | None = None

    @property
    def kind(self) -> str:
        """The word that names it in a status."""
        return self.error_type or (str(self.detail[0]["type"]) if isinstance(self.detail, list) else "bad_request")

    @property
    def text(self) -> str:
        """One line that says it in a status."""
        return self.detail if isinstance(self.detail, str) else str(self.detail[0]["msg"])

    @property
    def body(self) -> Detail:
        """The document."""
        named = {"error_type": self.error_type, "status": self.word}
        return {"detail": self.detail} | {name: value for name, value in named.items() if value}


class Refused(Exception):
    """Raised by what reads a request that is answered with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


NO_USER = "No user found for Key ID and Secret"
NO_REQUEST = Failure(404, "Request not found", word="NOT_FOUND")
START_TIMED_OUT = Failure(
    504, "Request timed out", "request_timeout", {"x-fal-request-timeout-type": "user"}
)  # with this header no client sends it again
ALREADY_COMPLETED = Failure(400, "Request is already completed", word="ALREADY_COMPLETED")
IN_PROGRESS = Failure(400, "Request is still in progress")
CANCELLED = Failure(499, "Request cancelled by the client.", "client_cancelled")


def respond(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in ASCII: whatever a caller's text holds, it can be sent back. document: bytes are JSON already."""
    is_written = isinstance(document, bytes)
    data = document if is_written else json.dumps(document, separators=(",", ":"), allow_nan=False)
    return Response(data, status, headers=dict(headers or {}), media_type="application/json")


def write_failure(failure: Failure) -> Response:
    """A failure as fal answers it."""
    headers = dict(failure.headers)
    if failure.error_type:
        headers["X-Fal-Error-Type"] = failure.error_type
    if isinstance(failure.detail, list):
        headers |= {"X-Fal-Retryable": "false", "X-Fal-Needs-Retry": "false"}
    if failure.status in {404, 422}:
        headers["x-fal-billable-units"] = "0"
    return respond(failure.body, failure.status, headers)


def write_too_large(limit: int) -> Response:
    """A body over the limit."""
    text = f"The body is larger than {limit} bytes, the limit here: upload the file and send its URL"
    return write_failure(Failure(413, text, "bad_request"))


def faults_of(error: ValidationError) -> list[Detail]:
    """pydantic's own words, each place below `body`; at most MAX_FAULTS, each with little of the input."""
    return [
        {"loc": ["body", *fault["loc"]], "msg": fault["msg"], "type": fault["type"], "input": shown(fault["input"])}
        | ({"ctx": shown(fault["ctx"])} if "ctx" in fault else {})
        for fault in error.errors(include_url=False)[:MAX_FAULTS]
    ]


def fault_of(kind: str, message: str, *place: str | int, given: object = None, **context: object) -> Detail:
    """One entry in fal's own words."""
    entry: Detail = {"loc": ["body", *place], "msg": message, "type": kind, "url": ERRORS_URL + kind}
    return entry | {"input": shown(given)} | ({"ctx": context} if context else {})


def request_failure(error: RubylithError) -> Failure:
    """What is answered where the request itself meets this error."""
    status, error_type = nearest(REQUESTS, error, REQUESTS[RubylithError])
    text = NO_USER if status == 401 else f"{error.message}. {error.hint}"
    if status == 500:
        text = "Internal server error"
    return Failure(status, text, error_type, retry_after(error))


def model_failure(
    error: RubylithError, picture: str, limits: Limits, asked: Mapping[str, object] = NOTHING_ASKED
) -> Failure:
    """What is answered where the work meets this error. picture: its `image_url`. asked: fields with prompts."""
    side = math.isqrt(limits.max_pixels)  # the limit is on pixels: whatever fits into this square is taken
    context: dict[str, object] = {}
    for known in type(error).__mro__:
        if known is errors.TimedOut:
            return Failure(504, [fault_of("generation_timeout", f"{error.message}. {error.hint}")])
        if known in OF_PICTURE:
            kind, words = OF_PICTURE[cast("type[RubylithError]", known)]
            if kind == "image_too_large":
                context = {"max_height": side, "max_width": side}
            elif kind == "file_too_large":
                context = {"max_size": limits.max_bytes}
            fault = fault_of(kind, words + error.message, "image_url", given=picture, **context)
            return Failure(422, [fault])
        if known is errors.UnknownWord:
            field = _field_with(error.message, asked)
            text = f"{error.message}. {error.hint}"
            return Failure(422, [fault_of("feature_not_supported", text, field, given=asked.get(field))])
        if known is errors.InvalidPrompt:
            field = _field_of(error.message, asked)
            place, given = ((field,), asked[field]) if field else ((), None)
            return Failure(422, [fault_of("value_error", f"{error.message}. {error.hint}", *place, given=given)])
        if known is errors.Broken:
            return Failure(500, [fault_of("internal_server_error", "Internal server error")])
    return request_failure(error)


def _field_of(message: str, asked: Mapping[str, object]) -> str | None:
    """The field with the prompt that is spoken of: that of boxes where it is a box, else the first."""
    is_box = "box" in message.lower()
    return next((field for field in asked if field.startswith("box") == is_box), next(iter(asked), None))


def _field_with(message: str, asked: Mapping[str, object]) -> str:
    """The field whose words hold the one that the message quotes; that of what is wanted where neither or both do."""
    noun = message.partition("'")[2].rpartition("'")[0].lower()
    wanted, unwanted = (str(asked.get(field, "")).lower() for field in WORDS)
    return WORDS[1] if noun and noun in unwanted and noun not in wanted else WORDS[0]


def job_failure(
    job: Job, faults: list[Detail], picture: str, limits: Limits, asked: Mapping[str, object] = NOTHING_ASKED
) -> Failure:
    """What became of a job that did not succeed. faults: those for which it was taken on only to be told."""
    if job.state is JobState.CANCELLED:
        return CANCELLED
    if faults:
        return Failure(422, faults)
    problem = job.problem
    assert problem is not None
    family = getattr(errors, problem.kind, errors.Broken)
    if family is errors.TimedOut and job.started_at is None:
        return START_TIMED_OUT
    if family is errors.InvalidOrder:  # without faults of its own: the picture did not come
        family = errors.SourceUnreachable
    failure = model_failure(family(problem.message, problem.hint), picture, limits, asked)
    return replace(failure, headers={})  # it has ended: when to come back says nothing of it


def shown(value: object) -> object:
    """A value short enough to be sent back: texts, lists and what lies deep are cut; what stays long is left out."""
    cut = _cut(value, 0)
    return cut if len(json.dumps(cut)) <= MAX_SHOWN else "…"


def _cut(value: object, depth: int) -> object:
    match value:
        case str() if len(value) > MAX_TEXT:
            return f"{value[:MAX_TEXT]}… ({len(value)} characters)"
        case float() if not math.isfinite(value):
            return str(value)
        case int() if not isinstance(value, bool) and value.bit_length() > 1024:
            return f"a number of {value.bit_length()} bits"
        case dict() if depth < MAX_DEPTH:
            items = list(cast("dict[str, object]", value).items())[:MAX_ITEMS]
            return {str(_cut(key, depth)): _cut(item, depth + 1) for key, item in items}
        case list() | tuple() if depth < MAX_DEPTH:
            return [_cut(item, depth + 1) for item in cast("list[object]", value)[:MAX_ITEMS]]
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return f"<binary {len(value)} bytes>"
        case _:
            return "…" if isinstance(value, dict | list | tuple) else str(value)[:MAX_TEXT]
