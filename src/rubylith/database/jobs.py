"""Records of jobs: what callers see. A state only ever moves forward, because every change names the state it needs.

The work itself is fenced: `workflow` is the durable run that holds the row and `attempts` grows with each beginning, so
whoever was overtaken (wrongly held dead, or cancelled) changes nothing any more.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rubylith.database.connection import METADATA
from rubylith.domain.errors import Conflict
from rubylith.domain.job import (
    Artifact,
    Delivery,
    DeliveryState,
    Job,
    JobState,
    Order,
    Outcome,
    Problem,
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("dialect", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("fingerprint", sa.Text, nullable=False),  # of the order, to tell a repetition from another order
    sa.Column("retry_of", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),  # times are seconds since 1970
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("start_by", sa.Double),
    sa.Column("forget_at", sa.Double),  # none: some time after it has finished
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("result", sa.Text),
    sa.Column("artifacts", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Column("node", sa.Text),  # that runs it, or ran it last
    sa.Column("workflow", sa.Text),  # the durable run that holds it; none while it waits
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),  # transient ones, which were tried again
    sa.Column("resume_at", sa.Double),  # when a running job that nobody holds may go on
    sa.Column("webhook", sa.Text),
    sa.Column("delivery_state", sa.Text),
    sa.Column("delivery_attempts", sa.Integer, nullable=False),
    sa.Column("delivery_failures", sa.Integer, nullable=False),  # since the first try or the last replay
    sa.Column("delivery_at", sa.Double),
    sa.Column("delivery_note", sa.Text, nullable=False),
    sa.Column("delivery_workflow", sa.Text),
    sa.Index("jobs_line", "state", "priority", "number"),
    sa.Index("jobs_of_owner", "owner", "number"),
    sa.Index("jobs_once", "owner", "idempotency_key", unique=True),
    sa.Index("jobs_deliveries", "delivery_state", "delivery_at"),
    sa.Index("jobs_forgotten", "forget_at"),
)
WAITING, RUNNING = JobState.QUEUED.value, JobState.RUNNING.value
FINISHED = tuple(state.value for state in JobState if state.finished)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job to be done by whoever holds this. `token` goes with every change; `failures`: transient ones so far."""

    job: Job
    token: int
    failures: int


