"""Answers and jobs → Prodia's documents, outputs and multipart."""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from starlette.responses import JSONResponse, Response

from rubylith.dialects._multipart import MULTIPART, write_multipart
from rubylith.dialects.prodia import wire
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.job import Job, JobState
from rubylith.domain.mask import Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded, matte, png
from rubylith.service.files import Links
from rubylith.service.service import Service
from rubylith.service.work import Answer

KEPT = timedelta(minutes=5)  # what an answer given at once says of its end, as the vendor's does
STATES = {
    JobState.QUEUED: "processing",
    JobState.RUNNING: "processing",
    JobState.SUCCEEDED: "processed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}
AS_STORED: dict[int, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {  # EXIF's orientation: from upright to stored
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.swapaxes(np.rot90(upright, 2), 0, 1),
    8: lambda upright: np.rot90(upright, -1),
}

_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")


@dataclass(frozen=True, slots=True)
class Begun:
    """A job that is answered at once: its id and when it began."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def write_done(begun: Begun, submitted: dict[str, Any], *, priced: bool) -> dict[str, Any]:
    """The document of a job that went well. submitted: its type and config."""
    now = datetime.now(UTC)
    document = _document(begun, now, submitted, "completed")
    document["metrics"] = {"elapsed": round((now - begun.at).total_seconds(), 6)}
    return document | (_price(submitted) if priced else {})


def write_failed(submitted: dict[str, Any], error: str) -> dict[str, Any]:
    """The document of a job that the caller has to mend. submitted: as much of type and config as is known."""
    begun = Begun()
    return _document(begun, begun.at, submitted, "failed") | {"error": error}


def write_later(job: Job, keep_seconds: float) -> dict[str, Any]:
    """The document of a job that is answered later."""
    extra = cast("dict[str, Any]", job.request["extra"])
    submitted = {"type": extra["type"], "config": extra["config"]}
    begun = Begun(job.id, job.created_at)
    changed = job.finished_at or job.started_at or job.created_at
    document = _document(begun, changed, submitted, STATES[job.state], kept=timedelta(seconds=keep_seconds))
    if job.started_at is not None and job.finished_at is not None:
        document["metrics"] = {"elapsed": round((job.finished_at - job.started_at).total_seconds(), 6)}
    if job.problem is not None:
        document["error"] = f"{job.problem.message}. {job.problem.hint}"
    elif job.state is JobState.CANCELLED:
        document["error"] = "The job was cancelled"
    priced = extra["priced"] and job.state is JobState.SUCCEEDED
    return document | (_price(submitted) if priced else {})


def write_outputs(answer: Answer, kind: str, orientation: int) -> tuple[Encoded, ...]:
    """The outputs in order, each with a name of its own, turned as the pixels of the file are."""
    found = _as_stored(answer.segmentation, orientation)
    if kind == wire.REMOVE_BACKGROUND and answer.image is not None:
        turned = AS_STORED.get(orientation, np.asarray)(answer.image.pixels)
        (file,) = matte.encode(found, Image(np.ascontiguousarray(turned), answer.digest))
        return (replace(file, name="output.png"),)
    if kind == wire.MASK_BACKGROUND:
        rle = RLE.from_bitmap(found.union())
        found = replace(found, masks=(Mask(rle, rle.box, predicted_iou=1.0),))
    files = png.encode(replace(found, masks=tuple(sorted(found.masks, key=lambda mask: -mask.area))), None)
    return tuple(replace(file, name=f"mask_{number}.png") for number, file in enumerate(files))


def write_files(answer: Answer, job: Job) -> tuple[Encoded, ...]:
    """The files of a job that is answered later."""
    extra = cast("dict[str, Any]", job.request["extra"])
    return write_outputs(answer, extra["kind"], extra["orientation"])


def write_webhook(_job: Job, _service: Service, _links: Links) -> bytes:
    """Nothing: this API has no webhooks, so no job of it asks for one."""
    return b""


def wanted_of(accept: str) -> list[str]:
    """The media types that an Accept header names, but for those that it refuses (`;q=0`).

    The client puts what it wants after a semicolon, where parameters belong: so types count, wherever they stand.
    """
    wanted: list[str] = []
    for name in accept.lower().split(","):
        tokens = [token.strip() for token in name.split(";")]
        if not any(_REFUSED.fullmatch(token) for token in tokens):
            wanted += [token for token in tokens if "/" in token]
    return wanted


def write_response(
    accept: str, document: dict[str, Any], outputs: tuple[Encoded, ...] = (), *, status: int = 200
) -> Response:
    """Multipart, the first output alone, or the document alone, as the Accept header has it."""
    wanted = wanted_of(accept)
    if wanted and MULTIPART not in wanted and "*/*" not in wanted:
        if outputs and all(kind.startswith("image/") for kind in wanted):
            return Response(outputs[0].data, status, media_type=outputs[0].media_type)
        if any(kind.startswith("image/") or kind == "application/json" for kind in wanted):
            return JSONResponse(document, status)
    job = Encoded("job.json", "application/json", json.dumps(document).encode())
    body, media_type = write_multipart([("job", job), *(("output", output) for output in outputs)])
    return Response(body, status, {"Content-Type": media_type})


def _document(
    begun: Begun, changed: datetime, submitted: dict[str, Any], state: str, *, kept: timedelta = KEPT
) -> dict[str, Any]:
    return {
        "id": begun.id,
        **submitted,
        "created_at": _time(begun.at),
        "updated_at": _time(changed),
        "expires_at": _time(begun.at + kept),
        "state": {"current": state},
    }


def _price(submitted: dict[str, Any]) -> dict[str, Any]:
    return {"price": {"product": submitted["type"], "dollars": 0}}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_stored(segmentation: Segmentation, orientation: int) -> Segmentation:
    turn = AS_STORED.get(orientation)
    if turn is None:
        return segmentation
    rles = [RLE.from_bitmap(np.ascontiguousarray(turn(mask.bitmap()))) for mask in segmentation.masks]
    masks = tuple(replace(mask, rle=rle, box=rle.box) for mask, rle in zip(segmentation.masks, rles, strict=True))
    size = segmentation.size
    return replace(segmentation, masks=masks, size=Size(size.width, size.height) if orientation >= 5 else size)
