"""Domain → wire: artworks, and how their ends are signed."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from rubylith.dialects.tengr.read import STATES
from rubylith.domain.job import Job, JobState
from rubylith.service.files import Files, Links
from rubylith.service.service import Service
from rubylith.service.webhooks import Ed25519Signing, Signing

OBJECTS = "/tengr/v1/objects"  # ends like our own, so that a result is known as ours when it comes back as imageUrl


def write_artwork(job: Job, files: Files, root: str) -> dict[str, Any]:
    """The artwork. root: where links to its results begin, which work as long as it is kept."""
    notes = cast("dict[str, Any]", job.request["extra"])
    links = Links(f"{root}{OBJECTS}", seconds=None)
    succeeded = job.state is JobState.SUCCEEDED
    artwork = {
        "id": job.id,
        "artworkType": notes["artworkType"],
        "parameters": notes["parameters"],
        "duration": _duration(job),
        "results": list(files.job_links(job, links).values()) if succeeded else [],
        "status": STATES[job.state],
        "createdAt": _written(job.created_at),
    }
    if job.problem is not None:
        artwork["error"] = f"{job.problem.message}. {job.problem.hint}."
    return artwork


def write_webhook(job: Job, service: Service, _links: Links) -> bytes:
    """The artwork as whoever ordered it would be told it."""
    root = cast("dict[str, str]", job.request["extra"])["root"]
    return json.dumps(write_artwork(job, service.files, root)).encode()


@dataclass(frozen=True, slots=True)
class HmacSigning:
    """Signs with the secret that the owner has had made, if so."""

    secret_of: Callable[[str], str | None] = field(repr=False)

    def headers(self, message_id: str, owner: str, body: bytes) -> dict[str, str]:
        """`X-Webhook-Id`, and where there is a secret `X-Webhook-Signature`."""
        headers = {"X-Webhook-Id": message_id}
        secret = self.secret_of(owner)
        if secret is not None:
            headers["X-Webhook-Signature"] = f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"
        return headers


def signing(_own: Ed25519Signing, service: Service) -> Signing:
    """The dialect's own."""
    return HmacSigning(service.webhook_secrets.of)


def _duration(job: Job) -> float:
    if job.started_at is None or job.finished_at is None:
        return 0
    return round((job.finished_at - job.started_at).total_seconds(), 3)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
