"""Whoever closes a stream leaves the line: work that had not begun is never begun, work that runs is stopped."""

import contextlib
import socket
import time

import pytest
from tests.dialects.fal.calls import held_up
from tests.dialects.vlmrun.chats import chat
from tests.running import serve

from rubylith.dialects.vlmrun import routes

PATH = "/vlmrun/v1/openai/chat/completions"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("leaving"), {"RUBYLITH_CONCURRENCY": "1"}) as running:
        yield running


@contextlib.contextmanager
def asked(running, *, stream=True):
    """A chat that has been asked for, and nothing read of it."""
    request = running.http.build_request("POST", PATH, json=chat(stream=stream))
    head = f"POST {PATH} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port)) as wire:
        wire.sendall(head.encode() + b"\r\n" + request.read())
        yield wire


def until(is_so, seconds=20):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("patience", [60.0, 0.05], ids=["before the answer begins", "while it is read"])
def test_a_stream_that_is_closed_leaves_the_line(running, monkeypatch, patience):
    monkeypatch.setattr(routes, "PATIENCE_SECONDS", patience)
    scheduler = running.built.service.scheduler
    with held_up(running) as slow:
        with asked(running):
            until(lambda: slow.begun == 1)
            with asked(running) as second:
                until(lambda: scheduler.admitted == 2)
                if patience < 1:
                    assert second.recv(100)  # the answer has begun
            until(lambda: scheduler.admitted == 1)
            assert slow.stopped == 0
        until(lambda: scheduler.admitted == 0)
        assert (slow.begun, slow.stopped) == (1, 1)
