"""Work on what was sent, beside the event loop where it is much: nothing else is answered meanwhile."""

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

LARGE = 64 * 1024  # bytes; below, the way to a thread and back costs more than it spares

Parsed = TypeVar("Parsed")


async def aside(parse: Callable[[], Parsed], size: int) -> Parsed:
    """What `parse` gives, in a thread if it has more than LARGE bytes to read."""
    return await run_in_threadpool(parse) if size > LARGE else parse()
