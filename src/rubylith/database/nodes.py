"""Which nodes are alive: a row each, renewed by its heartbeat."""

import sqlalchemy as sa

from rubylith.database.connection import METADATA

NODES = sa.Table(
    "nodes",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("adopted_at", sa.Double),
)


def beat(connection: sa.Connection, name: str, *, process: str, now: float) -> None:
    """Say that `name` is alive. `process` tells two processes of one name apart."""
    values = {"process": process, "seen_at": now, "adopted_at": None}
    if connection.execute(sa.update(NODES).where(NODES.c.name == name).values(values)).rowcount == 0:
        connection.execute(sa.insert(NODES).values(name=name, **values))


def last_beat(connection: sa.Connection, name: str) -> tuple[str, float] | None:
    """Process and time of the last heartbeat of `name`; None if it was never seen."""
    row = connection.execute(sa.select(NODES.c.process, NODES.c.seen_at).where(NODES.c.name == name)).first()
    return None if row is None else (row.process, row.seen_at)


def leave(connection: sa.Connection, name: str) -> None:
    """Say that `name` has gone, so that nobody waits for it."""
    connection.execute(sa.update(NODES).where(NODES.c.name == name).values(seen_at=0.0, adopted_at=None))


def silent(connection: sa.Connection, *, before: float) -> tuple[str, ...]:
    """Names of the nodes not heard of since `before`."""
    rows = connection.execute(sa.select(NODES.c.name).where(NODES.c.seen_at < before).order_by(NODES.c.name))
    return tuple(rows.scalars())


def alive(connection: sa.Connection, *, since: float) -> tuple[str, ...]:
    """Names of the nodes heard of since then."""
    return tuple(connection.execute(sa.select(NODES.c.name).where(NODES.c.seen_at >= since)).scalars())


def adopt(connection: sa.Connection, name: str, *, before: float, now: float) -> bool:
    """Take it upon oneself to look after the work of a silent node; False if it woke up or another already does.

    Holds for as long as a node may be silent, so an adopter that dies is followed by another.
    """
    mine = sa.update(NODES).where(
        NODES.c.name == name,
        NODES.c.seen_at < before,
        sa.or_(NODES.c.adopted_at.is_(None), NODES.c.adopted_at < before),
    )
    return connection.execute(mine.values(adopted_at=now)).rowcount == 1


def forget(connection: sa.Connection, name: str, *, before: float) -> None:
    """Drop a node whose work has been looked after, unless it woke up meanwhile."""
    connection.execute(sa.delete(NODES).where(NODES.c.name == name, NODES.c.seen_at < before))
