"""Wire → domain. Pure: no pixel is read, no address asked."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from pydantic import ValidationError

from rubylith.dialects._data_uri import is_data_uri, read_data_uri
from rubylith.dialects._parsing import check_values
from rubylith.dialects.fal.errors import WORDS, Detail, Failure, Refused, fault_of, faults_of, shown
from rubylith.dialects.fal.links import own_link
from rubylith.dialects.fal.models import find_model, split
from rubylith.dialects.fal.wire import (
    MAX_POINTS,
    AutoSegmentIn,
    BoxIn,
    ChoiceIn,
    EditsIn,
    EvfIn,
    ImageIn,
    InputIn,
    PointIn,
    Sam3In,
)
from rubylith.domain.errors import InvalidImage, InvalidOrder, InvalidPrompt
from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import ImageSource, Inline, Link
from rubylith.domain.job import JSONObject
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Prompt, Subject, Text
from rubylith.domain.request import SegmentRequest
from rubylith.language.lists import phrases_in

NORMAL, LOW = 0, 10  # lower goes first
LONGEST = 365 * 86_400.0  # seconds; more is as good as for ever
TRUE = {"1", "true", "yes", "on"}
PROMPTS = ("prompts", "point_prompts", "box_prompts", *WORDS)  # fields, points before words that they replace
LIFECYCLE = ("x-fal-object-lifecycle-preference", "x-fal-object-lifecycle")


@dataclass(frozen=True, slots=True)
class Notes:
    """What is remembered of an order. faults: why nothing can come of it. picture: `image_url`, cut to a line.

    asked: the fields with prompts, cut likewise.
    options: of EditsIn or ChoiceIn, where the model has them. root: how the caller reaches this server.
    """

    app: str
    path: str
    output_format: str = "png"
    sync_mode: bool = False
    apply_mask: bool = False
    picture: str = ""
    asked: JSONObject = field(default_factory=dict[str, Any])
    faults: list[Detail] = field(default_factory=list[Detail])
    options: JSONObject = field(default_factory=dict[str, Any])
    root: str = ""

    @property
    def model(self) -> str:
        """The id of the model."""
        return f"{self.app}/{self.path}" if self.path else self.app

    def write(self) -> JSONObject:
        """As it waits with the job."""
        return asdict(self)

    @classmethod
    def read(cls, document: JSONObject) -> "Notes":
        """The inverse of `write`."""
        return cls(**cast("dict[str, Any]", document))


class TooManyPoints(Exception):
    """Boxes and points that are few by themselves make too many together."""

    def fault(self, field: str) -> Detail:
        """In fal's own words. field: of the boxes."""
        message = f"Boxes times points make {self.args[0]} points: at most {MAX_POINTS} are taken together"
        return fault_of("sequence_too_long", message, field, max_length=MAX_POINTS)


def read_input(model_id: str, body: bytes, model: str) -> tuple[SegmentRequest | InvalidOrder, Notes]:
    """What is asked for; an InvalidOrder, with its faults in the notes, where the input makes no sense.

    model: ours. Refused for a model that is not offered and for a body that is no JSON object.
    """
    wire = find_model(model_id)
    app, path = split(model_id)
    document = _object(body)
    try:
        given = wire.model_validate(document)
        source = _read_source(given.image_url)
        prompt = _read_prompt(given)
    except ValidationError as error:
        faults = faults_of(error)
    except TooManyPoints as error:
        faults = [error.fault("box_prompts")]
    except InvalidImage as error:
        faults = [fault_of("image_load_error", error.message, "image_url", given=document["image_url"])]
    except InvalidPrompt as error:
        faults = [fault_of("value_error", f"{error.message}. {error.hint}", "prompt", given=document.get("prompt"))]
    else:
        notes = Notes(
            app,
            path,
            str(getattr(given, "output_format", "png")),
            given.sync_mode,
            bool(getattr(given, "apply_mask", not getattr(given, "mask_only", True))),
            str(shown(given.image_url)),
            asked={name: shown(document[name]) for name in PROMPTS if name in wire.model_fields and document.get(name)},
            options=_read_options(given),
        )
        return SegmentRequest(source, prompt, model, with_pixels=notes.apply_mask), notes
    order = InvalidOrder(str(faults[0]["msg"]), "Mend the input")
    return order, Notes(app, path, faults=faults)


