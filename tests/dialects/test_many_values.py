"""A document of very many values is refused before it is read: nobody else would be answered meanwhile."""

import httpx2
import pytest
from tests.running import serve

from rubylith.dialects._parsing import MAX_VALUES, check_values
from rubylith.domain.errors import TooLarge

POINTS = "[" + ",".join(["[1,2]"] * (MAX_VALUES // 2)) + "]"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
JOB = b'--x\r\nContent-Disposition: form-data; name="job"; filename="job.json"\r\n\r\n'
DOORS = {
    "/v1/segment": (413, {"Content-Type": "application/json"}),
    "/v1/jobs": (413, {"Content-Type": "application/json"}),
    "/fal/run/fal-ai/sam2/image": (413, {}),
    "/fal/queue/fal-ai/sam2/image": (413, {}),
    "/fal/rest/storage/upload/initiate": (413, {}),
    "/airefinery/v1/images/segmentations": (413, {}),
    "/airefinery/v1/authentication/validate": (413, {}),
    "/tengr/v2/artworks/segmentation": (413, {}),
    "/tengr/v2/artworks/remove-background": (413, {}),
    "/vlmrun/v1/openai/chat/completions": (413, {}),
    "/prodia/v2/job": (400, MULTIPART),
}


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running, httpx2.Client(base_url=running.address, timeout=60) as http:
        yield http


@pytest.mark.parametrize("path", DOORS)
def test_a_document_of_very_many_values_is_refused_at_every_door(http, path):
    status, headers = DOORS[path]
    body = b'{"points":' + POINTS.encode() + b"}"
    if headers is MULTIPART:
        body = JOB + body + b"\r\n--x--\r\n"
    answer = http.post(path, content=body, headers=headers)
    assert answer.status_code == status
    assert f"more than {MAX_VALUES} values" in answer.text


def test_what_is_counted_is_what_is_read():
    check_values(b"[" + b"1," * (MAX_VALUES - 2) + b"1]")
    with pytest.raises(TooLarge):
        check_values(b"[" + b"1," * MAX_VALUES + b"1]")
