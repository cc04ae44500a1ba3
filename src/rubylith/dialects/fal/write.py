"""Domain → wire: the files of a result, and the documents that tell of a request."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from rubylith.dialects.fal.chosen import chosen, write_rle, write_told
from rubylith.dialects.fal.errors import Failure, job_failure
from rubylith.dialects.fal.links import OBJECTS
from rubylith.dialects.fal.models import AUTO_SEGMENT, EVF, SAM3, SAM3_RLE
from rubylith.dialects.fal.pictures import cutout_file, edited_file, mask_file, mask_files, single_files
from rubylith.dialects.fal.read import Notes
from rubylith.dialects.fal.wire import ChoiceIn, EditsIn, PictureOut
from rubylith.domain.errors import NotFound
from rubylith.domain.geometry import Size
from rubylith.domain.job import Artifact, Job, JobState, LogLine
from rubylith.formats import Encoded
from rubylith.language.lists import phrases_in
from rubylith.service.files import Links
from rubylith.service.service import Service
from rubylith.service.work import Answer

STATUS = {JobState.QUEUED: "IN_QUEUE", JobState.RUNNING: "IN_PROGRESS"}
COMPLETED = "COMPLETED"
TOLD = "result.json"  # what a result tells beside its pictures; all of it, where no files are to be kept
EXPIRED = Failure(404, "The result has expired")


def write_result(answer: Answer, notes: Notes, request_id: str) -> tuple[tuple[Encoded, ...], dict[str, Any]]:
    """The picture files of a result, in the order of its document, and what is told beside them."""
    if notes.model not in SAM3:
        return _write_pictures(answer, notes, request_id), {}
    choice = ChoiceIn.model_validate(notes.options)
    few = chosen(answer.segmentation, choice)
    told = write_told(few, choice)
    if notes.model == SAM3_RLE:
        return (), {"rle": write_rle(few, choice), **told}
    return single_files(few, answer.image, notes.output_format, request_id), told


def _write_pictures(answer: Answer, notes: Notes, request_id: str) -> tuple[Encoded, ...]:
    segmentation, kind = answer.segmentation, notes.output_format
    if notes.model == AUTO_SEGMENT:
        return mask_files(segmentation, kind, request_id)
    if notes.model == EVF:
        edits = EditsIn.model_validate(notes.options)
        return (edited_file(segmentation, answer.image, edits, phrases_in(edits.negative_prompt), request_id),)
    if notes.apply_mask and answer.image is not None:
        return (cutout_file(segmentation, answer.image, kind, request_id),)
    return (mask_file(segmentation, kind, request_id),)


def write_files(answer: Answer, job: Job) -> tuple[Encoded, ...]:
    """What is stored of a job's result: its pictures and what it tells, or the answer with the pictures inside."""
    notes = notes_of(job)
    pictures, told = write_result(answer, notes, job.id)
    if notes.sync_mode:
        pictures, told = (), write_inline(notes, answer.segmentation.size, pictures, told)
    return (*pictures, Encoded(TOLD, "application/json", json.dumps(told).encode())) if told else pictures


def write_inline(notes: Notes, size: Size, pictures: Sequence[Encoded], told: dict[str, Any]) -> dict[str, Any]:
    """The output with every picture as a data: URI."""
    described = [
        _picture(picture.name, picture.media_type, len(picture.data), _data_uri(picture), size) for picture in pictures
    ]
    return _output(notes, described) | told


def write_linked(
    notes: Notes, size: Size, files: Iterable[Artifact], urls: Mapping[str, str], told: dict[str, Any]
) -> dict[str, Any]:
    """The output with a URL for every picture."""
    described = [_picture(file.name, file.media_type, file.size, urls[file.name], size) for file in files]
    return _output(notes, described) | told


