"""The spellings under which the clients reach the same routes.

Each generation builds its own path on the base URL, and users write that base with and without a final slash, with and
without what the client adds itself: /v1/models, /inference/models, //v1/models, /inference/v1/models, /models.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

ADDED_BY_CLIENTS = {"", "v1", "inference"}


class AnySpelling:
    """ASGI middleware: the app sees every path without what clients add to it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            mounted = scope.get("root_path", "")
            scope["path"] = mounted + plain(scope["path"].removeprefix(mounted))
        await self.app(scope, receive, send)


def plain(path: str) -> str:
    """The path with single slashes and none at its end, without `v1` and `inference`."""
    return "/" + "/".join(part for part in path.split("/") if part not in ADDED_BY_CLIENTS)
