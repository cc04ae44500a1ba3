"""Whatever is sent, the server says what is wrong with it and goes on."""

import io
import json

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialects.native.test_native import DATA_URI, PICTURE
from tests.running import serve

# The server runs in threads of this process and draws random numbers while hypothesis looks.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

FINE = {200, 201, 202, 400, 401, 404, 409, 413, 422, 424, 429, 503}
HOSTILE = (
    "http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/",
    "http://127.1/", "http://0/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fe80::1]/",
    "http://[fd00:ec2::254]/", "http://169.254.169.254/latest/meta-data/", "http://192.0.0.192/", "http://100.64.0.1/",
    "http://100.100.100.200/", "http://168.63.129.16/", "http://10.0.0.1/", "http://172.16.0.1/",
    "http://192.168.1.1/", "http://0.0.0.0/", "http://255.255.255.255/", "http://224.0.0.1/", "http://198.18.0.1/",
    "http://192.0.2.1/", "http://\uff11\uff12\uff17.0.0.\uff11/", "http://user:secret@127.0.0.1/", "http://user@example.org/",
    "ftp://example.org/a.png", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "http:///a.png",
    "http://127.0.0.1:22/", "https://127.0.0.1/", "http://localhost.localdomain/", "http://a.localhost/",
    "http://[::127.0.0.1]/", "http://127.0.0.1%00.example.org/", "http://127.0.0.1\\@example.org/",
)  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_MAX_PIXELS": "1000000"}) as running:
        yield running


@pytest.mark.parametrize("url", HOSTILE)
def test_no_picture_is_fetched_from_there_and_no_webhook_sent(running, url):
    picture = running.http.post("/v1/segment", json={"image": url})
    webhook = running.http.post("/v1/jobs", json={"image": DATA_URI, "webhook": url})
    for answer in (picture, webhook):
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["hint"]
        assert "secret" not in answer.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["points", "boxes", "objects", "previous", "multimask", "options", "model", "format", "webhook", "priority", "x"]
)
patient = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@patient
@given(document=st.dictionaries(fields, json_values, max_size=4))
def test_any_document_is_answered(running, document):
    text = json.dumps({"image": DATA_URI, **document})
    for path in ("/v1/segment", "/v1/embeddings"):
        answer = running.http.post(path, content=text, headers={"Content-Type": "application/json"})
        assert answer.status_code in FINE, answer.text


@patient
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "image/png", ""]),
)
def test_any_bytes_are_answered(running, body, kind):
    for path in ("/v1/segment", "/v1/jobs", "/v1/files", "/v1/embeddings"):
        answer = running.http.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code in FINE, answer.text


@patient
@given(at=st.integers(0, len(PICTURE) - 1), value=st.integers(0, 255), cut=st.integers(0, len(PICTURE)))
def test_any_damaged_picture_is_answered(running, at, value, cut):
    damaged = bytearray(PICTURE)
    damaged[at] = value
    answer = running.http.post(
        "/v1/segment", content=bytes(damaged[:cut]) or b"x", headers={"Content-Type": "image/png"}
    )
    assert answer.status_code in FINE, answer.text


@patient
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["image", "request", "file", "other"]), st.binary(max_size=40)), max_size=5
    )
)
def test_any_form_is_answered(running, parts):
    answer = running.http.post("/v1/segment", files=[(name, ("n", data)) for name, data in parts] or {"a": b""})
    assert answer.status_code in FINE, answer.text


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (3, 3)])
def test_odd_shapes_work(running, shape):
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(buffer, "PNG")
    answer = running.http.post("/v1/segment", content=buffer.getvalue(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    click = running.http.post("/v1/segment", files={"image": buffer.getvalue()}, data={"request": '{"points":[[0,0]]}'})
    assert click.status_code == 200
