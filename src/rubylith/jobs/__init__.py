"""Work that survives: accepted orders wait in line, run, and tell their callers, whatever dies in between.

Two halves. `JobBoard` (board.py) is what callers and the command line use: records in the database, nothing else; it
needs no worker in the same process. `JobRunner` (runner.py) does the work in the process that serves: DBOS holds each
run, so that one that was cut off goes on after a restart, or on another node.

What a piece of work must hold to: it may be begun more than once (a crash, a hand-over), so what it writes is named
after the job's id; it calls `check()` between its parts; it raises an error of the family Unavailable for what may
pass, and any other RubylithError for what will not. A webhook may arrive twice, but every time with the same content.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rubylith.domain.job import Attempt, DeliveryState, Job, JobState, LogLine, Order, Outcome


class Jobs(Protocol):
    """What can be asked for. With `owner`, a job of somebody else is NotFound like one that does not exist."""

    def submit(self, order: Order) -> Job:
        """Write the order down; once this returns it is safe. Conflict if its key belongs to another order."""
        ...

    def check_line(self, owner: str) -> None:
        """Overloaded if no further job may wait, of this owner or at all: to be asked before anything is stored."""
        ...

    def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """The job as it is now; NotFound."""
        ...

    def list(
        self,
        *,
        owner: str | None = None,
        states: tuple[JobState, ...] = (),
        delivery: DeliveryState | None = None,
        dialect: str | None = None,
        noted: tuple[str, str] | None = None,
        before: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[Job, ...]:
        """Jobs, newest first, older than the job `before`, past the first `offset` of them.

        noted: a name and its value among the notes that the door made of the order.
        """
        ...

    def cancel(self, job_id: str, *, owner: str | None = None) -> Job:
        """The cancelled job: never begun if queued, told to stop if running. NotFound; Conflict if finished."""
        ...

    def retry(self, job_id: str, *, owner: str | None = None) -> Job:
        """A new job with the order of one that failed or was cancelled. NotFound; Conflict if it did not."""
        ...

    def replay(self, job_id: str, *, owner: str | None = None) -> Job:
        """Send the webhook of a finished job once more. NotFound; Conflict without webhook or while it is under way."""
        ...

    def position(self, job_id: str, *, owner: str | None = None) -> int | None:
        """How many jobs go before this one; None once it runs. NotFound."""
        ...

    def count_waiting(self, *, owner: str, dialect: str) -> int:
        """How many jobs of this owner and dialect are queued."""
        ...

    def logs(self, job_id: str, *, owner: str | None = None, after: int = 0) -> tuple[LogLine, ...]:
        """What the work said, from the line after number `after`. NotFound."""
        ...


class Assignment(Protocol):
    """A job in the hands of whoever does it."""

    @property
    def job(self) -> Job:
        """The job as it was when it was begun."""
        ...

    def progress(self, share: float) -> None:
        """Say how far the work is, from 0 to 1. Cheap enough for every step."""
        ...

    def log(self, text: str) -> None:
        """Add a line that the caller can read."""
        ...

    def check(self) -> None:
        """Raise Cancelled if the work is to stop. Cheap enough for every step; call it at least twice a second."""
        ...


Work = Callable[[Assignment], Outcome]  # does a job
Notify = Callable[[Job], Attempt]  # tries the webhook of a finished job once
Forget = Callable[[Job], None]  # deletes what is stored for a job that is about to be forgotten; may be called twice


@dataclass(frozen=True, slots=True)
class Rules:
    """How jobs are run. All times in seconds.

    concurrency: jobs at once on this node; webhooks_at_once: webhooks being sent at once. poll: how soon orders taken
    by another process are noticed. lease: a node not heard of for this long is held dead and its jobs go on elsewhere.
    retry_delays: waits before a job goes on that met something Unavailable; as many tries. losses: a job that was cut
    off this often fails, because it may be what kills the process. webhook_delays: the same for webhooks; together two
    hours. keep: finished jobs are forgotten after this long (None: never); tidy: how often that is looked into.
    """

    concurrency: int = 2
    webhooks_at_once: int = 16
    poll: float = 0.1
    lease: float = 30.0
    retry_delays: tuple[float, ...] = (1.0, 5.0, 25.0)
    losses: int = 20
    webhook_delays: tuple[float, ...] = (5.0, 15.0, 40.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2220.0)
    keep: float | None = 7 * 86_400.0
    tidy: float = 600.0
