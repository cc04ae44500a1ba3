"""The records of jobs as callers use them. Needs nothing but the database, so the command line uses it too."""

import json
import time
import uuid
from collections.abc import Callable

import sqlalchemy as sa

from rubylith.database import deliveries, jobs, logs
from rubylith.database.connection import create_tables, reading, writing
from rubylith.domain.errors import Conflict, NotFound, Overloaded, TooLarge
from rubylith.domain.job import DeliveryState, Job, JobState, LogLine, Order

MAX_REQUEST_BYTES = 1_000_000
LINE_SECONDS = 10.0  # after which it is worth asking again where too many jobs wait
Listener = Callable[[str], None]


class JobBoard:
    """`Jobs` in a database. Safe to use from many threads; a runner in the same process is told of changes at once.

    waiting, per_owner: how many jobs may wait, of all owners and of one; None for any number.
    """

    def __init__(self, engine: sa.Engine, *, waiting: int | None = None, per_owner: int | None = None) -> None:
        self.engine = engine
        self._most_waiting = waiting
        self._most_per_owner = per_owner
        self._listeners: list[Listener] = []
        create_tables(engine)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the id of each job that this board changes."""
        self._listeners.append(listener)

    def submit(self, order: Order) -> Job:
        """Write the order down; TooLarge if a picture is in it, Conflict if its key belongs to another order."""
        size = len(json.dumps(order.request))
        if size > MAX_REQUEST_BYTES:
            raise TooLarge(
                f"The request has {size} bytes; a job keeps up to {MAX_REQUEST_BYTES}",
                "Upload the picture first and send its id, or an address to fetch it from",
            )
        return self._insert(order)

    def check_line(self, owner: str) -> None:
        """As `Jobs` says. Those who ask at the same moment may all be let in, so it is a limit within a few."""
        limits = ((self._most_waiting, None, "jobs wait"), (self._most_per_owner, owner, "jobs of this key wait"))
        with reading(self.engine) as connection:
            for most, whose, what in limits:
                if most is not None and jobs.count_waiting(connection, owner=whose) >= most:
                    hint = f"Come back in {LINE_SECONDS:g} seconds, or cancel jobs that are not needed"
                    raise Overloaded(f"{most} {what}, which is this server's limit", hint, LINE_SECONDS)

    def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """The job as it is now; NotFound."""
        job = None
        if "\0" not in job_id:  # Postgres takes no such text
            with reading(self.engine) as connection:
                job = jobs.get(connection, job_id, now=time.time(), owner=owner)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}", "Check the id; finished jobs are forgotten after a while")
        return job

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
        with reading(self.engine) as connection:
            return jobs.page(
                connection,
                now=time.time(),
                owner=owner,
                states=states,
                delivery=delivery,
                dialect=dialect,
                noted=noted,
                before=before,
                limit=max(0, limit),
                offset=max(0, offset),
            )

    def cancel(self, job_id: str, *, owner: str | None = None) -> Job:
        """The cancelled job; Conflict if it had finished. Cancelling twice is no mistake."""
        self.get(job_id, owner=owner)
        with writing(self.engine) as connection:
            cancelled = jobs.cancel(connection, job_id, now=time.time())
        self._tell(job_id)
        job = self.get(job_id, owner=owner)
        if not cancelled and job.state is not JobState.CANCELLED:
            raise Conflict(
                f"Job {job_id} has already {job.state}", "Only a job that is queued or running can be cancelled"
            )
        return job

    def retry(self, job_id: str, *, owner: str | None = None) -> Job:
        """A new job with the order of one that failed or was cancelled; Conflict if it did not."""
        job = self.get(job_id, owner=owner)
        if job.state not in {JobState.FAILED, JobState.CANCELLED}:
            raise Conflict(f"Job {job_id} is {job.state}", "Only a job that failed or was cancelled can be tried again")
        patience = None if job.start_by is None else (job.start_by - job.created_at).total_seconds()
        memory = None if job.forget_at is None else (job.forget_at - job.created_at).total_seconds()
        webhook = None if job.delivery is None else job.delivery.url
        order = Order(
            job.owner,
            job.dialect,
            job.request,
            job.priority,
            webhook,
            start_timeout_seconds=patience,
            forget_seconds=memory,
        )
        return self._insert(order, retry_of=job_id)

    def replay(self, job_id: str, *, owner: str | None = None) -> Job:
        """Send the webhook of a finished job once more; Conflict without webhook or while it is under way."""
        self.get(job_id, owner=owner)
        with writing(self.engine) as connection:
            due = deliveries.replay(connection, job_id, now=time.time())
        if not due:
            raise Conflict(
                f"Job {job_id} has no webhook that was sent or given up", "Replay the webhook of a finished job"
            )
        self._tell(job_id)
        return self.get(job_id, owner=owner)

    def position(self, job_id: str, *, owner: str | None = None) -> int | None:
        """How many jobs go before this one; None once it runs."""
        self.get(job_id, owner=owner)
        with reading(self.engine) as connection:
            return jobs.position(connection, job_id)

    def count_waiting(self, *, owner: str, dialect: str) -> int:
        """How many jobs of this owner and dialect are queued."""
        with reading(self.engine) as connection:
            return jobs.count_waiting(connection, owner=owner, dialect=dialect)

    def logs(self, job_id: str, *, owner: str | None = None, after: int = 0) -> tuple[LogLine, ...]:
        """What the work said, from the line after number `after`."""
        self.get(job_id, owner=owner)
        with reading(self.engine) as connection:
            return logs.read(connection, job_id, after=after)

    def counts(self) -> dict[JobState, int]:
        """How many jobs there are in each state, for metrics and for the limit on the queue."""
        with reading(self.engine) as connection:
            return jobs.count_by_state(connection)

    def _insert(self, order: Order, *, retry_of: str | None = None) -> Job:
        with writing(self.engine) as connection:
            job = jobs.insert(connection, order, job_id=str(uuid.uuid4()), now=time.time(), retry_of=retry_of)
        self._tell(job.id)
        return job

    def _tell(self, job_id: str) -> None:
        for listener in self._listeners:
            listener(job_id)
