"""What the server says while it runs: one JSON object a line, or coloured lines on a terminal."""

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TextIO

import structlog

GATHERED_SECONDS = 0.05  # what is of no hurry is written after this long; a process that is killed loses that much
MOST_GATHERED = 10_000  # lines; where whoever reads the log does not keep pace, further ones are dropped


class Gathered:
    """A stream that is written to a moment later, with all that has come by then, or at `flush`.

    Every request has a line, and to write one is a system call, at which the event loop lets the interpreter go: with
    many light requests that was a tenth of the time. What cannot be written is dropped: nobody's request fails of it.

    Garbage that is collected in here may tell of itself in the log, so all of it can be entered again by who is in it:
    hence the queue, which promises that, and the kind of lock.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._texts: SimpleQueue[str] = SimpleQueue()
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._is_called = False
        self._writing = threading.RLock()
        self._dropped = 0
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def write(self, text: str) -> None:
        """Take it down."""
        if self._texts.qsize() >= MOST_GATHERED:
            self._dropped += 1
            return
        self._texts.put(text)  # before the look at whether the writer was called, or it might just have missed it
        if not self._is_called:
            self._is_called = True
            self._calls.put(None)

    def flush(self) -> None:
        """Write all that was taken down, now."""
        # ValueError: the stream is closed; RuntimeError: it was entered again
        with self._writing, suppress(OSError, ValueError, RuntimeError):
            texts: list[str] = []
            with suppress(Empty):
                while True:
                    texts.append(self._texts.get_nowait())
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                texts.append(json.dumps({"event": "lines dropped", "lines": dropped, "level": "warning"}) + "\n")
            self._stream.write("".join(texts))
            self._stream.flush()

    def _write_on(self) -> None:
        while True:
            self._calls.get()
            time.sleep(GATHERED_SECONDS)
            self._is_called = False
            self.flush()


class Line:
    """Writes the lines of one of our own logs, which has a name. They go past `logging`: every request has one."""

    def __init__(self, stream: Gathered, name: str) -> None:
        self.name = name
        self._stream = stream

    def info(self, message: str) -> None:
        """Of no hurry."""
        self._stream.write(message + "\n")

    def warning(self, message: str) -> None:
        """At once, with all before it."""
        self._stream.write(message + "\n")
        self._stream.flush()

    debug = info
    error = critical = exception = warning


def configure(stream: TextIO) -> Callable[[], None]:
    """Send our own log, and warnings of the libraries, to this stream; what is to be called last of all."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    on_terminal = stream.isatty()
    gathered = Gathered(stream)

    def named(name: str) -> Line:
        return Line(gathered, name)

    renderer = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    last = [] if on_terminal else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *last, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=named,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(gathered)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("rubylith").setLevel(logging.INFO)
    return gathered.flush
