"""Objects by signed URL: results and uploads, for whoever holds the link. No key is asked for, the signature opens."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import StreamingResponse

from rubylith.service.service import Service


def download(http: Request, service: Service, key: str, query: Mapping[str, str]) -> StreamingResponse:
    """The bytes, or the range of them that is asked for; Forbidden if the link was altered or has expired."""
    found = service.files.download(key, dict(query), http.headers.get("range"))
    chunks = iter(()) if http.method == "HEAD" else found.chunks
    return StreamingResponse(chunks, found.status, found.headers, found.media_type)
