"""What comes over a connection besides bodies: bounded, and of one host. Over sockets, as no client would send it."""

import socket
import time
from contextlib import contextmanager

import pytest
from tests.running import serve

LONG = 1024 * 1024


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@contextmanager
def connected(running):
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        yield connection


def answered(connection):
    """All that is said until the server closes the connection."""
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:  # it had closed before all was sent
        pass
    return said


def sent_until_refused(connection, start, piece):
    """How many bytes the server took of something without an end."""
    connection.sendall(start)
    taken = len(start)
    try:
        while taken < 64 * LONG:
            connection.sendall(piece)
            taken += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return taken


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x" * 16_384),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X-Many: x\r\n" * 1024),
        (b"GET /", b"x" * 16_384),
        (
            b"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X-Many: x\r\n" * 1024,
        ),
        (b"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 16_384),
    ],
    ids=["header", "headers", "path", "trailers", "chunk extension"],
)
def test_what_has_no_end_and_is_no_body_is_refused(running, start, piece):
    with connected(running) as connection:
        taken = sent_until_refused(connection, start, piece)
        assert taken < 16 * LONG, "more is what the system holds on the way"


def test_a_head_of_fifteen_kilobytes_is_read(running):
    with connected(running) as connection:
        start = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "
        head = start + b"x" * 15_000 + b"\r\n\r\n"
        for at in range(0, len(head), 7000):
            connection.sendall(head[at : at + 7000])
        assert answered(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_sent_one_upon_another_are_answered_each_whatever_their_bodies(running):
    body = b"x" * 3 * LONG
    one = f"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connected(running) as connection:
        connection.sendall(one + one + last)
        said = answered(connection)
    assert said.count(b"HTTP/1.1 422 ") == 2
    assert said.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize(
    ("hosts", "status"), [("", 400), ("Host: localhost\r\nHost: localhost\r\n", 400), ("Host: localhost\r\n", 200)]
)
def test_a_request_names_one_host(running, hosts, status):
    with connected(running) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
        assert answered(connection).startswith(f"HTTP/1.1 {status} ".encode())


def test_an_old_client_may_name_none(running):
    with connected(running) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in answered(connection).partition(b"\r\n")[0]


@pytest.mark.parametrize("upgrade", ["h2c", "foo"])
def test_a_body_is_no_request_whatever_the_caller_would_like_to_speak_next(running, upgrade):
    body = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n"
    with connected(running) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        time.sleep(0.05)
        connection.sendall(body)
        time.sleep(0.3)
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = answered(connection)
    assert said.count(b"HTTP/1.1 422 ") == 1
    assert said.count(b"HTTP/1.1 200 ") <= 1, "of the last request alone"


def test_a_bad_request_does_not_take_the_place_of_the_answer_before_it(running):
    good = b"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    with connected(running) as connection:
        connection.sendall(good + b"GET /healthz HTTP/1.1\r\n\r\n")
        said = answered(connection)
    assert said.startswith(b"HTTP/1.1 422 ")
    assert said.count(b"HTTP/1.1 400 ") == 1
