"""What the object store holds: whose it is, what it is, how long it stays. The bytes are not here."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rubylith.database.connection import METADATA
from rubylith.domain.errors import Conflict

OBJECTS = sa.Table(
    "objects",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # what a download is called
    sa.Column("size", sa.BigInteger),  # none: reserved, and not known to be there
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),  # none: stays until it is deleted
    sa.Index("objects_expiry", "expires_at"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `name`: what a download is called. `size`: None while it is reserved only. Times are aware UTC."""

    key: str
    owner: str
    media_type: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    size: int | None = None

    def sized(self, size: int) -> "Entry":
        """The same, all of whose bytes are there."""
        return replace(self, size=size)

    def retyped(self, media_type: str) -> "Entry":
        """The same, of another media type."""
        return replace(self, media_type=media_type)


def reserve(connection: sa.Connection, entry: Entry, *, now: float) -> bool:
    """Write an object down before its bytes; False, and what is known stays, if the owner has one of this key already.

    One that has expired counts as none, and is saved from the next sweep. One whose bytes are not there is from now on
    this one's: `withdraw` no longer finds the earlier. Conflict if the key is somebody else's.
    """
    if connection.execute(RESERVE[connection.dialect.name], {**_values(entry), "now": now}).first() is not None:
        return True
    owner = connection.execute(sa.select(OBJECTS.c.owner).where(OBJECTS.c.key == entry.key)).scalar_one_or_none()
    if owner != entry.owner:
        raise Conflict(f"The key {entry.key!r} is taken", "Choose another key")
    taken_over = sa.update(OBJECTS).where(OBJECTS.c.key == entry.key, OBJECTS.c.size.is_(None))
    connection.execute(taken_over.values(created_at=entry.created_at.timestamp()))
    return False


def withdraw(connection: sa.Connection, entry: Entry) -> bool:
    """Forget a reservation; False if it is another's by now, or the bytes are there."""
    own = sa.and_(OBJECTS.c.key == entry.key, OBJECTS.c.created_at == entry.created_at.timestamp())
    return connection.execute(sa.delete(OBJECTS).where(own, OBJECTS.c.size.is_(None))).rowcount == 1


def write(connection: sa.Connection, entry: Entry) -> None:
    """Write an object down, in place of an earlier one of the same key."""
    connection.execute(WRITE[connection.dialect.name], _values(entry))


def find(connection: sa.Connection, key: str, *, now: float, owner: str | None = None) -> Entry | None:
    """The object, unless it has expired or belongs to somebody other than `owner` (None: whoever)."""
    statement = FIND if owner is None else FIND_OF_OWNER
    row = connection.execute(statement, {"key": key, "now": now, "owner": owner}).first()
    return None if row is None else _entry(row)


def page(
    connection: sa.Connection, prefix: str, *, now: float, owner: str | None = None, after: str = "", limit: int = 1000
) -> tuple[Entry, ...]:
    """Objects that are there and whose keys begin with `prefix` and come after `after`, by key."""
    found = sa.select(OBJECTS).where(OBJECTS.c.key.startswith(prefix, autoescape=True), OBJECTS.c.key > after)
    found = found.where(OBJECTS.c.size.is_not(None), _alive(now))
    if owner is not None:
        found = found.where(OBJECTS.c.owner == owner)
    return tuple(_entry(row) for row in connection.execute(found.order_by(OBJECTS.c.key).limit(limit)))


def total(connection: sa.Connection, prefix: str, *, now: float) -> int:
    """The bytes of all objects that are there and whose keys begin with `prefix`."""
    found = OBJECTS.c.key.startswith(prefix, autoescape=True), OBJECTS.c.key > prefix, _alive(now)
    return int(
        connection.execute(sa.select(sa.func.coalesce(sa.func.sum(OBJECTS.c.size), 0)).where(*found)).scalar_one()
    )


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


def delete(connection: sa.Connection, key: str, *, expired_by: float | None = None) -> bool:
    """Forget an object, if it had expired by then; False if there was none."""
    gone = sa.delete(OBJECTS).where(OBJECTS.c.key == key)
    if expired_by is not None:
        gone = gone.where(OBJECTS.c.expires_at <= expired_by)
    return connection.execute(gone).rowcount == 1


def _values(entry: Entry) -> dict[str, object]:
    return {
        "key": entry.key,
        "owner": entry.owner,
        "media_type": entry.media_type,
        "name": entry.name,
        "size": entry.size,
        "created_at": entry.created_at.timestamp(),
        "expires_at": None if entry.expires_at is None else entry.expires_at.timestamp(),
    }


def _alive(now: float | sa.BindParameter[float]) -> sa.ColumnElement[bool]:
    return sa.or_(OBJECTS.c.expires_at.is_(None), OBJECTS.c.expires_at > now)


def _entry(row: sa.Row[Any]) -> Entry:
    expires_at = None if row.expires_at is None else datetime.fromtimestamp(row.expires_at, UTC)
    created_at = datetime.fromtimestamp(row.created_at, UTC)
    return Entry(row.key, row.owner, row.media_type, row.name, created_at, expires_at, row.size)


def _upsert(dialect: Any, where: sa.ColumnElement[bool] | None = None) -> Any:
    """An INSERT that replaces the row of the same key, where that holds."""
    inserted = dialect.insert(OBJECTS)
    others = {column.name: inserted.excluded[column.name] for column in OBJECTS.c if not column.primary_key}
    return inserted.on_conflict_do_update(index_elements=[OBJECTS.c.key], set_=others, where=where)


# Executed with every click on a picture that was embedded, and for every file that is kept, so they are made once.
_EXPIRED = OBJECTS.c.expires_at <= sa.bindparam("now", type_=sa.Double)
_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
RESERVE = {name: _upsert(dialect, _EXPIRED).returning(OBJECTS.c.key) for name, dialect in _DIALECTS.items()}
WRITE = {name: _upsert(dialect) for name, dialect in _DIALECTS.items()}
FIND = sa.select(OBJECTS).where(OBJECTS.c.key == sa.bindparam("key"), _alive(sa.bindparam("now", type_=sa.Double)))
FIND_OF_OWNER = FIND.where(OBJECTS.c.owner == sa.bindparam("owner"))
