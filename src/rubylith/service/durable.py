"""What a job does: the one function that does the work, made durable, and the word sent when it has ended."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from rubylith.domain.errors import InvalidOrder, SourceUnreachable
from rubylith.domain.job import Attempt, Job, JSONObject, Outcome, Verdict
from rubylith.domain.request import SegmentRequest
from rubylith.engine import Progress
from rubylith.formats import Encoded
from rubylith.jobs import Assignment
from rubylith.service.files import KEEP_SECONDS, Files
from rubylith.service.orders import read_request
from rubylith.service.webhooks import Sender, Signing
from rubylith.service.work import Answer, Worker

PATIENT = "patient"  # in the order of a job; False where a picture that does not come at once ends it


@dataclass(frozen=True, slots=True)
class Door:
    """What the door that took an order has to say to its job.

    deliver: the files of its result. webhook: the body that tells its end; signing: how that is signed.
    """

    deliver: Callable[[Answer, Job], tuple[Encoded, ...]]
    webhook: Callable[[Job], bytes]
    signing: Signing


@dataclass(frozen=True, slots=True)
class Durable:
    """The three functions that the job room is given. doors: by the name of their dialect."""

    worker: Worker
    files: Files
    sender: Sender
    doors: Mapping[str, Door]

    def work(self, assignment: Assignment) -> Outcome:
        """Cut, encode and store. What it stores is named after the job, so that doing it twice is the same."""
        job = assignment.job
        if "fault" in job.request:
            raise InvalidOrder(**cast("dict[str, str]", job.request["fault"]))
        door = self._door_of(job)
        request = read_request(cast("dict[str, Any]", job.request["segment"]))
        request = replace(request, model=self.worker.models.now_called(request.model))
        assignment.log(f"{request.model} looks at the picture")

        def progress(share: float, /) -> None:
            assignment.check()
            assignment.progress(share)

        answer = self._segmented(job, request, progress)
        assignment.check()
        count = len(answer.segmentation.masks)
        assignment.log(f"{count} {'mask' if count == 1 else 'masks'}")
        files = door.deliver(answer, job)
        artifacts = self.files.keep_results(files, job.id, job.owner, seconds=_seconds_to_keep(job))
        size = answer.segmentation.size
        result: JSONObject = {"masks": count, "width": size.width, "height": size.height, "timings": answer.timings}
        return Outcome(result, artifacts)

    def notify(self, job: Job) -> Attempt:
        """One attempt at the webhook of a job that has ended."""
        if job.delivery is None or job.dialect not in self.doors:
            return Attempt(Verdict.GIVE_UP, f"the dialect {job.dialect!r} sends no webhooks")
        door = self.doors[job.dialect]
        body = door.webhook(job)
        attempt = self.sender.send(job.delivery.url, body, door.signing.headers(job.id, job.owner, body))
        if attempt.ok:
            return Attempt(Verdict.DELIVERED, f"{attempt.status}")
        return Attempt(Verdict.RETRY if attempt.retryable else Verdict.GIVE_UP, attempt.error or f"{attempt.status}")

    def _segmented(self, job: Job, request: SegmentRequest, progress: Progress) -> Answer:
        try:
            return self.worker.segment(request, job.owner, progress)
        except SourceUnreachable as error:
            if job.request.get(PATIENT, True):
                raise
            raise InvalidOrder(error.message, error.hint) from error

    def _door_of(self, job: Job) -> Door:
        if job.dialect not in self.doors:
            raise InvalidOrder(f"This server has no dialect {job.dialect!r}", "Run the version that took this job")
        return self.doors[job.dialect]

    def forget(self, job: Job) -> None:
        """Delete what is stored for a job that is about to be forgotten."""
        for artifact in job.artifacts:
            self.files.objects.delete(artifact.key)


def _seconds_to_keep(job: Job) -> float | None:
    """For how long its files are kept, from now; None for as long as results are kept here."""
    if job.forget_at is not None:
        return job.forget_at.timestamp() - time.time()
    return cast("float | None", job.request.get(KEEP_SECONDS))
