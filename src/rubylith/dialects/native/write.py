"""Domain → wire: documents, and results packed the way they were asked for."""

import io
import json
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from rubylith.dialects._multipart import write_multipart
from rubylith.dialects.native.read import MULTIPART, ZIP, Packing
from rubylith.domain.geometry import Size
from rubylith.domain.job import Artifact, Delivery, Job, Problem
from rubylith.formats import Encoded
from rubylith.formats.json import document
from rubylith.service.files import Files, Links, StoredFile, id_of
from rubylith.service.models import ModelState
from rubylith.service.orders import write_prompt
from rubylith.service.pulls import Pull
from rubylith.service.service import Service
from rubylith.service.uploads import Ticket
from rubylith.service.work import Answer

VERSION = version("rubylith")
RESULT = "result.json"  # the file of a job that holds its document


def write_document(answer: Answer, result_id: str) -> dict[str, Any]:
    """The command line's `--json` document with id, digest, timings and provenance."""
    found = document(answer.segmentation, answer.name)
    found["image"]["digest"] = answer.digest
    options = write_prompt(answer.request.prompt)
    provenance = {"model": answer.request.model, "options": options, "version": VERSION}
    return {"id": result_id, **found, "timings": answer.timings, "provenance": provenance}


def write_result(answer: Answer, packing: Packing, result_id: str) -> tuple[bytes, str]:
    """Body and media type; a packing of None gives several files as multipart, because one format may make many."""
    document = (_document_file("masks.json", answer, result_id),) if packing.has_document else ()
    files = (*document, *answer.files)
    if packing.kind == ZIP:
        return _zip(files), "application/zip"
    if packing.kind == MULTIPART or len(files) != 1:
        return write_multipart(("file", file) for file in files)
    return files[0].data, files[0].media_type


def write_job(job: Job, position: int | None, urls: Mapping[str, str]) -> dict[str, Any]:
    """A job without its result document. urls: of its files, by their names."""
    wire: dict[str, Any] = {
        "id": job.id,
        "state": job.state.value,
        "position": position,
        "progress": round(job.progress, 4),
        "created_at": job.created_at.isoformat(),
        "started_at": None if job.started_at is None else job.started_at.isoformat(),
        "finished_at": None if job.finished_at is None else job.finished_at.isoformat(),
        "files": [write_artifact(artifact, urls[artifact.name]) for artifact in job.artifacts],
    }
    if job.problem is not None:
        wire["problem"] = write_problem(job.problem)
    return wire


def write_files(answer: Answer, job: Job) -> tuple[Encoded, ...]:
    """The files of a job: its result document, and those of the formats asked for."""
    return (_document_file(RESULT, answer, job.id), *answer.files)


def write_delivery(delivery: Delivery) -> dict[str, Any]:
    """How a job's webhook fares."""
    return {
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_at": None if delivery.due_at is None else delivery.due_at.isoformat(),
        "note": delivery.note,
    }


def write_webhook(job: Job, service: Service, links: Links) -> bytes:
    """The body that tells a job's end: the job with links to its files, without the masks themselves.

    The links last as long as the files and are the same at every attempt.
    """
    return json.dumps(write_job(job, None, service.files.job_links(job, links))).encode()


def write_artifact(artifact: Artifact, url: str) -> dict[str, Any]:
    """A file of a job with a link to it."""
    return {
        "name": artifact.name,
        "url": url,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
    }


def write_problem(problem: Problem) -> dict[str, Any]:
    """Why a job failed."""
    return {"kind": problem.kind, "detail": problem.message, "hint": problem.hint}


def write_upload(stored: StoredFile, files: Files, links: Links) -> dict[str, Any]:
    """A stored file with a link to it."""
    return {
        "id": id_of(stored),
        "name": stored.name,
        "url": files.link(stored.key, links),
        "media_type": stored.media_type,
        "size": stored.size,
        "expires_at": None if stored.expires_at is None else stored.expires_at.isoformat(),
    }


def write_ticket(ticket: Ticket, address: str) -> dict[str, Any]:
    """A place for a file. address: of the places, without a slash at the end."""
    return {
        "id": ticket.id,
        "method": "PUT",
        "url": f"{address}/{ticket.id}?{ticket.put}",
        "expires_at": ticket.expires_at.isoformat(),
    }


def write_embedding(stored: StoredFile, size: Size, model: str) -> dict[str, Any]:
    """A picture that has been looked at."""
    return {
        "id": id_of(stored),
        "model": model,
        "width": size.width,
        "height": size.height,
        "expires_at": None if stored.expires_at is None else stored.expires_at.isoformat(),
    }


def write_model(state: ModelState) -> dict[str, Any]:
    """One model that this server knows."""
    entry, pull = state.entry, state.pull
    return {
        "name": state.name,
        "loaded": state.loaded,
        "default": state.default,
        "pulled": state.pulled,
        "kind": "segmenter" if entry is None else entry.kind,
        "prompts": ["points", "boxes", "everything"] if entry is None else list(entry.prompts),
        "summary": "Comes with Rubylith, or from a folder" if entry is None else entry.summary,
        "licence": None if entry is None else entry.licence,
        "licence_class": None if entry is None else entry.licence_class,
        "bytes": state.size,
        "pull": None if pull is None else write_pull(pull),
    }


def write_pull(pull: Pull) -> dict[str, Any]:
    """How far the fetching of a model is."""
    problem = pull.problem
    told = None if problem is None else Problem(type(problem).__name__, problem.message, problem.hint)
    return {
        "state": pull.state.value,
        "received": pull.received,
        "total": pull.total,
        "problem": None if told is None else write_problem(told),
    }


def _document_file(name: str, answer: Answer, result_id: str) -> Encoded:
    data = json.dumps(write_document(answer, result_id), ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Encoded(name, "application/json", data)


def _zip(files: tuple[Encoded, ...]) -> bytes:
    """Stored, not deflated again: pictures are compressed already."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.data)
    return buffer.getvalue()
