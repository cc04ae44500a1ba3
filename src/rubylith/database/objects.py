"""What the object store holds: whose it is, what it is, how long it stays. The bytes are not here."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from rubylith.database.connection import METADATA, insert

OBJECTS = sa.Table(
    "objects",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("name", sa.Text),  # what a download is called
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),  # none: stays until it is deleted
    sa.Index("objects_expiry", "expires_at"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `name`: what a download is called, if not the end of the key. Times are aware UTC."""

    key: str
    owner: str
    media_type: str
    name: str | None
    created_at: datetime
    expires_at: datetime | None


def write(connection: sa.Connection, entry: Entry) -> None:
    """Write an object down, in place of an earlier one of the same key."""
    values = {
        "owner": entry.owner,
        "media_type": entry.media_type,
        "name": entry.name,
        "created_at": entry.created_at.timestamp(),
        "expires_at": None if entry.expires_at is None else entry.expires_at.timestamp(),
    }
    statement = insert(connection, OBJECTS).values(key=entry.key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[OBJECTS.c.key], set_=values))


def find(connection: sa.Connection, key: str, *, now: float, owner: str | None = None) -> Entry | None:
    """The object, unless it has expired or belongs to somebody other than `owner` (None: whoever)."""
    found = sa.select(OBJECTS).where(OBJECTS.c.key == key, _alive(now))
    if owner is not None:
        found = found.where(OBJECTS.c.owner == owner)
    row = connection.execute(found).first()
    return None if row is None else _entry(row)


def page(
    connection: sa.Connection, prefix: str, *, now: float, owner: str | None = None, after: str = "", limit: int = 1000
) -> tuple[Entry, ...]:
    """Objects that have not expired and whose keys begin with `prefix` and come after `after`, by key."""
    found = sa.select(OBJECTS).where(
        OBJECTS.c.key.startswith(prefix, autoescape=True), OBJECTS.c.key > after, _alive(now)
    )
    if owner is not None:
        found = found.where(OBJECTS.c.owner == owner)
    return tuple(_entry(row) for row in connection.execute(found.order_by(OBJECTS.c.key).limit(limit)))


def expired(connection: sa.Connection, *, now: float, limit: int) -> tuple[str, ...]:
    """Keys of objects whose time is over, oldest first."""
    over = sa.select(OBJECTS.c.key).where(OBJECTS.c.expires_at <= now)
    return tuple(connection.execute(over.order_by(OBJECTS.c.expires_at).limit(limit)).scalars())


def expire(connection: sa.Connection, key: str, *, at: float | None, owner: str | None = None) -> bool:
    """Let an object go at another time, or never; False if there is none."""
    change = sa.update(OBJECTS).where(OBJECTS.c.key == key).values(expires_at=at)
    if owner is not None:
        change = change.where(OBJECTS.c.owner == owner)
    return connection.execute(change).rowcount == 1


def delete(connection: sa.Connection, key: str) -> bool:
    """Forget an object; False if there was none."""
    return connection.execute(sa.delete(OBJECTS).where(OBJECTS.c.key == key)).rowcount == 1


def _alive(now: float) -> sa.ColumnElement[bool]:
    return sa.or_(OBJECTS.c.expires_at.is_(None), OBJECTS.c.expires_at > now)


def _entry(row: sa.Row[Any]) -> Entry:
    expires_at = None if row.expires_at is None else datetime.fromtimestamp(row.expires_at, UTC)
    created_at = datetime.fromtimestamp(row.created_at, UTC)
    return Entry(row.key, row.owner, row.media_type, row.name, created_at, expires_at)
