"""Each family of the error tree in each dialect: the status and the shape of body that its vendor's clients know."""

import json
from datetime import UTC, datetime

import pytest

from rubylith.dialects.airefinery.errors import write_error as airefinery
from rubylith.dialects.fal.errors import job_failure, model_failure, request_failure, write_failure
from rubylith.dialects.native.errors import write_error as native
from rubylith.dialects.prodia.errors import write_error as prodia
from rubylith.dialects.tengr.errors import write_error as tengr
from rubylith.dialects.vlmrun.errors import write_error as vlmrun
from rubylith.domain import errors
from rubylith.domain.job import Job, JobState, Problem
from rubylith.service.intake import Limits

LIMITS = Limits(1000, 400)
NOW = datetime.now(UTC)


def failed(error):
    """A fal job that came to this."""
    job = Job(
        "id",
        "owner",
        "fal",
        JobState.FAILED,
        {},
        0,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        start_by=None,
        attempts=1,
        progress=0.0,
        result=None,
        artifacts=(),
        problem=Problem.of(error),
        delivery=None,
        retry_of=None,
    )
    return job_failure(job, [], "", LIMITS)


WRITE = {
    "native": native,
    "airefinery": airefinery,
    "prodia": lambda error: prodia(error, "application/json", {"type": "inference.segment.v1"}),
    "tengr": tengr,
    "vlmrun": vlmrun,
    "fal": lambda error: write_failure(request_failure(error)),
    "fal run": lambda error: write_failure(model_failure(error, "", LIMITS)),
    "fal job": lambda error: write_failure(failed(error)),
}
#                      native, airefinery, prodia, tengr, vlmrun, fal, fal run, fal job
STATUS = {
    "RubylithError": (500, 500, 500, 500, 500, 500, 500, 500),
    "Rejected": (400, 422, 400, 400, 400, 400, 400, 400),
    "InvalidImage": (422, 400, 400, 400, 400, 400, 422, 422),
    "InvalidEmbedding": (400, 422, 400, 400, 400, 400, 400, 400),
    "InvalidPrompt": (400, 422, 400, 400, 400, 400, 422, 422),
    "NothingAsked": (400, 422, 400, 400, 400, 400, 400, 400),
    "InvalidSchema": (400, 422, 400, 400, 400, 400, 400, 400),
    "UnfillableSchema": (400, 422, 400, 400, 400, 400, 400, 400),
    "UnsatisfiedSchema": (400, 422, 400, 400, 422, 400, 400, 400),
    "NothingFound": (400, 422, 400, 400, 422, 400, 400, 400),
    "InvalidOrder": (400, 422, 400, 400, 400, 400, 400, 422),
    "TooLarge": (413, 413, 400, 413, 413, 413, 422, 422),
    "TooManyPixels": (413, 413, 400, 413, 413, 413, 422, 422),
    "UnknownName": (400, 404, 400, 400, 400, 400, 400, 400),
    "Unauthorized": (401, 401, 401, 401, 401, 401, 401, 401),
    "Forbidden": (403, 403, 403, 403, 403, 403, 403, 403),
    "NotFound": (404, 404, 404, 404, 404, 404, 422, 422),
    "NotAccessible": (404, 422, 400, 404, 400, 404, 404, 404),
    "UnknownWord": (400, 422, 400, 400, 400, 400, 422, 422),
    "LicenceNotAllowed": (400, 422, 400, 400, 400, 400, 400, 400),
    "InvalidSetting": (400, 422, 400, 400, 400, 400, 400, 400),
    "Conflict": (409, 422, 400, 409, 409, 400, 400, 400),
    "UnsafeAddress": (400, 422, 400, 400, 400, 400, 422, 422),
    "Unavailable": (503, 503, 503, 503, 503, 503, 503, 503),
    "Overloaded": (503, 503, 429, 503, 503, 503, 503, 503),
    "RateLimited": (429, 429, 429, 429, 429, 429, 429, 429),
    "SourceUnreachable": (424, 503, 503, 503, 400, 503, 422, 422),
    "WeightsMissing": (409, 503, 503, 503, 404, 503, 503, 503),
    "WrongDigest": (503, 503, 503, 503, 503, 503, 503, 503),
    "TimedOut": (504, 503, 503, 503, 504, 503, 504, 504),
    "Broken": (500, 500, 500, 500, 500, 500, 500, 500),
    "ModelFailed": (500, 500, 500, 500, 500, 500, 500, 500),
    "StorageFailed": (500, 500, 500, 500, 500, 500, 500, 500),
}


def families(root=errors.RubylithError):
    """The tree, from the root down; what a dialect adds for itself is its own."""
    yield root
    for family in root.__subclasses__():
        if family.__module__ == errors.__name__:
            yield from families(family)


def said(dialect, body):
    """What the vendor's clients show of an error."""
    if dialect == "prodia":
        return body["error"]
    if dialect == "vlmrun":
        return body["error"]["message"]
    return body["message" if dialect == "tengr" else "detail"]


@pytest.mark.parametrize("family", tuple(families()), ids=lambda family: family.__name__)
@pytest.mark.parametrize("dialect", WRITE)
def test_every_family_has_its_vendors_status_and_body(dialect, family):
    error = family("The thing is over the limit", "Mend it so")
    answer = WRITE[dialect](error)
    assert answer.status_code == STATUS[family.__name__][list(WRITE).index(dialect)]
    if answer.status_code in {429, 503} and dialect != "fal job":  # which stays as it is, however often it is asked for
        assert int(answer.headers["retry-after"]) >= 1
    if answer.headers["content-type"].startswith("text/plain"):
        assert answer.body  # Prodia's client shows status and text
        return
    text = said(dialect, json.loads(answer.body))
    hides = answer.status_code in {401, 403, 404, 429, 500}  # the vendor has words of its own there
    assert hides or "The thing is over the limit" in str(text)
