"""From what each owner's webhook secret is derived. The secret itself is not here: that takes a key from outside."""

import sqlalchemy as sa

from rubylith.database.connection import METADATA, insert

WEBHOOK_SECRETS = sa.Table(
    "webhook_secrets",
    METADATA,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
)


def rotate(connection: sa.Connection, owner: str, *, salt: str, now: float) -> None:
    """Put a new salt in the place of the owner's last one."""
    values = {"salt": salt, "made_at": now}
    statement = insert(connection, WEBHOOK_SECRETS).values(owner=owner, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[WEBHOOK_SECRETS.c.owner], set_=values))


def salt_of(connection: sa.Connection, owner: str) -> str | None:
    """The owner's salt; None if there never was one."""
    found = sa.select(WEBHOOK_SECRETS.c.salt).where(WEBHOOK_SECRETS.c.owner == owner)
    return connection.execute(found).scalar_one_or_none()
