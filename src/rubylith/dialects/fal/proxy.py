"""The protocol of fal's proxies: every call comes to one address and names its real target in a header.

Nothing is ever sent on: the hosts of the vendor are paths of this application.
"""

from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from rubylith.dialects._paths import mend_slashes
from rubylith.dialects.fal.errors import Failure, write_failure

PATH, TARGET = "/proxy", "x-fal-target-url"
HOSTS = {
    "queue.fal.run": "/queue",
    "fal.run": "/run",
    "rest.fal.ai": "/rest",
    "rest.alpha.fal.ai": "/rest",
    "v3.fal.media": "/cdn",
    "v3b.fal.media": "/cdn",
}


class Proxied:
    """ASGI middleware: what comes to PATH goes to the route that its header means. Slashes too many are passed over."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400 without a target, 412 for a foreign one."""
        if scope["type"] == "http":
            mend_slashes(scope)
        if scope["type"] != "http" or _path_of(scope) != PATH:
            await self.app(scope, receive, send)
            return
        target = Headers(scope=scope).get(TARGET, "")
        place = _place_of(target)
        if place is None:
            failure = _foreign(target) if target else Failure(400, f"Missing the {TARGET} header", "bad_request")
            await write_failure(failure)(scope, receive, send)
            return
        path, query = place
        scope["path"] = scope.get("root_path", "") + unquote(path)
        mend_slashes(scope)
        scope["raw_path"] = scope["path"].encode()
        scope["query_string"] = query.encode()
        await self.app(scope, receive, send)


def _place_of(target: str) -> tuple[str, str] | None:
    """Path below this door, and query; None for all but a plain URL of a known host."""
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        return None
    mount = HOSTS.get((parts.hostname or "").lower())
    if mount is None or parts.scheme not in {"http", "https"} or "@" in parts.netloc or port not in {None, 80, 443}:
        return None
    return mount + parts.path, parts.query


def _foreign(target: str) -> Failure:
    text = f"Invalid {TARGET} header: {target[:200]!r} is none of {', '.join(HOSTS)}"
    return Failure(412, text, "bad_request")


def _path_of(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))