def insert(connection: sa.Connection, order: Order, *, job_id: str, now: float, retry_of: str | None = None) -> Job:
    """Write the order down as a queued job, or find the one that the same owner, key and order made before.

    Conflict if the key was used for another order.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fingerprint = _fingerprint(order)
    written = connection.execute(
        dialect.insert(JOBS)
        .values(
            id=job_id,
            owner=order.owner,
            dialect=order.dialect,
            request=json.dumps(order.request),
            priority=order.priority,
            idempotency_key=order.idempotency_key,
            fingerprint=fingerprint,
            retry_of=retry_of,
            state=WAITING,
            created_at=now,
            start_by=None if order.start_timeout_seconds is None else now + order.start_timeout_seconds,
            forget_at=None if order.forget_seconds is None else now + order.forget_seconds,
            progress=0.0,
            attempts=0,
            failures=0,
            webhook=order.webhook,
            delivery_attempts=0,
            delivery_failures=0,
            delivery_note="",
        )
        .on_conflict_do_nothing(index_elements=[JOBS.c.owner, JOBS.c.idempotency_key])
        .returning(*JOBS.c)
    ).first()
    if written is not None:
        return as_job(written)
    earlier = connection.execute(
        sa.select(JOBS).where(JOBS.c.owner == order.owner, JOBS.c.idempotency_key == order.idempotency_key)
    ).one()
    if earlier.fingerprint != fingerprint:
        raise Conflict(
            f"The idempotency key {order.idempotency_key!r} belongs to another order, job {earlier.id}",
            "Send the same order again to get that job, or another key for another order",
        )
    return as_job(earlier)


def get(connection: sa.Connection, job_id: str, *, now: float, owner: str | None = None) -> Job | None:
    """The job, if there is one, its time is not over, and it belongs to `owner` (None: whoever)."""
    found = sa.select(JOBS).where(JOBS.c.id == job_id, _remembered(now))
    if owner is not None:
        found = found.where(JOBS.c.owner == owner)
    row = connection.execute(found).first()
    return None if row is None else as_job(row)


def page(
    connection: sa.Connection,
    *,
    now: float,
    owner: str | None = None,
    states: tuple[JobState, ...] = (),
    delivery: DeliveryState | None = None,
    dialect: str | None = None,
    noted: tuple[str, str] | None = None,
    before: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[Job, ...]:
    """Jobs whose time is not over, newest first: of `owner`, in one of `states`, with the webhook in `delivery`, of
    `dialect`, whose request has this name and value in its `extra`, older than job `before`.
    """
    found = sa.select(JOBS).where(_remembered(now)).order_by(JOBS.c.number.desc()).limit(limit).offset(offset)
    if dialect is not None:
        found = found.where(JOBS.c.dialect == dialect)
    if owner is not None:
        found = found.where(JOBS.c.owner == owner)
    if states:
        found = found.where(JOBS.c.state.in_([state.value for state in states]))
    if delivery is not None:
        found = found.where(JOBS.c.delivery_state == delivery.value)
    if noted is not None:
        found = found.where(_note(connection, noted[0]) == noted[1])
    if before is not None:
        found = found.where(JOBS.c.number < sa.select(JOBS.c.number).where(JOBS.c.id == before).scalar_subquery())
    return tuple(as_job(row) for row in connection.execute(found))


def position(connection: sa.Connection, job_id: str) -> int | None:
    """How many queued jobs go before this one; None when it does not wait."""
    other = JOBS.alias()
    ahead = sa.or_(
        other.c.priority < JOBS.c.priority,
        sa.and_(other.c.priority == JOBS.c.priority, other.c.number < JOBS.c.number),
    )
    count = sa.select(sa.func.count()).select_from(other).where(other.c.state == WAITING, ahead).scalar_subquery()
    return connection.execute(sa.select(count).where(JOBS.c.id == job_id, JOBS.c.state == WAITING)).scalar()


def count_by_state(connection: sa.Connection) -> dict[JobState, int]:
    """How many jobs there are in each state."""
    rows = connection.execute(sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state))
    counts = {JobState(state): count for state, count in rows}
    return {state: counts.get(state, 0) for state in JobState}


def count_waiting(connection: sa.Connection, *, owner: str | None = None, dialect: str | None = None) -> int:
    """How many jobs are queued, of `owner` or of everybody, of `dialect` or of all."""
    named = [column == name for column, name in ((JOBS.c.owner, owner), (JOBS.c.dialect, dialect)) if name is not None]
    return connection.execute(sa.select(sa.func.count()).where(JOBS.c.state == WAITING, *named)).scalar_one()


def claimable(connection: sa.Connection, *, now: float, limit: int) -> int:
    """How many jobs could be begun now, counted up to `limit`."""
    found = sa.union_all(
        sa.select(sa.literal(1)).where(_interrupted(now)).limit(limit).subquery().select(),
        sa.select(sa.literal(1)).where(_next_in_line(now)).limit(limit).subquery().select(),
    ).subquery()
    return min(limit, connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def claim(connection: sa.Connection, *, node: str, workflow: str, now: float) -> Claim | None:
    """Take the next job, which is running now: one that was interrupted, else the first by priority, then by age."""
    for waiting in (_interrupted(now), _next_in_line(now)):
        first = sa.select(JOBS.c.number).where(waiting).order_by(JOBS.c.priority, JOBS.c.number).limit(1)
        taken = _begin(
            connection,
            JOBS.c.number == first.with_for_update(skip_locked=True).scalar_subquery(),
            waiting,
            node=node,
            workflow=workflow,
            now=now,
        )
        if taken is not None:
            return taken
    return None


def take_over(connection: sa.Connection, *, node: str, workflow: str, now: float) -> Claim | None:
    """Go on with the job that this durable run held when it was cut off; None if it is finished or held by another."""
    held = sa.and_(JOBS.c.workflow == workflow, JOBS.c.state == RUNNING)
    return _begin(connection, held, node=node, workflow=workflow, now=now)


def touch(connection: sa.Connection, claim: Claim, *, progress: float) -> bool:
    """Note how far the work is; it never seems to go back. False when the job is no longer this claim's."""
    kept = sa.case((JOBS.c.progress > progress, JOBS.c.progress), else_=progress)
    return connection.execute(sa.update(JOBS).where(_held(claim)).values(progress=kept)).rowcount == 1


