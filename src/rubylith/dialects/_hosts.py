"""Under which names a server answers that needs no key.

A page on the internet may let its own name lead to this machine and then call the server as its own (DNS rebinding).
Where no key stands in its way, the name that the browser asked for does.
"""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSAL = (
    "Misdirected request: as long as no API key is needed, the server answers only under localhost, a loopback address "
    "and the host of RUBYLITH_PUBLIC_URL, and this came to another name.\n"
    "Set RUBYLITH_PUBLIC_URL, or make a key with 'rubylith keys create NAME'.\n"
)


class OwnHosts:
    """ASGI middleware: 421 for a Host that is neither loopback nor that of `public_url`, while no key is needed."""

    def __init__(self, app: ASGIApp, *, needs_key: Callable[[], bool], public_url: str) -> None:
        self.app = app
        self._needs_key = needs_key
        self._public = urlsplit(public_url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass."""
        is_own = scope["type"] != "http" or self._is_own(Headers(scope=scope).get("host"))
        may_pass = is_own or await run_in_threadpool(self._needs_key)
        await (self.app if may_pass else PlainTextResponse(REFUSAL, 421))(scope, receive, send)

    def _is_own(self, host: str | None) -> bool:
        if host is None:  # no browser leaves it out
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in {"localhost", self._public} or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False
