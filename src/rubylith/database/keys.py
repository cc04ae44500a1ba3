"""API keys, of which only the SHA-256 is kept, and what each caller used on each day."""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from rubylith.database.connection import METADATA, insert
from rubylith.domain.caller import Key, Quota, Scope, Usage

KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),  # SHA-256 of the secret, in hexadecimal
    sa.Column("scopes", sa.Text, nullable=False),  # separated by spaces
    sa.Column("requests", sa.Integer),
    sa.Column("window_seconds", sa.Integer, nullable=False),
    sa.Column("concurrent", sa.Integer),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),  # a revoked key stays, so that its id is never given to another
)
USAGE = sa.Table(
    "usage",
    METADATA,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),  # 2026-11-20, in UTC
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("pictures", sa.BigInteger, nullable=False),
    sa.Column("megapixels", sa.Double, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
)


def add(connection: sa.Connection, key: Key, *, digest: str) -> None:
    """Write a new key down."""
    connection.execute(
        sa.insert(KEYS).values(
            id=key.id,
            name=key.name,
            shown=key.shown,
            digest=digest,
            scopes=" ".join(sorted(key.scopes)),
            requests=key.quota.requests,
            window_seconds=key.quota.window_seconds,
            concurrent=key.quota.concurrent,
            created_at=key.created_at.timestamp(),
        )
    )


def find(connection: sa.Connection, *, digest: str) -> tuple[Key, str] | None:
    """The key with this digest, revoked or not, and the digest as it is written here."""
    row = connection.execute(sa.select(KEYS).where(KEYS.c.digest == digest)).first()
    return None if row is None else (_key(row), str(row.digest))


def everyone(connection: sa.Connection) -> tuple[Key, ...]:
    """All keys, the revoked ones too, oldest first."""
    return tuple(_key(row) for row in connection.execute(sa.select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id)))


def any_at_all(connection: sa.Connection) -> bool:
    """Whether a key was ever made, be it revoked by now."""
    return connection.execute(sa.select(KEYS.c.id).limit(1)).first() is not None


def revoke(connection: sa.Connection, id: str, *, now: float) -> bool:  # noqa: A002
    """End a key; False if there is none of this id, or it has ended before."""
    change = sa.update(KEYS).where(KEYS.c.id == id, KEYS.c.revoked_at.is_(None)).values(revoked_at=now)
    return connection.execute(change).rowcount == 1


def add_usage(connection: sa.Connection, caller: str, day: date, usage: Usage) -> None:
    """Add to what this caller used on this day."""
    amounts = {
        "requests": usage.requests,
        "pictures": usage.pictures,
        "megapixels": usage.megapixels,
        "seconds": usage.seconds,
    }
    connection.execute(
        insert(connection, USAGE)
        .values(caller=caller, day=day.isoformat(), **amounts)
        .on_conflict_do_update(
            index_elements=[USAGE.c.caller, USAGE.c.day],
            set_={name: USAGE.c[name] + amount for name, amount in amounts.items()},
        )
    )


def usage(connection: sa.Connection, caller: str) -> dict[date, Usage]:
    """What this caller used, by day."""
    rows = connection.execute(sa.select(USAGE).where(USAGE.c.caller == caller).order_by(USAGE.c.day))
    return {date.fromisoformat(row.day): Usage(row.requests, row.pictures, row.megapixels, row.seconds) for row in rows}


def all_usage(connection: sa.Connection) -> tuple[tuple[str, date, Usage], ...]:
    """What every caller used: id, day and amounts, by day and id."""
    rows = connection.execute(sa.select(USAGE).order_by(USAGE.c.day, USAGE.c.caller))
    return tuple(
        (row.caller, date.fromisoformat(row.day), Usage(row.requests, row.pictures, row.megapixels, row.seconds))
        for row in rows
    )


def _key(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        shown=row.shown,
        scopes=frozenset(Scope(word) for word in row.scopes.split()),
        quota=Quota(row.requests, row.window_seconds, row.concurrent),
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        revoked_at=None if row.revoked_at is None else datetime.fromtimestamp(row.revoked_at, UTC),
    )
