"""Wire → domain, in the vendor's order of checks: document, model, picture, points. No pixel is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from rubylith.dialects._data_uri import is_data_uri, read_data_uri
from rubylith.dialects._parsing import check_values
from rubylith.dialects.airefinery.errors import Location, fault
from rubylith.dialects.airefinery.wire import SegmentIn
from rubylith.domain.errors import InvalidImage, UnknownName
from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Inline
from rubylith.domain.prompt import ObjectPrompt, Objects
from rubylith.domain.request import SegmentRequest
from rubylith.service.models import ModelState
from rubylith.service.service import Service

VENDORS_MODELS = (
    "syscv-community/sam-hq-vit-base",  # the one that the vendor documents
    "syscv-community/sam-hq-vit-large",
    "syscv-community/sam-hq-vit-huge",
)
IMAGE, POINTS = "image_prompt", "segment_prompt"
MAX_POINTS, SHOWN_CHARACTERS = 64, 100

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Click:
    """A point of the prompt and its place in the document. x and y are numbers of any size until they are checked."""

    location: Location
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Clicks:
    """A prompt as it was sent. told_apart: by the caller, as objects of four levels."""

    objects: tuple[tuple[Click, ...], ...]
    told_apart: bool


def read_segment(body: bytes, service: Service, *, joint: bool) -> tuple[SegmentRequest, bool]:
    """What is asked for, and whether points may turn out to mean the same region, so that a second look is due.

    joint: all points of a list of three levels mean one region.
    """
    document = read_document(SegmentIn, body)
    clicks = read_clicks(document.segment_prompt)
    model = read_model(document.model, service.models())
    data = read_image(document.image_prompt)
    check_inside(clicks, service.inspect(data, IMAGE).size)
    objects = clicks.objects
    each_alone = not joint and not clicks.told_apart
    if each_alone:
        objects = tuple((click,) for click in objects[0])
    prompt = Objects(tuple(ObjectPrompt(tuple(Point(float(c.x), float(c.y)) for c in one)) for one in objects))
    return SegmentRequest(Inline(data, IMAGE), prompt, model), each_alone and len(objects) > 1


def read_document(model: type[Document], body: bytes) -> Document:
    """The body, checked; 400 if it is no JSON, 422 if it is another document, TooLarge for too many values."""
    check_values(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
    if faults[0]["type"] == "json_invalid":
        raise HTTPException(400, f"The body is no JSON: {faults[0]['msg']}")
    raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in faults])


def read_clicks(prompt: Sequence[Any]) -> Clicks:
    """Three levels: image, points, x and y. Four: image, objects, points, x and y."""
    if len(prompt) != 1:
        raise fault((POINTS,), f"{len(prompt)} images are prompted, but one is sent: give [[[x, y], …]]", "one_image")
    first = (POINTS, 0)
    inner = _listed(prompt[0], first)
    told_apart = isinstance(inner[0], list) and any(isinstance(part, list) for part in cast("list[Any]", inner[0]))
    if told_apart:
        named = [((*first, index), _listed(one, (*first, index))) for index, one in enumerate(inner)]
    else:
        named = [(first, inner)]
    if sum(len(points) for _, points in named) > MAX_POINTS:
        raise fault((POINTS,), f"There are more than {MAX_POINTS} points, the limit here", "too_long")
    objects = tuple(
        tuple(_click(point, (*location, index)) for index, point in enumerate(points)) for location, points in named
    )
    return Clicks(objects, told_apart)


def read_model(name: str, states: tuple[ModelState, ...]) -> str:
    """The model of ours that answers to this name; UnknownName."""
    own = tuple(state.name for state in states)
    if name in own:
        return name
    if name in VENDORS_MODELS:
        return next(state.name for state in states if state.default)
    raise UnknownName.among("model", name[:SHOWN_CHARACTERS], (*VENDORS_MODELS, *own))


def read_image(text: str) -> bytes:
    """The file; with or without the head of a data: URI. InvalidImage."""
    try:
        return read_data_uri(text if is_data_uri(text) else f"data:;base64,{text}")
    except InvalidImage:
        raise InvalidImage(f"{IMAGE} is not base64", "Send the bytes of the image file in standard base64") from None


def check_inside(clicks: Clicks, size: Size) -> None:
    """422 that names the first point outside of a picture of this size."""
    for click in (click for one in clicks.objects for click in one):
        if not (0 <= click.x < size.width and 0 <= click.y < size.height):
            message = f"The point lies outside the picture, which is {size} pixels"
            raise fault(click.location, message, "outside_image")


def _listed(value: object, location: Location) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise fault(location, "Give a list of points, each [x, y]", "list_type")
    points = cast("list[Any]", value)
    if len(points) > MAX_POINTS:
        raise fault((POINTS,), f"There are more than {MAX_POINTS} points, the limit here", "too_long")
    return points


def _click(value: object, location: Location) -> Click:
    match value:
        case [int() | float() as x, int() | float() as y] if not isinstance(x, bool) and not isinstance(y, bool):
            return Click(location, x, y)
        case _:
            raise fault(location, "A point is [x, y], two numbers, in a list of points in a list of one image", "point")
