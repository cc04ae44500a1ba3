"""The limit on bodies, through a real server and a connection that is used again."""

import http.client
import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rubylith.dialects._body import BodyLimit
from rubylith.dialects.native.errors import write_too_large

LIMIT = 100_000


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def port():
    routes = [Route("/", length, methods=["POST"]), Route("/files/a", length, methods=["POST"])]
    larger = {"/files/": 2 * LIMIT}
    app = BodyLimit(Starlette(routes=routes), limit=LIMIT, refuse=write_too_large, larger=larger)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def connection(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def post(connection, body, path="/", **options):
    connection.request("POST", path, body, **options)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_body_at_the_limit_passes(connection):
    assert post(connection, b"x" * LIMIT) == (200, str(LIMIT).encode())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_larger_one_is_refused_and_the_connection_goes_on(connection, chunked):
    body = iter([b"x" * 10_000] * 30) if chunked else b"x" * 300_000
    status, text = post(connection, body, encode_chunked=chunked)
    assert status == 413
    assert b"100000 bytes" in text
    before = connection.sock
    assert post(connection, b"abc") == (200, b"3")
    assert connection.sock is before, "the connection was opened anew"


def test_a_body_that_passes_the_limit_with_its_last_byte_is_answered_at_once(connection):
    connection.request("POST", "/", iter([b"x" * (LIMIT + 1)]), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_paths_for_files_have_a_larger_limit_and_hold_it(connection):
    assert post(connection, b"x" * 2 * LIMIT, "/files/a") == (200, str(2 * LIMIT).encode())
    status, told = post(connection, b"x" * (2 * LIMIT + 1), "/files/a")
    assert status == 413
    assert str(2 * LIMIT).encode() in told
