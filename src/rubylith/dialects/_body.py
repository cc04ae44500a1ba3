"""Bodies are counted while they arrive: the framework has no limit of its own."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAINED_AT_MOST = 4  # a body over the limit is read on up to this many times the limit, so that the answer is heard


class BodyTooLarge(Exception):
    """Raised into the app that reads on past the limit."""


class BodyLimit:
    """ASGI middleware: an answer of `refuse(limit)` for bodies over `limit` bytes.

    The rest of such a body is read and dropped first, up to DRAINED_AT_MOST times the limit: a client that is still
    sending would otherwise see a broken connection instead of the answer, and could not use the connection again.

    larger: the limits of paths that begin with these, where they are larger.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int,
        refuse: Callable[[int], ASGIApp],
        larger: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.app = app
        self.limit = limit
        self.refuse = refuse
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the app reads."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced, limit = _content_length(scope), self._limit_of(scope)
        if announced is not None and announced > limit:
            await _drain(receive, limit * DRAINED_AT_MOST)
            await self.refuse(limit)(scope, receive, send)
            return
        read = 0
        ended = started = False

        async def counted() -> Message:
            nonlocal read, ended
            message = await receive()
            read += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if read > limit:
                raise BodyTooLarge(limit)
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if read <= limit or started:  # else the app answers to BodyTooLarge in its own way: not heard
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if read <= limit or started:
                raise
        if read > limit and not started:
            if not ended:  # what comes after the last piece is only the news that the caller has gone
                await _drain(receive, limit * DRAINED_AT_MOST - read)
            await self.refuse(limit)(scope, receive, send)

    def _limit_of(self, scope: Scope) -> int:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        return max((self.limit, *(most for start, most in self.larger.items() if path.startswith(start))))


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