def write_outcome(job: Job, service: Service, links: Links) -> bytes | Failure:
    """The output of a finished job as JSON, or why there is none."""
    notes = notes_of(job)
    if job.state is not JobState.SUCCEEDED:
        return failure_of(job, service)
    try:
        told = _read_told(job, service)
    except NotFound:
        return EXPIRED
    if notes.sync_mode:  # the whole answer, which may be large
        return told
    result = cast("dict[str, int]", job.result)
    size = Size(result["height"], result["width"])
    pictures = [file for file in job.artifacts if file.name != TOLD]
    linked = write_linked(notes, size, pictures, service.files.job_links(job, links), json.loads(told))
    return json.dumps(linked).encode()


def write_submitted(job: Job, urls: Mapping[str, str], position: int, *, gateway: bool) -> dict[str, Any]:
    """The answer to an order. gateway: a webhook was asked for, which names the request by this too."""
    named = {"gateway_request_id": job.id} if gateway else {}
    waits = {"status": "IN_QUEUE", "request_id": job.id, **named, **urls}
    return {**waits, "queue_position": position, "logs": None, "metrics": {}}


def write_status(
    job: Job, urls: Mapping[str, str], position: int, lines: Sequence[LogLine], failure: Failure | None
) -> dict[str, Any]:
    """How far a request is. position: before it in line, while it waits. failure: of one that went wrong."""
    status = STATUS.get(job.state, COMPLETED)
    document: dict[str, Any] = {"status": status, "request_id": job.id, **urls}
    if job.state is JobState.QUEUED:
        return {**document, "queue_position": position}
    document["logs"] = [_log(line) for line in lines]
    if status != COMPLETED:
        return document
    document["metrics"] = {"inference_time": _seconds_of(job)}
    return document if failure is None else {**document, "error": failure.text, "error_type": failure.kind}


def write_webhook(job: Job, service: Service, links: Links) -> bytes:
    """The body that tells how a job ended."""
    root = notes_of(job).root
    outcome = write_outcome(job, service, Links(root + OBJECTS, seconds=None) if root else links)
    named = {"request_id": job.id, "gateway_request_id": job.id}
    if isinstance(outcome, Failure):
        error = f"Invalid status code: {outcome.status}"
        return json.dumps({**named, "status": "ERROR", "error": error, "payload": outcome.body}).encode()
    head = json.dumps({**named, "status": "OK"}).removesuffix("}")
    return b"".join((head.encode(), b', "payload": ', outcome, b"}"))


def write_urls(mount: str, app: str, request_id: str) -> dict[str, str]:
    """Where a request is asked after. mount: how the caller reaches this door."""
    base = f"{mount}/queue/{app}/requests/{request_id}"
    return {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}


def failure_of(job: Job, service: Service) -> Failure:
    """Why a job came to nothing."""
    notes = notes_of(job)
    return job_failure(job, notes.faults, notes.picture, service.worker.limits, notes.asked)


def notes_of(job: Job) -> Notes:
    """What was noted when the order was taken."""
    return Notes.read(cast("dict[str, object]", job.request["extra"]))


def _read_told(job: Job, service: Service) -> bytes:
    kept = next((file for file in job.artifacts if file.name == TOLD), None)
    return service.files.objects.read(kept.key, owner=job.owner) if kept else b"{}"


def _output(notes: Notes, pictures: list[PictureOut]) -> dict[str, Any]:
    if notes.model == SAM3_RLE:
        return {}
    if notes.model in SAM3:
        return {"masks": pictures} | ({"image": pictures[0]} if pictures else {})
    if notes.model == AUTO_SEGMENT:
        return {"combined_mask": pictures[0], "individual_masks": pictures[1:]}
    return {"image": pictures[0]}


def _picture(name: str, media_type: str, length: int, url: str, size: Size) -> PictureOut:
    return PictureOut(
        url=url, content_type=media_type, file_name=name, file_size=length, width=size.width, height=size.height
    )


def _data_uri(picture: Encoded) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def _log(line: LogLine) -> dict[str, str]:
    return {"message": line.text, "level": "INFO", "source": "USER", "timestamp": line.at.isoformat()}


def _seconds_of(job: Job) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds(), 6)
