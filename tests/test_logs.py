"""The server's log: lines are written a moment later, and none is lost or out of its order."""

import io
import json
import logging
import os
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
    logging.getLogger("uvicorn.error").warning("of a library")

    assert told == ["first", "second"]
    assert of(stream) == ["first", "second", "third", "of a library"]


def test_the_last_lines_are_written_when_it_ends(said):
    stream, flush = said

    structlog.stdlib.get_logger("rubylith.server").info("stopped")
    flush()

    assert of(stream) == ["stopped"]


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
