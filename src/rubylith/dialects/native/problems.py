"""What the `type` of a problem document leads to: what such a problem means, in the words of the error tree."""

import inspect
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from rubylith.dialects.native import wire
from rubylith.dialects.native.errors import PATH, STATUS, title_of, type_of
from rubylith.dialects.native.routes import problems
from rubylith.domain import errors

OF_HTTP = {
    "InvalidDocument": (422, "The document is not what is expected: `errors` names each field at fault."),
    "MethodNotAllowed": (405, "The path is right, the method is not: the header Allow names those that are."),
    "UnsupportedMediaType": (415, "A body in a form that is not taken here, such as one that was compressed."),
    "Unforeseen": (500, "The server failed; its log has more under the request's id."),
}

router = APIRouter()


@router.get(PATH, response_model=dict[str, wire.MeaningOut], openapi_extra={"security": []})
async def meanings() -> JSONResponse:
    """Every type of problem."""
    return JSONResponse(MEANINGS)


@router.get(
    PATH + "/{name}",
    response_model=wire.MeaningOut,
    responses=problems({404: "NotFound"}),
    openapi_extra={"security": []},
)
async def meaning(name: str) -> JSONResponse:
    """What a type of problem means."""
    if name not in MEANINGS:
        raise errors.NotFound(f"There is no type of problem called {name[:80]!r}", f"/v1{PATH} lists them")
    return JSONResponse(MEANINGS[name])


def _meanings() -> dict[str, dict[str, Any]]:
    found = {
        name: (
            next((STATUS[family] for family in kind.__mro__ if family in STATUS), 500),
            " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()),
        )
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.RubylithError) and kind is not errors.RubylithError
    }
    return {
        name: {"type": type_of(name), "title": title_of(name), "status": status, "meaning": text}
        for name, (status, text) in sorted({**found, **OF_HTTP}.items())
    }


MEANINGS = _meanings()
