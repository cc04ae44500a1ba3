"""Reading what was sent: large bodies beside the event loop, and none of so many values that all others would wait."""

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from rubylith.domain.errors import TooLarge

LARGE = 64 * 1024  # bytes; below, the way to a thread and back costs more than it spares

MAX_VALUES = 300_000  # read in 0.2 to 0.6 seconds, for which a thread holds the interpreter as the loop would

Parsed = TypeVar("Parsed")


def check_values(document: bytes) -> None:
    """TooLarge for JSON of more values than MAX_VALUES, counted by commas and brackets, of which base64 has none."""
    if sum(document.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise TooLarge(
            f"The document has more than {MAX_VALUES} values", "Send fewer, or a mask as a picture or as RLE"
        )


async def aside(parse: Callable[[], Parsed], size: int) -> Parsed:
    """What `parse` gives, in a thread if it has more than LARGE bytes to read."""
    return await run_in_threadpool(parse) if size > LARGE else parse()