def is_held(connection: sa.Connection, claim: Claim) -> bool:
    """False when the job is no longer this claim's: cancelled, or taken over."""
    return connection.execute(sa.select(JOBS.c.id).where(_held(claim))).first() is not None


def succeed(connection: sa.Connection, claim: Claim, outcome: Outcome, *, now: float) -> bool:
    """Keep the outcome. False, and nothing changes, when the job is no longer this claim's."""
    artifacts = [
        {"key": a.key, "name": a.name, "media_type": a.media_type, "size": a.size, "sha256": a.sha256}
        for a in outcome.artifacts
    ]
    return finish(
        connection,
        _held(claim),
        JobState.SUCCEEDED,
        now=now,
        result=json.dumps(outcome.result),
        artifacts=json.dumps(artifacts),
        progress=1.0,
    ) == (claim.job.id,)


def fail(connection: sa.Connection, claim: Claim, problem: Problem, *, now: float) -> bool:
    """Keep the reason. False, and nothing changes, when the job is no longer this claim's."""
    return finish(connection, _held(claim), JobState.FAILED, now=now, problem=_dump_problem(problem)) == (claim.job.id,)


def postpone(connection: sa.Connection, claim: Claim, *, until: float, failed: bool) -> bool:
    """Let go of the job, to be taken up again by any node after `until`. `failed` counts it as a transient failure."""
    change = sa.update(JOBS).where(_held(claim))
    change = change.values(workflow=None, resume_at=until, failures=JOBS.c.failures + int(failed))
    return connection.execute(change).rowcount == 1


def cancel(connection: sa.Connection, job_id: str, *, now: float) -> bool:
    """Cancel a job that is queued or running; False, and nothing changes, if it is neither."""
    return bool(finish(connection, JOBS.c.id == job_id, JobState.CANCELLED, now=now))


def expire(connection: sa.Connection, *, now: float) -> tuple[str, ...]:
    """Fail the queued jobs whose deadline for beginning has passed, and say which."""
    late = sa.and_(JOBS.c.state == WAITING, JOBS.c.start_by <= now)
    if connection.execute(sa.select(JOBS.c.id).where(late).limit(1)).first() is None:
        return ()  # without asking for the write lock
    problem = Problem("TimedOut", "The job was not begun in time", "Send it again, or allow it more time to start")
    return finish(connection, late, JobState.FAILED, now=now, problem=_dump_problem(problem))


def finish(
    connection: sa.Connection, which: sa.ColumnElement[bool], state: JobState, *, now: float, **columns: Any
) -> tuple[str, ...]:
    """Move unfinished jobs to a final state, which also makes their webhooks due; gives the ids of those moved."""
    due: dict[str, Any] = {
        "delivery_state": sa.case((JOBS.c.webhook.is_not(None), DeliveryState.PENDING.value), else_=None),
        "delivery_at": sa.case((JOBS.c.webhook.is_not(None), now), else_=None),
    }
    change = sa.update(JOBS).where(which, JOBS.c.state.not_in(FINISHED))
    values = {"state": state.value, "finished_at": now, "workflow": None, "resume_at": None, **due, **columns}
    return tuple(connection.execute(change.values(**values).returning(JOBS.c.id)).scalars())


