"""Webhooks of finished jobs: who is due, who is being told, who could not be reached."""

from dataclasses import dataclass

import sqlalchemy as sa

from rubylith.database.jobs import JOBS, as_job
from rubylith.domain.job import DeliveryState, Job

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value


@dataclass(frozen=True, slots=True)
class Errand:
    """A webhook that this process may send. `token` must be shown to settle it; `failures`: tries so far in vain."""

    job: Job
    token: int
    failures: int


def due(connection: sa.Connection, *, now: float, limit: int) -> int:
    """How many webhooks could be sent now, counted up to `limit`."""
    found = sa.select(sa.literal(1)).where(_due(now)).limit(limit).subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()


def claim(connection: sa.Connection, *, node: str, workflow: str, now: float) -> Errand | None:
    """Take the webhook that has been due longest."""
    first = sa.select(JOBS.c.number).where(_due(now)).order_by(JOBS.c.delivery_at, JOBS.c.number).limit(1)
    number = first.with_for_update(skip_locked=True).scalar_subquery()
    return _begin(connection, JOBS.c.number == number, _due(now), node=node, workflow=workflow)


def take_over(connection: sa.Connection, *, node: str, workflow: str) -> Errand | None:
    """Go on with the webhook that this durable run held when it was cut off; None if it was settled."""
    held = sa.and_(JOBS.c.delivery_state == SENDING, JOBS.c.delivery_workflow == workflow)
    return _begin(connection, held, node=node, workflow=workflow)


def delivered(connection: sa.Connection, errand: Errand, *, note: str) -> bool:
    """The other side took it. False, and nothing changes, when it is no longer this errand's."""
    return _settle(connection, errand, DeliveryState.DELIVERED, at=None, note=note, failed=False)


def dead(connection: sa.Connection, errand: Errand, *, note: str) -> bool:
    """Give up; a replay may bring it back."""
    return _settle(connection, errand, DeliveryState.DEAD, at=None, note=note, failed=True)


def postpone(connection: sa.Connection, errand: Errand, *, until: float, note: str, failed: bool) -> bool:
    """To be tried again by any node after `until`. `failed` counts it as tried in vain."""
    return _settle(connection, errand, DeliveryState.PENDING, at=until, note=note, failed=failed)


def replay(connection: sa.Connection, job_id: str, *, now: float) -> bool:
    """Make a delivered or dead webhook due again, with all its tries; False if it is neither."""
    over = JOBS.c.delivery_state.in_([DeliveryState.DELIVERED.value, DeliveryState.DEAD.value])
    change = sa.update(JOBS).where(JOBS.c.id == job_id, over)
    return connection.execute(change.values(delivery_state=PENDING, delivery_at=now, delivery_failures=0)).rowcount == 1


def held(connection: sa.Connection, *, by: str | None = None, but_not_by: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The durable runs that hold webhooks: on the node `by`, or on every node but these."""
    found = sa.select(JOBS.c.delivery_workflow).where(JOBS.c.delivery_state == SENDING)
    found = found.where(JOBS.c.node == by) if by else found.where(JOBS.c.node.not_in(but_not_by))
    return tuple(connection.execute(found).scalars())


def release(connection: sa.Connection, workflows: tuple[str, ...], *, now: float) -> int:
    """Let any node send the webhooks that these durable runs hold; how many there were."""
    lost = sa.update(JOBS).where(JOBS.c.delivery_state == SENDING, JOBS.c.delivery_workflow.in_(workflows))
    return connection.execute(lost.values(delivery_state=PENDING, delivery_at=now, delivery_workflow=None)).rowcount


def _due(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(JOBS.c.delivery_state == PENDING, JOBS.c.delivery_at <= now)


def _begin(connection: sa.Connection, *which: sa.ColumnElement[bool], node: str, workflow: str) -> Errand | None:
    change = sa.update(JOBS).where(*which)
    row = connection.execute(
        change.values(
            delivery_state=SENDING,
            delivery_workflow=workflow,
            delivery_attempts=JOBS.c.delivery_attempts + 1,
            node=node,
        ).returning(*JOBS.c)
    ).first()
    return None if row is None else Errand(as_job(row), row.delivery_attempts, row.delivery_failures)


def _settle(
    connection: sa.Connection, errand: Errand, state: DeliveryState, *, at: float | None, note: str, failed: bool
) -> bool:
    held = sa.update(JOBS).where(
        JOBS.c.id == errand.job.id,
        JOBS.c.delivery_state == SENDING,
        JOBS.c.delivery_attempts == errand.token,
    )
    change = held.values(
        delivery_state=state.value,
        delivery_at=at,
        delivery_note=note[:200],
        delivery_failures=JOBS.c.delivery_failures + int(failed),
        delivery_workflow=None,
    )
    return connection.execute(change).rowcount == 1
