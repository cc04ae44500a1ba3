"""The server's log: lines are written a moment later, and none is lost or out of its order."""

import gc
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time

import pytest
import structlog

from rubylith import logs

SOON = 5.0


@pytest.fixture
def said():
    """What `configure` sends to a stream; the settings of structlog and of logging as they were, at the end."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers, root.level
    flush = logs.configure(stream)
    yield stream, flush
    structlog.reset_defaults()
    root.handlers = before
    root.setLevel(level)


def of(stream):
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_a_line_is_written_a_moment_later_by_itself(said):
    stream, _ = said
    log = structlog.stdlib.get_logger("rubylith.http")

    for number in range(3):
        log.info(f"answered {number}")

    until = time.monotonic() + SOON
    while len(of(stream)) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert of(stream) == ["answered 0", "answered 1", "answered 2"]


def test_what_is_wrong_is_written_at_once_with_all_before_it(said):
    stream, _ = said
    log = structlog.stdlib.get_logger("rubylith.http")

    log.info("first")
    log.error("second")
    told = of(stream)
    log.info("third")
    logging.getLogger("some.library").warning("of a library")

    assert told == ["first", "second"]
    assert of(stream) == ["first", "second", "third", "of a library"]


def test_the_last_lines_are_written_when_it_ends(said):
    stream, flush = said

    structlog.stdlib.get_logger("rubylith.server").info("stopped")
    flush()

    assert of(stream) == ["stopped"]


def test_a_line_that_comes_while_others_are_written_is_written_too():
    late = threading.Event()

    class Slow(io.StringIO):
        def write(self, text):
            if text and not late.is_set():
                late.set()
                gathered.write("second\n")
            return super().write(text)

    stream = Slow()
    gathered = logs.Gathered(stream)
    gathered.write("first\n")

    until = time.monotonic() + SOON
    while "second" not in stream.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    assert stream.getvalue() == "first\nsecond\n"


def test_garbage_that_tells_of_itself_while_the_log_is_written_stops_nobody():
    class Garbage:
        def __init__(self):
            self.itself = self

        def __del__(self):
            line.warning("never retrieved")

    class Collecting(io.StringIO):
        def write(self, text):
            if "hello" in text:
                gc.collect()
            return super().write(text)

    stream = Collecting()
    line = logs.Line(logs.Gathered(stream), "rubylith.http")
    Garbage()
    told = threading.Thread(target=line.warning, args=("hello",), daemon=True)
    told.start()
    told.join(SOON)

    assert not told.is_alive()
    assert sorted(stream.getvalue().split()) == ["hello", "never", "retrieved"]


def test_more_than_the_log_takes_is_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(logs, "MOST_GATHERED", 3)
    monkeypatch.setattr(logs, "GATHERED_SECONDS", SOON)
    stream = io.StringIO()
    gathered = logs.Gathered(stream)

    for number in range(5):
        gathered.write(json.dumps({"event": number}) + "\n")
    gathered.flush()
    gathered.write(json.dumps({"event": "after"}) + "\n")
    gathered.flush()

    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in told] == [0, 1, 2, "lines dropped", "after"]
    assert told[3]["lines"] == 2


def test_the_last_line_of_a_server_is_in_its_log(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "rubylith", "serve", "--port", "0", "--home", str(tmp_path / "home")], stderr=log
        )
        until = time.monotonic() + 60
        while b"Rubylith serves" not in (tmp_path / "log").read_bytes():
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.5)  # its handler of signals is there a moment after its greeting
        server.terminate()
        assert server.wait(60) == 0

    lines = (tmp_path / "log").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "stopped"


def test_a_log_that_cannot_be_written_fails_nobody():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        gathered = logs.Gathered(pipe)
        line = logs.Line(gathered, "rubylith.http")

        line.info("to nobody")
        line.error("to nobody")
        gathered.write("\n")

        with pytest.raises(BrokenPipeError):  # at its close, so it was broken indeed
            pipe.close()