def held(connection: sa.Connection, *, by: str | None = None, but_not_by: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The durable runs that hold unfinished jobs: on the node `by`, or on every node but these."""
    found = sa.select(JOBS.c.workflow).where(JOBS.c.state == RUNNING, JOBS.c.workflow.is_not(None))
    found = found.where(JOBS.c.node == by) if by else found.where(JOBS.c.node.not_in(but_not_by))
    return tuple(connection.execute(found).scalars())


def release(connection: sa.Connection, workflows: tuple[str, ...], *, now: float) -> int:
    """Let any node go on with the jobs that these durable runs hold; how many there were."""
    lost = sa.update(JOBS).where(JOBS.c.state == RUNNING, JOBS.c.workflow.in_(workflows))
    return connection.execute(lost.values(workflow=None, resume_at=now)).rowcount


def outdated(connection: sa.Connection, *, before: float, now: float, limit: int) -> tuple[Job, ...]:
    """Jobs finished earlier than `before`, or past a time of their own, the webhook not under way; oldest first."""
    at_rest = sa.or_(JOBS.c.delivery_state.is_(None), JOBS.c.delivery_state.in_(["delivered", "dead"]))
    by_rule = sa.and_(JOBS.c.forget_at.is_(None), JOBS.c.finished_at < before)
    found = sa.select(JOBS).where(JOBS.c.state.in_(FINISHED), sa.or_(by_rule, JOBS.c.forget_at <= now), at_rest)
    return tuple(as_job(row) for row in connection.execute(found.order_by(JOBS.c.number).limit(limit)))


def delete(connection: sa.Connection, job_id: str) -> None:
    """Forget a job."""
    connection.execute(sa.delete(JOBS).where(JOBS.c.id == job_id))


def as_job(row: sa.Row[Any]) -> Job:
    """A row of JOBS in the words of the domain."""
    delivery = None
    if row.delivery_state is not None:
        state = DeliveryState(row.delivery_state)
        delivery = Delivery(row.webhook, state, row.delivery_attempts, _maybe_time(row.delivery_at), row.delivery_note)
    return Job(
        id=row.id,
        owner=row.owner,
        dialect=row.dialect,
        state=JobState(row.state),
        request=json.loads(row.request),
        priority=row.priority,
        created_at=_time(row.created_at),
        started_at=_maybe_time(row.started_at),
        finished_at=_maybe_time(row.finished_at),
        start_by=_maybe_time(row.start_by),
        attempts=row.attempts,
        progress=row.progress,
        result=None if row.result is None else json.loads(row.result),
        artifacts=tuple(Artifact(**artifact) for artifact in json.loads(row.artifacts or "[]")),
        problem=None if row.problem is None else Problem(**json.loads(row.problem)),
        delivery=delivery,
        retry_of=row.retry_of,
        forget_at=_maybe_time(row.forget_at),
    )


def _begin(
    connection: sa.Connection, *which: sa.ColumnElement[bool], node: str, workflow: str, now: float
) -> Claim | None:
    change = sa.update(JOBS).where(*which)
    row = connection.execute(
        change.values(
            state=RUNNING,
            node=node,
            workflow=workflow,
            resume_at=None,
            started_at=sa.func.coalesce(JOBS.c.started_at, now),
            attempts=JOBS.c.attempts + 1,
        ).returning(*JOBS.c)
    ).first()
    return None if row is None else Claim(as_job(row), row.attempts, row.failures)


def _next_in_line(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(JOBS.c.state == WAITING, sa.or_(JOBS.c.start_by.is_(None), JOBS.c.start_by > now))


def _remembered(now: float) -> sa.ColumnElement[bool]:
    return sa.or_(JOBS.c.forget_at.is_(None), JOBS.c.forget_at > now)


def _interrupted(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(JOBS.c.state == RUNNING, JOBS.c.workflow.is_(None), JOBS.c.resume_at <= now)


def _held(claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(JOBS.c.id == claim.job.id, JOBS.c.state == RUNNING, JOBS.c.attempts == claim.token)


def _fingerprint(order: Order) -> str:
    said = [order.dialect, order.request, order.priority, order.webhook, order.start_timeout_seconds]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _dump_problem(problem: Problem) -> str:
    return json.dumps({"kind": problem.kind, "message": problem.message, "hint": problem.hint})


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe_time(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)


def _note(connection: sa.Connection, name: str) -> sa.ColumnElement[str]:
    """A text among the notes that a door made of an order, read where the order lies."""
    if connection.dialect.name == "postgresql":
        return sa.cast(JOBS.c.request, postgresql.JSON)[("extra", name)].as_string()
    return sa.func.json_extract(JOBS.c.request, f'$.extra."{name}"')
