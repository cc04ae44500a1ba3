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
LEAST_RATE = 16 * 1024  # bytes a second, or a few slow senders would hold all places for WHOLE_SECONDS

Kept = TypeVar("Kept")


async def received(http: Request, keep: Callable[[Iterator[bytes]], Kept]) -> Kept:
    """What `keep` makes of the body, which it is given piece by piece in a thread.

    Overloaded if as many arrive already as may at once; TimedOut if nothing comes for SILENT_SECONDS, if it is that far
    behind LEAST_RATE, or if not all of it comes within WHOLE_SECONDS. Either is raised before `keep` has ended, so that
    nothing half-written stays.
    """
    with service_of(http).uploads.place():
        chunks = _chunks(http.stream(), asyncio.get_running_loop())
        return await run_in_threadpool(keep, chunks)


def _chunks(stream: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    began, arrived = time.monotonic(), 0

    async def following() -> bytes:
        until = began + min(WHOLE_SECONDS, SILENT_SECONDS + arrived / LEAST_RATE)
        async with asyncio.timeout(min(SILENT_SECONDS, until - time.monotonic())):
            return await anext(stream, b"")

    while True:
        try:
            chunk = asyncio.run_coroutine_threadsafe(following(), loop).result()
        except TimeoutError:
            raise TimedOut(
                f"The file did not arrive: nothing came for {SILENT_SECONDS:g} seconds, it came at less than "
                f"{LEAST_RATE // 1024} KiB a second, or it took more than {WHOLE_SECONDS:g} seconds in all",
                "Send it again, in smaller parts if the line is slow",
            ) from None
        if not chunk:
            return
        arrived += len(chunk)
        yield chunk
