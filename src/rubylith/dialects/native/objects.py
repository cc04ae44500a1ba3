"""Objects by signed URL: where every door's links lead."""

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from rubylith.dialects._downloading import download

router = APIRouter(include_in_schema=False)


@router.get("/objects/{key:path}")
@router.head("/objects/{key:path}")
def read_object(http: Request, key: str) -> StreamingResponse:
    """The bytes, or the range of them that is asked for; 403 if the link was altered or has expired."""
    return download(http, http.app.state.service, key, http.query_params)
