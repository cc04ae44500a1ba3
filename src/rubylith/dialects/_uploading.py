"""Files as they arrive, for whatever writes them down in a thread."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request


async def chunks_of(http: Request) -> Iterator[bytes]:
    """The body, never held as a whole. To be read in a thread, while the request waits for that thread."""
    loop, stream = asyncio.get_running_loop(), http.stream()
    return _chunks(stream, loop)


def _chunks(stream: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:

    async def following() -> bytes:
        return await anext(stream, b"")

    while chunk := asyncio.run_coroutine_threadsafe(following(), loop).result():
        yield chunk
