"""While no key is needed, a page that lets its own name lead here is not answered."""

import pytest
from tests.dialects.native.test_native import DATA_URI
from tests.running import serve


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_PUBLIC_URL": "https://masks.example.org/x"}) as running:
        yield running


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:80", "[::1]:8000", "127.8.8.8", "masks.example.org:443"]
)
def test_own_names_are_answered_without_a_key(running, host):
    assert running.http.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8000", "10.0.0.7", "", "[::1", "127.0.0.1@e"])
def test_other_names_are_misdirected_whatever_is_asked(running, host):
    for method, path in (("GET", "/v1/models"), ("GET", "/healthz"), ("OPTIONS", "/fal/proxy")):
        answer = running.http.request(method, path, headers={"Host": host})
        assert answer.status_code == 421
        assert "RUBYLITH_PUBLIC_URL" in answer.text
    assert running.http.post("/v1/segment", headers={"Host": host}, json={"image": DATA_URI}).status_code == 421


def test_where_keys_are_needed_any_name_will_do(running):
    secret = running.built.service.access.create("studio").secret
    headers = {"Host": "evil.example", "Authorization": f"Bearer {secret}"}
    assert running.http.get("/v1/models", headers=headers).status_code == 200
    assert running.http.get("/v1/models", headers={"Host": "evil.example"}).status_code == 401
