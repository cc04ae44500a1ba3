"""SegmentRequest ⇄ JSON: how a request waits in the database.

Pictures never travel in it: inline bytes are put into storage before a request is written.
"""

from typing import Any

from pydantic import TypeAdapter

from rubylith.domain.image import Link, Stored
from rubylith.domain.prompt import Everything, Objects, Prompt, Scene, Subject, Text
from rubylith.domain.request import SegmentRequest

KINDS: dict[str, TypeAdapter[Any]] = {
    "objects": TypeAdapter(Objects),
    "everything": TypeAdapter(Everything),
    "subject": TypeAdapter(Subject),
    "text": TypeAdapter(Text),
    "scene": TypeAdapter(Scene),
}


def write_request(request: SegmentRequest) -> dict[str, Any]:
    """JSON of a request whose picture is a Link or Stored; TypeError for one that carries or names local bytes."""
    match request.source:
        case Link(url=url):
            source = {"url": url}
        case Stored(id=key):
            source = {"id": key}
        case _:
            raise TypeError(f"{type(request.source).__name__} cannot wait in a database")
    return {
        "source": source,
        "prompt": write_prompt(request.prompt),
        "model": request.model,
        "formats": list(request.formats),
        "with_pixels": request.with_pixels,
    }


def read_request(document: dict[str, Any]) -> SegmentRequest:
    """The inverse of `write_request`."""
    source = document["source"]
    return SegmentRequest(
        source=Link(source["url"]) if "url" in source else Stored(source["id"]),
        prompt=read_prompt(document["prompt"]),
        model=document["model"],
        formats=tuple(document["formats"]),
        with_pixels=document.get("with_pixels", False),
    )


def write_prompt(prompt: Prompt) -> dict[str, Any]:
    """JSON of a prompt, its kind under its own key."""
    kind = type(prompt).__name__.lower()
    return {"kind": kind, **KINDS[kind].dump_python(prompt, mode="json")}


def read_prompt(document: dict[str, Any]) -> Prompt:
    """The inverse of `write_prompt`."""
    return KINDS[document["kind"]].validate_python({k: v for k, v in document.items() if k != "kind"})
