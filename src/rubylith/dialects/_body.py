"""Bodies are counted while they arrive: the framework has no limit of its own."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAINED_AT_MOST = 4  # a body over the limit is read on up to this many times the limit, so that the answer is heard


class BodyTooLarge(Exception):
    """Raised into the app that reads on past the limit."""


class BodyLimit:
    """ASGI middleware: an answer of `refuse(limit)` for bodies over `limit` bytes.

    The rest of such a body is read and dropped first, up to DRAINED_AT_MOST times the limit: a client that is still
    sending would otherwise see a broken connection instead of the answer, and could not use the connection again.
    """

    def __init__(self, app: ASGIApp, *, limit: int, refuse: Callable[[int], ASGIApp]) -> None:
        self.app = app
        self.limit = limit
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the app reads."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = _content_length(scope)
        if announced is not None and announced > self.limit:
            await self._refuse(scope, receive, send, budget=self.limit * DRAINED_AT_MOST)
            return
        read = 0
        ended = started = False

        async def counted() -> Message:
            nonlocal read, ended
            message = await receive()
            read += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if read > self.limit:
                raise BodyTooLarge(self.limit)
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if read <= self.limit or started:  # else the app answers to BodyTooLarge in its own way: not heard
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if read <= self.limit or started:
                raise
        if read > self.limit and not started:
            await self._refuse(scope, receive, send, budget=0 if ended else self.limit * DRAINED_AT_MOST - read)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, *, budget: int) -> None:
        await _drain(receive, budget)
        await self.refuse(self.limit)(scope, receive, send)


async def _drain(receive: Callable[[], Awaitable[Message]], budget: int) -> None:
    while budget > 0:
        message = await receive()
        budget -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
