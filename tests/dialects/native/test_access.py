"""Who may do what: keys, other people's things, limits."""

import socket
import time

import httpx2
import pytest
from tests.dialects.native.test_native import CLICK, DATA_URI, PICTURE
from tests.running import serve

from rubylith.cli.serve import command as serve_command
from rubylith.domain.caller import Quota, Scope
from rubylith.domain.errors import InvalidSetting
from rubylith.server import build, check_exposure
from rubylith.settings import read_settings


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": "first, second"}) as running:
        yield running


@pytest.fixture
def first(running):
    with running.client("first") as client:
        yield client


@pytest.fixture
def second(running):
    with running.client("second") as client:
        yield client


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic first", "first"])
def test_no_key_or_a_wrong_one_is_401_everywhere(running, header):
    headers = {} if header is None else {"Authorization": header}
    with httpx2.Client(base_url=running.address, headers=headers) as http:
        for method, path in (
            ("POST", "/v1/segment"),
            ("GET", "/v1/jobs/x"),
            ("GET", "/v1/models"),
            ("POST", "/v1/files"),
        ):
            answer = http.request(method, path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "wrong" not in answer.text


def test_health_needs_no_key(running):
    assert running.http.get("/healthz").status_code == 200


def test_another_keys_things_are_not_there(first, second):
    upload = first.post("/v1/files", files={"file": ("a.png", PICTURE, "image/png")}).json()["id"]
    embedding = first.post("/v1/embeddings", content=PICTURE, headers={"Content-Type": "image/png"}).json()["id"]
    job = first.post("/v1/jobs", json={"image": DATA_URI, **CLICK}).json()["id"]
    for path in (f"/v1/files/{upload}", f"/v1/files/{upload}/content", f"/v1/jobs/{job}", f"/v1/jobs/{job}/events"):
        assert first.get(path).status_code == 200
        assert second.get(path).status_code == 404
    for path in (f"/v1/jobs/{job}/cancel", f"/v1/jobs/{job}/retry"):
        assert second.post(path).status_code == 404
    assert second.delete(f"/v1/files/{upload}").status_code == 404
    for image in (upload, embedding):
        assert first.post("/v1/segment", json={"image": image, **CLICK}).status_code == 200
        assert second.post("/v1/segment", json={"image": image, **CLICK}).status_code == 404


def test_the_same_bytes_of_two_callers_are_two_files(first, second):
    one, two = (c.post("/v1/files", files={"file": ("a.png", PICTURE)}).json()["id"] for c in (first, second))
    assert one != two
    assert second.delete(f"/v1/files/{two}").status_code == 204
    assert first.get(f"/v1/files/{one}").status_code == 200


def test_a_made_key_works_until_it_is_revoked(running):
    access = running.built.service.access
    issued = access.create("visitor")
    with running.client(issued.secret) as http:
        assert http.post("/v1/segment", json={"image": DATA_URI, **CLICK}).status_code == 200
        assert http.post("/v1/models/embedded/unload").status_code == 403
        access.revoke(issued.key.id)
        time.sleep(0.6)
        assert http.post("/v1/segment", json={"image": DATA_URI, **CLICK}).status_code == 401


def test_a_rate_is_held_and_says_when_to_come_back(running):
    issued = running.built.service.access.create("eager", frozenset({Scope.SEGMENT}), Quota(2, 60, None))
    with running.client(issued.secret) as http:
        answers = [http.post("/v1/segment", json={"image": DATA_URI, **CLICK}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60


def test_secrets_are_neither_logged_nor_kept(running, capfd):
    issued = running.built.service.access.create("quiet")
    with running.client(issued.secret) as http:
        http.post("/v1/segment", json={"image": DATA_URI, **CLICK})
        http.get("/v1/jobs/unknown")
    said = capfd.readouterr()
    assert issued.secret not in said.out + said.err
    home = running.built.settings.home
    assert all(issued.secret.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_nobody_listens_to_the_world_without_keys(tmp_path, host):
    built = build(read_settings({"RUBYLITH_HOME": str(tmp_path)}), address="http://x")
    with pytest.raises(InvalidSetting, match="keys create"):
        check_exposure(host, built)
    built.service.access.create("someone")
    check_exposure(host, built)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_none(tmp_path, host):
    check_exposure(host, build(read_settings({"RUBYLITH_HOME": str(tmp_path)}), address="http://x"))


def test_serve_refuses_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("RUBYLITH_HOME", str(tmp_path))
    with pytest.raises(InvalidSetting, match=r"0\.0\.0\.0"):
        serve_command(host="0.0.0.0", port=0)


def test_a_key_among_the_trailers_opens_nothing(running):
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(
            b"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\nAuthorization: Bearer first\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
