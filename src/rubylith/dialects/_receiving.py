"""Bodies that are written down while they arrive. A thread waits for the sender meanwhile, which has its bounds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from rubylith.dialects._asking import service_of
from rubylith.domain.errors import TimedOut

SILENT_SECONDS, WHOLE_SECONDS = 30.0, 1800.0

Kept = TypeVar("Kept")


async def received(http: Request, keep: Callable[[Iterator[bytes]], Kept]) -> Kept:
    """What `keep` makes of the body, which it is given piece by piece in a thread.

    Overloaded if as many arrive already as may at once; TimedOut if nothing comes for SILENT_SECONDS, or not all of it
    within WHOLE_SECONDS. Either is raised before `keep` has ended, so that nothing half-written stays.
    """
    with service_of(http).uploads.place():
        chunks = _chunks(http.stream(), asyncio.get_running_loop(), time.monotonic() + WHOLE_SECONDS)
        return await run_in_threadpool(keep, chunks)


def _chunks(stream: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop, until: float) -> Iterator[bytes]:
    async def following() -> bytes:
        async with asyncio.timeout(min(SILENT_SECONDS, until - time.monotonic())):
            return await anext(stream, b"")

    while True:
        try:
            chunk = asyncio.run_coroutine_threadsafe(following(), loop).result()
        except TimeoutError:
            raise TimedOut(
                f"The file did not arrive: nothing came for {SILENT_SECONDS:g} seconds, or it took more than "
                f"{WHOLE_SECONDS:g} in all",
                "Send it again, in smaller parts if the line is slow",
            ) from None
        if not chunk:
            return
        yield chunk
