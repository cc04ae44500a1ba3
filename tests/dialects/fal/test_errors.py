"""Every family of our error tree in fal's words."""

import inspect
import json

import pytest

from rubylith.dialects.fal.errors import model_failure, request_failure, write_failure
from rubylith.domain import errors
from rubylith.service.intake import Limits

FAMILIES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.RubylithError)]
OF_REQUESTS = {  # everything else as its family above it
    "Unauthorized": (401, None),
    "Forbidden": (403, None),
    "NotFound": (404, None),
    "NotAccessible": (404, None),
    "TooLarge": (413, "bad_request"),
    "TooManyPixels": (413, "bad_request"),
    "RateLimited": (429, None),
    "Unavailable": (503, "runner_scheduling_failure"),
    "Rejected": (400, "bad_request"),
    "RubylithError": (500, "internal_error"),
}
OF_MODELS = {
    "InvalidImage": (422, "image_load_error"),
    "InvalidPrompt": (422, "value_error"),
    "TooLarge": (422, "file_too_large"),
    "TooManyPixels": (422, "image_too_large"),
    "NotFound": (422, "file_download_error"),
    "SourceUnreachable": (422, "file_download_error"),
    "UnsafeAddress": (422, "file_download_error"),
    "UnknownWord": (422, "feature_not_supported"),
    "TimedOut": (504, "generation_timeout"),
    "Broken": (500, "internal_server_error"),
}


def expected(table, family):
    return next((table[c.__name__] for c in family.__mro__ if c.__name__ in table), None)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_family_has_its_status_and_body(family):
    error = family("What is wrong", "How to mend it")
    status, error_type = expected(OF_REQUESTS, family)
    answer = write_failure(request_failure(error))
    body = json.loads(answer.body)
    assert (answer.status_code, body.get("error_type")) == (status, error_type)
    assert answer.headers.get("x-fal-error-type") == error_type
    assert isinstance(body["detail"], str)
    assert answer.headers["content-type"] == "application/json"
    assert ("retry-after" in answer.headers) == isinstance(error, errors.Unavailable)
    of_model = expected(OF_MODELS, family)
    failure = model_failure(error, "https://example.org/a.png", Limits(1000, 400))
    if of_model is None:
        assert failure == request_failure(error)
        return
    (fault,) = failure.detail
    assert (failure.status, fault["type"]) == of_model
    assert write_failure(failure).headers["x-fal-retryable"] == "false"
    contexts = {"image_too_large": {"max_height": 20, "max_width": 20}, "file_too_large": {"max_size": 1000}}
    assert fault.get("ctx") == contexts.get(fault["type"])
    if "image" in fault["type"] or "file" in fault["type"]:
        assert (fault["loc"], fault["input"]) == (["body", "image_url"], "https://example.org/a.png")


@pytest.mark.parametrize(
    ("asked", "message", "field"),
    [
        ({"prompts": [{"x": 1}]}, "The point (3500, 45) lies outside", "prompts"),
        ({"prompts": [{"x": 1}], "box_prompts": [{"x_min": 1}]}, "The point (3500, 45) lies outside", "prompts"),
        ({"point_prompts": [{"x": 1}], "box_prompts": [{"x_min": 1}]}, "The box (1, 1) has no area", "box_prompts"),
        ({"box_prompts": [{"x_min": 1}]}, "The box (1, 1) has no area", "box_prompts"),
        ({"prompt": "!"}, "No words", "prompt"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_told_of_the_field_that_holds_it(asked, message, field):
    """The client's getFieldErrors goes by the end of `loc`."""
    failure = model_failure(errors.InvalidPrompt(message, "Mend it"), "", Limits(1000, 400), asked)
    (fault,) = failure.detail
    assert (fault["loc"], fault["input"]) == (["body", field], asked[field])
