"""What a key does not open is told before anything is said of the body, in each vendor's own words."""

import pytest
from tests.running import serve

from rubylith.domain.caller import Scope

PING = {"files": [("job", ("job.json", b'{"type": "inference.ping.v1"}', "application/json"))]}
NO_JSON = {"content": b"{"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": "mine"}) as running:
        yield running


@pytest.fixture(scope="module")
def keeper(running):
    """A key that opens models only."""
    secret = running.built.service.access.create("keeper", frozenset({Scope.MODELS})).secret
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("body", [NO_JSON, PING, {"json": {}}])
@pytest.mark.parametrize(
    "path",
    [
        "/airefinery/v1/images/segmentations",
        "/airefinery/v1/joint/images/segmentations",
        "/prodia/v2/job",
        "/prodia/v2/job/async",
        "/fal/run/fal-ai/sam2/image",
        "/fal/run/fal-ai/nothing-such",
        "/fal/queue/fal-ai/sam2/image",
        "/fal/rest/storage/upload/initiate",
        "/tengr/v2/artworks/segmentation",
    ],
)
def test_a_key_that_does_not_open_segmenting_is_told_so_whatever_the_body_holds(running, keeper, path, body):
    answer = running.http.post(path, headers=keeper, **body)
    assert answer.status_code == 403, answer.text
    assert ("Forbidden resource" if path.startswith("/tengr") else "lacks the scope 'segment'") in answer.text
