"""Each family of the error tree in each dialect: the status and the shape of body that its vendor's clients know."""

import json

import pytest

from rubylith.dialects.airefinery.errors import write_error as airefinery
from rubylith.dialects.fal.errors import request_failure, write_failure
from rubylith.dialects.native.errors import write_error as native
from rubylith.dialects.prodia.errors import write_error as prodia
from rubylith.dialects.tengr.errors import write_error as tengr
from rubylith.dialects.vlmrun.errors import write_error as vlmrun
from rubylith.domain import errors

WRITE = {
    "native": native,
    "airefinery": airefinery,
    "fal": lambda error: write_failure(request_failure(error)),
    "prodia": lambda error: prodia(error, "application/json", {"type": "inference.segment.v1"}),
    "tengr": tengr,
    "vlmrun": vlmrun,
}
#                      native, airefinery, fal, prodia, tengr, vlmrun
STATUS = {
    "InvalidImage": (422, 400, 400, 400, 400, 400),
    "InvalidPrompt": (400, 422, 400, 400, 400, 400),
    "TooLarge": (413, 413, 413, 400, 413, 413),
    "UnknownName": (400, 404, 400, 400, 400, 400),
    "UnknownWord": (400, 422, 400, 400, 400, 400),
    "Unauthorized": (401, 401, 401, 401, 401, 401),
    "Forbidden": (403, 403, 403, 403, 403, 403),
    "NotFound": (404, 404, 404, 404, 404, 404),
    "UnsafeAddress": (400, 422, 400, 400, 400, 400),
    "RateLimited": (429, 429, 429, 429, 429, 429),
    "Overloaded": (503, 503, 503, 429, 503, 503),
    "ModelFailed": (500, 500, 500, 500, 500, 500),
    "StorageFailed": (500, 500, 500, 500, 500, 500),
}


def said(dialect, body):
    """What the vendor's clients show of an error."""
    if dialect == "prodia":
        return body["error"]
    if dialect == "vlmrun":
        return body["error"]["message"]
    return body["message" if dialect == "tengr" else "detail"]


@pytest.mark.parametrize("family", STATUS)
@pytest.mark.parametrize("dialect", WRITE)
def test_every_family_has_its_vendors_status_and_body(dialect, family):
    error = getattr(errors, family)("The thing is over the limit", "Mend it so")
    answer = WRITE[dialect](error)
    assert answer.status_code == STATUS[family][list(WRITE).index(dialect)]
    if answer.status_code in {429, 503}:
        assert int(answer.headers["retry-after"]) >= 1
    if answer.headers["content-type"].startswith("text/plain"):
        assert answer.body  # Prodia's client shows status and text
        return
    text = said(dialect, json.loads(answer.body))
    hides = answer.status_code in {401, 403, 404, 429, 500}  # the vendor has words of its own there
    assert hides or "The thing is over the limit" in str(text)
