"""The site: all doors under one address, and the few pages that belong to none of them."""

import html

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from rubylith import __version__, dialects
from rubylith.dialects._body import BodyLimit
from rubylith.dialects._hosts import OwnHosts
from rubylith.dialects._observed import Observed
from rubylith.dialects._pages import EXPOSED, OpenToPages
from rubylith.registry import load
from rubylith.server import Server, running
from rubylith.service.metrics import CONTENT_TYPE

OWN_PAGES = {
    "/v1/docs": "the native API, to be read and tried",
    "/v1/openapi.json": "the same for machines",
    "/healthz": "whether the process answers",
    "/readyz": "whether it takes requests",
    "/metrics": "figures for Prometheus",
    "/.well-known/jwks.json": "the key that webhooks are signed with",
}


def application(server: Server) -> Starlette:
    """The ASGI application."""
    limit = server.settings.max_body
    mounts: list[BaseRoute] = []
    for door in server.doors:
        larger = dict.fromkeys(door.files, server.settings.max_bytes)
        app: ASGIApp = BodyLimit(door.application(server.service), limit=limit, refuse=door.refuse, larger=larger)
        if door.for_pages and not server.settings.cors_origins:
            app = OpenToPages(app, needs_key=server.service.access.needs_key, exposed=door.exposed)
        mounts += [Mount(prefix, app=app) for prefix in (door.prefix, *door.aliases)]
    routes: list[BaseRoute] = [
        *mounts,  # first, for they are asked for most
        Route("/", _welcome),
        Route("/healthz", _healthy),
        Route("/readyz", _ready),
        Route("/metrics", _metrics),
        Route("/.well-known/jwks.json", _jwks),
        Route("/docs", _docs),
    ]
    middleware = [
        Middleware(Observed, metrics=server.service.metrics, traced=bool(server.settings.otlp_url)),
        Middleware(OwnHosts, needs_key=server.service.access.needs_key, public_url=server.settings.public_url),
    ]
    if server.settings.cors_origins:
        exposed = tuple(name for door in server.doors for name in door.exposed)
        middleware.append(_cors(server.settings.cors_origins, exposed))
    app = Starlette(routes=routes, middleware=middleware, lifespan=lambda _: running(server))
    app.state.server = server
    return app


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


def _ready(http: Request) -> Response:
    """503 while stopping, or when the database does not answer."""
    server: Server = http.app.state.server
    try:
        server.service.access.needs_key()
        ready = not server.service.stopping.is_set()
    except Exception:  # noqa: BLE001 - whatever it is, we are not ready
        ready = False
    return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)


def _welcome(http: Request) -> Response:
    """What is served where: a page for people, a document for programs."""
    server: Server = http.app.state.server
    doors = {
        door.prefix: (load(dialects.__name__, dialects.NAMES, name, kind="dialect").__doc__ or "").partition("\n")[0]
        for name, door in zip(dialects.NAMES, server.doors, strict=True)
    }
    if "text/html" in http.headers.get("accept", ""):
        return HTMLResponse(_page(doors))
    model = server.service.default_model
    return JSONResponse(
        {"name": "Rubylith", "version": __version__, "model": model, "doors": doors, "pages": OWN_PAGES}
    )


def _page(doors: dict[str, str]) -> str:
    rows = "".join(f"<dt><code>{path}</code></dt><dd>{html.escape(what)}</dd>" for path, what in doors.items())
    links = "".join(f'<dt><a href="{path}">{path}</a></dt><dd>{what}</dd>' for path, what in OWN_PAGES.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Rubylith</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}"
        "dt{margin-top:.6rem}</style>"
        f"<h1>Rubylith {__version__}</h1><p>Masks of photographs, over HTTP.</p>"
        f"<h2>APIs</h2><dl>{rows}</dl><h2>Pages</h2><dl>{links}</dl></html>"
    )


def _metrics(http: Request) -> Response:
    return Response(http.app.state.server.service.metrics.exposition(), media_type=CONTENT_TYPE)


def _jwks(http: Request) -> Response:
    return JSONResponse(http.app.state.server.service.public_keys(), headers={"Cache-Control": "public, max-age=3600"})


def _docs(_: Request) -> Response:
    return RedirectResponse("/v1/docs")


def _cors(origins: tuple[str, ...], exposed: tuple[str, ...]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[*EXPOSED, *exposed],
    )
