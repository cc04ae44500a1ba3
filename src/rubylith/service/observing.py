"""What jobs and webhooks leave in the metrics, in the usage of keys and in traces, wrapped around the work itself."""

import time
from dataclasses import dataclass
from typing import cast

from opentelemetry import trace

from rubylith.domain.caller import Usage
from rubylith.domain.job import Attempt, Job, Outcome
from rubylith.jobs import Assignment, Notify, Work
from rubylith.service.access import Access
from rubylith.service.metrics import Metrics
from rubylith.service.models import Models

NANOSECONDS = 1e9
TRACER = trace.get_tracer("rubylith")


@dataclass(frozen=True, slots=True)
class Observing:
    """Where it is noted."""

    access: Access
    metrics: Metrics
    models: Models

    def work(self, do: Work) -> Work:
        """The same work; what it used is its owner's, its stages are measured, and its wait is a span as well."""

        def doing(assignment: Assignment) -> Outcome:
            job = assignment.job
            with TRACER.start_as_current_span("job", attributes=_attributes(job)):
                ordered = round(job.created_at.timestamp() * NANOSECONDS)
                TRACER.start_span("queue", start_time=ordered).end()
                started = time.perf_counter()
                outcome = do(assignment)
                self._count(job, outcome, time.perf_counter() - started)
                return outcome

        return doing

    def notify(self, do: Notify) -> Notify:
        """The same attempt, counted by its verdict."""

        def notifying(job: Job) -> Attempt:
            with TRACER.start_as_current_span("webhook", attributes=_attributes(job)):
                attempt = do(job)
            self.metrics.webhooks.labels(attempt.verdict.value).inc()
            return attempt

        return notifying

    def _count(self, job: Job, outcome: Outcome, seconds: float) -> None:
        result = cast("dict[str, int]", outcome.result)
        megapixels = result["width"] * result["height"] / 1e6
        self.access.count(job.owner, Usage(1, 1, megapixels, seconds))
        model = str(cast("dict[str, object]", job.request["segment"])["model"])
        self.metrics.worked(cast("dict[str, float]", outcome.result["timings"]), self.models.now_called(model))


def _attributes(job: Job) -> dict[str, str]:
    return {"rubylith.job": job.id, "rubylith.dialect": job.dialect}