def read_objects(points: list[PointIn], boxes: list[BoxIn]) -> Objects:
    """Objects by `object_id`, those without one being one object, or one for each box.

    A box takes the positive points that it holds and all negative ones; positive points in no box are one more object.
    TooManyPoints where that makes more than MAX_POINTS.
    """
    grouped: dict[int | None, tuple[list[Point], list[Box]]] = defaultdict(lambda: ([], []))
    for point in points:
        grouped[point.object_id][0].append(Point(point.x, point.y, positive=point.label == 1))
    for box in boxes:
        grouped[box.object_id][1].append(Box(box.x_min, box.y_min, box.x_max, box.y_max))
    most = sum(len(clicks) * max(1, len(corners)) for clicks, corners in grouped.values())
    if most > MAX_POINTS:
        raise TooManyPoints(most)
    return Objects(tuple(one for clicks, corners in grouped.values() for one in _objects_of(clicks, corners)))


def read_priority(headers: Mapping[str, str]) -> int:
    """`x-fal-queue-priority`."""
    return LOW if headers.get("x-fal-queue-priority", "").strip().lower() == "low" else NORMAL


def read_start_timeout(headers: Mapping[str, str]) -> float | None:
    """`x-fal-request-timeout` in seconds; Refused for anything else."""
    text = headers.get("x-fal-request-timeout")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise Refused(Failure(400, "x-fal-request-timeout takes a number of seconds above 0", "bad_request"))
    return min(seconds, LONGEST)


def read_keep_seconds(headers: Mapping[str, str], most: float) -> float | None:
    """How long the caller wants files to be kept, `most` if longer; None where it says nothing that makes sense."""
    text = next((headers[name] for name in LIFECYCLE if name in headers), "{}")
    try:
        seconds = json.loads(text).get("expiration_duration_seconds")
    except (ValueError, AttributeError, RecursionError):
        return None
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return float(min(seconds, most)) if is_number and seconds > 0 else None


def read_switch(text: str | None) -> bool:
    """`1` of the one client, `true` of the other."""
    return (text or "").strip().lower() in TRUE


def read_document(body: bytes) -> object:
    """JSON, or Refused; TooLarge for too many values."""
    check_values(body)
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        detail: Detail = {"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid", "input": {}}
        raise Refused(Failure(422, [detail | {"ctx": {"error": str(error)[:200]}}])) from None


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        missing = {"loc": ["body"], "msg": "Field required", "type": "missing", "input": None}
        raise Refused(Failure(422, [missing]))
    document = read_document(body)
    if not isinstance(document, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        wrong: Detail = {"loc": ["body"], "msg": message, "type": "model_attributes_type", "input": shown(document)}
        raise Refused(Failure(422, [wrong]))
    return cast("dict[str, Any]", document)


def _read_source(text: str) -> ImageSource:
    if is_data_uri(text):
        return Inline(read_data_uri(text), "the data URI")
    return Link(own_link(text))


def _read_prompt(given: InputIn) -> Prompt:
    if isinstance(given, AutoSegmentIn):
        return Everything(
            points_per_side=given.points_per_side,
            pred_iou_thresh=given.pred_iou_thresh,
            stability_score_thresh=given.stability_score_thresh,
            min_mask_region_area=given.min_mask_region_area,
        )
    if isinstance(given, EvfIn):
        return Text((*(phrases_in(given.prompt) or (given.prompt,)), *phrases_in(given.negative_prompt)))
    if isinstance(given, Sam3In):
        return _read_words_or_objects(given)
    assert isinstance(given, ImageIn)
    if not given.prompts and not given.box_prompts:
        return Subject()
    return read_objects(given.prompts, given.box_prompts)


def _read_words_or_objects(given: Sam3In) -> Prompt:
    if not given.point_prompts and not given.box_prompts:
        return Text(phrases_in(given.prompt), max_masks=given.max_masks if given.return_multiple_masks else 1)
    found = read_objects(given.point_prompts, given.box_prompts)
    return replace(found, multimask=given.return_multiple_masks and len(found.objects) == 1)


def _read_options(given: InputIn) -> JSONObject:
    kind = next((kind for kind in (EditsIn, ChoiceIn) if isinstance(given, kind)), None)
    return given.model_dump(include=set(kind.model_fields)) if kind else {}


def _objects_of(points: list[Point], boxes: list[Box]) -> list[ObjectPrompt]:
    beside = [point for point in points if not point.positive]
    loose = [point for point in points if point.positive and not any(box.holds(point) for box in boxes)]
    objects = [
        ObjectPrompt((*(point for point in points if point.positive and box.holds(point)), *beside), box)
        for box in boxes
    ]
    return [*objects, ObjectPrompt((*loose, *beside))] if loose or not boxes else objects


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
