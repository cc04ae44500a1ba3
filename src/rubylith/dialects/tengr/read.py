"""Wire → domain. Pure: no pixel is read, no address asked."""

from typing import Any

from rubylith.dialects._data_uri import read_data_uri
from rubylith.dialects.tengr.wire import (
    AUTO,
    DEFAULTS,
    IMAGE_URI,
    POINTS,
    TEXT,
    ArtworkIn,
    ClicksIn,
    RemoveBackgroundIn,
    SegmentationIn,
)
from rubylith.domain.geometry import Point
from rubylith.domain.image import ImageSource, Inline, Link
from rubylith.domain.job import JobState
from rubylith.domain.prompt import ObjectPrompt, Objects, Subject, Text
from rubylith.domain.request import SegmentRequest
from rubylith.language.lists import phrases_in

SEGMENTATION, REMOVE_BACKGROUND = "segmentation", "remove_background"
SHOWN_CHARACTERS = 64  # of a picture that was sent along
STATES = {
    JobState.QUEUED: "starting",
    JobState.RUNNING: "processing",
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "canceled",
}


def read_segmentation(body: SegmentationIn, parameters: dict[str, Any], model: str) -> SegmentRequest:
    """What is asked for; InvalidPrompt for more phrases or points than one prompt holds. parameters: of the body."""
    prompt = _read_words(parameters) if body.method == TEXT else _read_clicks(body, parameters)
    return SegmentRequest(_source(body.imageUrl), prompt, model)


def read_remove_background(body: RemoveBackgroundIn, model: str) -> SegmentRequest:
    """The picture's subject, with the pixels that it is cut out of."""
    return SegmentRequest(_source(body.imageUrl), Subject(), model, with_pixels=True)


def read_parameters(body: ArtworkIn) -> dict[str, Any]:
    """The request as it is told back: with every default, of the fields of a method only where it is the chosen one.

    A picture that was sent along is cut short.
    """
    given = body.model_dump(exclude_none=True)
    if isinstance(body, SegmentationIn):
        other = POINTS if body.method == TEXT else TEXT
        filled = {name: value for name, value in DEFAULTS.items() if not name.startswith(other)}
    else:
        filled = {"outputFormat": given.get("imageFormat", AUTO)}
    parameters = {**filled, **given}
    if IMAGE_URI.match(body.imageUrl) and len(body.imageUrl) > SHOWN_CHARACTERS:
        parameters["imageUrl"] = f"{body.imageUrl[:SHOWN_CHARACTERS]}…"
    return parameters


def _read_words(parameters: dict[str, Any]) -> Text:
    most = parameters["textMaxDetections"]
    return Text(
        phrases_in(parameters["textPrompt"]),
        threshold=parameters["textConfidence"],
        max_masks=most if most > 0 else None,
    )


def _read_clicks(body: SegmentationIn, parameters: dict[str, Any]) -> Objects:
    wants_all = parameters["pointsMultimask"] and not parameters["pointsBestMask"]
    points = (*_points(body.pointsPositive, positive=True), *_points(body.pointsNegative, positive=False))
    return Objects(
        (ObjectPrompt(points),),
        multimask=wants_all,
        refinements=parameters["pointsRefinementSteps"],
        normalized=True,
    )


def _points(clicks: ClicksIn | None, *, positive: bool) -> tuple[Point, ...]:
    return tuple(Point(x, y, positive) for x, y in clicks.points) if clicks else ()


def _source(url: str) -> ImageSource:
    return Inline(read_data_uri(url), "imageUrl") if IMAGE_URI.match(url) else Link(url)
