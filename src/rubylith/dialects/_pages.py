"""Pages of other origins at doors whose vendors let browsers call them."""

from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

EXPOSED = ("Location", "Retry-After", "X-Request-Id")


class OpenToPages:
    """ASGI middleware: pages of all origins may call as long as a key is needed, which the page has to show.

    Without keys whoever can open a page in the user's browser could use this server, so then nothing is opened.
    """

    def __init__(self, app: ASGIApp, *, needs_key: Callable[[], bool], exposed: Sequence[str] = ()) -> None:
        self._needs_key = needs_key
        self._closed = app
        self._open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[*EXPOSED, *exposed],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass."""
        from_page = scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"])
        is_open = from_page and await run_in_threadpool(self._needs_key)
        await (self._open if is_open else self._closed)(scope, receive, send)
