"""Every request gets an id, a line in the log and a place in the metrics, whichever dialect answers it."""

import random
import re
import time
from contextlib import AbstractContextManager, nullcontext

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import propagate, trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rubylith.service.metrics import Metrics

HEADER = "X-Request-Id"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})  # others would make a series each
LONG_SEGMENT = re.compile(r"[^/]{65,}")  # of a path: signed tickets, of 100 characters and more; our ids have up to 64
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Of FastAPI's own watch, which would tell everything a second time and looks whether to do so at every request.
NOT_WATCHED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}

TRACER = trace.get_tracer("rubylith")
log = structlog.stdlib.get_logger("rubylith.http")


class Observed:
    """ASGI middleware, the outermost. Neither query strings nor headers are logged: they carry signatures and keys.

    Nor are long segments of paths, which carry tickets.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, traced: bool) -> None:
        self.app = app
        self.metrics = metrics
        self.traced = traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        # Drawn without asking the system, for it opens nothing.
        request_id = given if ACCEPTABLE_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id), self._span(scope) as span:
            try:
                await self.app(scope, receive, watched)
            finally:
                seconds = time.perf_counter() - started
                route = _route_of(scope)
                span.update_name(route)
                span.set_attributes({"http.response.status_code": status, "rubylith.request": request_id})
                self.metrics.answered(route, status, seconds)
                log.info(
                    "answered",
                    method=scope["method"],
                    path=LONG_SEGMENT.sub("…", scope["path"]),
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )

    def _span(self, scope: Scope) -> AbstractContextManager[trace.Span]:
        """The request's own, within the trace that its caller tells of; nothing where no traces are sent."""
        if not self.traced:
            return nullcontext(trace.INVALID_SPAN)
        come_from = propagate.extract(dict(Headers(scope=scope)))
        return TRACER.start_as_current_span(scope["method"], context=come_from, kind=trace.SpanKind.SERVER)


def _route_of(scope: Scope) -> str:
    """The route's template after its door's prefix, never the path itself: ids would make a series each."""
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    door, path = scope.get("root_path", ""), getattr(scope.get("route"), "path", None)
    known = path if path in {door, None} else door + path  # the door itself where nothing in it was found
    return f"{method} {known or 'unknown'}"
