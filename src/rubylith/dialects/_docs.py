"""The page that shows an API's routes: Swagger UI, from files in the package, so that it needs no internet."""

import gzip
import html
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

VERSION = "5.35.0"  # of swagger-ui-dist; in the files' addresses, which browsers keep
FOLDER = Path(__file__).with_name("_swagger_ui")
FILES = {
    f"swagger-ui-{VERSION}.css": ("swagger-ui.css.gz", "text/css"),
    f"swagger-ui-{VERSION}.js": ("swagger-ui-bundle.js.gz", "text/javascript"),
    "open.js": ("open.js", "text/javascript"),
}
# Styles inline are Swagger UI's own, data: its icons, blob: pictures among the answers to what is tried.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
KEPT, ASKED_AGAIN = "max-age=31536000, immutable", "no-cache"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%23b5123e' d='M4 2h8l4 5-8 8-8-8z'/%3E%3C/svg%3E"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{icon}"><link rel="stylesheet" href="{here}/{css}"></head>
<body><div id="swagger-ui" data-document="{document}"></div>
<noscript>This page needs JavaScript; <a href="{document}">{document}</a> says the same for machines.</noscript>
<script src="{here}/{js}"></script><script src="{here}/open.js"></script></body></html>
"""


def add_docs(app: FastAPI) -> None:
    """Serve the page at /docs of an application made with `docs_url=None`, and under it what the page needs."""
    assert app.openapi_url is not None
    css, js, _ = FILES

    def page(http: Request) -> Response:
        mount = http.scope.get("root_path", "").rstrip("/")
        text = PAGE.format(
            title=html.escape(app.title),
            icon=ICON,
            here=html.escape(f"{mount}/docs"),
            document=html.escape(f"{mount}{app.openapi_url}"),
            css=css,
            js=js,
        )
        return HTMLResponse(text, headers={**ALWAYS, "Cache-Control": ASKED_AGAIN})

    app.add_route("/docs", page, include_in_schema=False)
    for name in FILES:
        app.add_route(f"/docs/{name}", _file, include_in_schema=False)


def _file(http: Request) -> Response:
    """One of the files as it lies there, packed where that is understood."""
    stored, media_type = FILES[http.url.path.rpartition("/")[2]]
    path = FOLDER / stored
    headers = {**ALWAYS, "Cache-Control": KEPT if VERSION in http.url.path else ASKED_AGAIN}
    if path.suffix != ".gz":
        return FileResponse(path, media_type=media_type, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if "gzip" in http.headers.get("accept-encoding", ""):
        return FileResponse(path, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(path.read_bytes()), media_type=media_type, headers=headers)
