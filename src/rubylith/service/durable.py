"""What a job does: the one function that does the work, made durable, and the word sent when it has ended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rubylith.domain.job import Attempt, Job, JSONObject, Outcome, Verdict
from rubylith.formats import Encoded
from rubylith.jobs import Assignment
from rubylith.service.files import Files
from rubylith.service.orders import read_request
from rubylith.service.webhooks import Sender, Signing
from rubylith.service.work import Answer, Worker

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Telling:
    """How the door that took an order tells its end: the body it writes, and how that is signed."""

    write: Callable[[Job], bytes]
    signing: Signing


@dataclass(frozen=True, slots=True)
class Durable:
    """The three functions that the job room is given. document: the result of an answer, as JSON."""

    worker: Worker
    files: Files
    sender: Sender
    tellings: Mapping[str, Telling]
    document: Callable[[Answer, str], dict[str, Any]]

    def work(self, assignment: Assignment) -> Outcome:
        """Cut, encode and store. What it stores is named after the job, so that doing it twice is the same."""
        job = assignment.job
        request = read_request(cast("dict[str, Any]", job.request["segment"]))
        assignment.log(f"{request.model} looks at the picture")

        def progress(share: float, /) -> None:
            assignment.check()
            assignment.progress(share)

        answer = self.worker.segment(request, job.owner, progress)
        assignment.check()
        count = len(answer.segmentation.masks)
        assignment.log(f"{count} {'mask' if count == 1 else 'masks'}")
        data = json.dumps(self.document(answer, job.id), ensure_ascii=False).encode("utf-8", "backslashreplace")
        files = (Encoded(RESULT, "application/json", data), *answer.files)
        artifacts = self.files.keep_results(files, job.id, job.owner)
        size = answer.segmentation.size
        result: JSONObject = {"masks": count, "width": size.width, "height": size.height, "timings": answer.timings}
        return Outcome(result, artifacts)

    def notify(self, job: Job) -> Attempt:
        """One attempt at the webhook of a job that has ended."""
        telling = self.tellings.get(job.dialect)
        if telling is None or job.delivery is None:
            return Attempt(Verdict.GIVE_UP, f"the dialect {job.dialect!r} sends no webhooks")
        body = telling.write(job)
        attempt = self.sender.send(job.delivery.url, body, telling.signing.headers(job.id, job.owner, body))
        if attempt.ok:
            return Attempt(Verdict.DELIVERED, f"{attempt.status}")
        return Attempt(Verdict.RETRY if attempt.retryable else Verdict.GIVE_UP, attempt.error or f"{attempt.status}")

    def forget(self, job: Job) -> None:
        """Delete what is stored for a job that is about to be forgotten."""
        for artifact in job.artifacts:
            self.files.objects.delete(artifact.key)
