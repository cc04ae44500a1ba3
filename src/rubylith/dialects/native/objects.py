"""Objects by signed URL: results and uploads, for whoever holds the link. No key is asked for, the signature opens."""

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from rubylith.service.service import Service

router = APIRouter(include_in_schema=False)


@router.get("/objects/{key:path}")
@router.head("/objects/{key:path}")
def read_object(http: Request, key: str) -> StreamingResponse:
    """The bytes, or the range of them that is asked for; 403 if the link was altered or has expired."""
    service: Service = http.app.state.service
    found = service.files.download(key, dict(http.query_params), http.headers.get("range"))
    chunks = iter(()) if http.method == "HEAD" else found.chunks
    return StreamingResponse(chunks, found.status, found.headers, found.media_type)
