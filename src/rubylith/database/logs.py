"""What jobs say while they run: lines that are only ever appended, so many per job and no more."""

from datetime import UTC, datetime

import sqlalchemy as sa

from rubylith.database.connection import METADATA
from rubylith.domain.job import LogLine

LOGS = sa.Table(
    "job_logs",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False, index=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)
LINES, LINE_LENGTH = 1000, 2000


def append(connection: sa.Connection, job: str, text: str, *, now: float) -> None:
    """Add a line, cut to LINE_LENGTH; after LINES lines of one job no more are kept."""
    values = sa.select(sa.literal(job), sa.literal(now), sa.literal(text[:LINE_LENGTH]))
    so_far = sa.select(sa.func.count()).where(LOGS.c.job == job).scalar_subquery()
    connection.execute(sa.insert(LOGS).from_select(["job", "at", "text"], values.where(so_far < LINES)))


def read(connection: sa.Connection, job: str, *, after: int = 0) -> tuple[LogLine, ...]:
    """The lines of a job, oldest first, from the one after number `after`."""
    rows = connection.execute(sa.select(LOGS).where(LOGS.c.job == job, LOGS.c.number > after).order_by(LOGS.c.number))
    return tuple(LogLine(row.number, datetime.fromtimestamp(row.at, UTC), row.text) for row in rows)


def delete(connection: sa.Connection, job: str) -> None:
    """Forget what a job said."""
    connection.execute(sa.delete(LOGS).where(LOGS.c.job == job))
