"""The database by URL: `sqlite:///path/rubylith.db` or `postgresql://user:password@host/name`."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from rubylith.domain.errors import StorageFailed, UnknownName

METADATA = sa.MetaData()
SCHEMA = 2  # of all tables; changes with any change that an older Rubylith could not live with
SCHEMA_VERSION = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True))

BUSY_TIMEOUT_MILLISECONDS = 30_000
CREATE_TABLES_LOCK = 0x52554259  # any number that nobody else locks

Database = sa.Engine  # what other rooms hold; only this one and jobs look inside


def connect(url: str) -> Database:
    """An engine for this URL; opens nothing yet. UnknownName for another kind of database.

    SQLite: write-ahead log, synchronous NORMAL (20 to 30 times faster than as shipped; a power cut may lose the last
    moments, a killed process loses nothing), and writers take their lock at once instead of failing half-way.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise UnknownName.among("kind of database", "", ("sqlite", "postgresql")) from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise UnknownName("A SQLite database needs a file", "Write sqlite:///PATH")
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed, pool_size=16, max_overflow=64, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    if backend in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
        return sa.create_engine(parsed, pool_size=8, max_overflow=16, pool_pre_ping=True, hide_parameters=True)
    raise UnknownName.among("kind of database", backend, ("sqlite", "postgresql"))


def create_tables(engine: Database) -> None:
    """Create the tables that are absent. Several processes may do this at once.

    StorageFailed if the tables were made by another version of Rubylith, or if there is no database.
    """
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("BEGIN IMMEDIATE"))  # the driver begins only before INSERT, UPDATE and DELETE
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATE_TABLES_LOCK)))
        METADATA.create_all(connection)
        found = connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalar_one_or_none()
        if found is None:
            connection.execute(sa.insert(SCHEMA_VERSION).values(version=SCHEMA))
        elif found != SCHEMA:
            raise StorageFailed(
                f"The database has tables of version {found}, but this Rubylith knows version {SCHEMA}",
                "Run the version of Rubylith that made them, or give it another database",
            )


@contextmanager
def reading(engine: Database) -> Generator[sa.Connection]:
    """A connection to look things up with. StorageFailed if the database does not answer."""
    with _translated(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Database) -> Generator[sa.Connection]:
    """A connection whose changes are kept together at the end, or not at all. StorageFailed as above."""
    with _translated(), engine.begin() as connection:
        yield connection


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that knows `on_conflict_do_update`, in the dialect of this database."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        hint = "Look at the database's own log, and at the space on its disk"
        raise StorageFailed(f"The database failed ({kind})", hint) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MILLISECONDS}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the log on; while another process does the same for the first time, SQLite says "locked" without waiting."""
    for _ in range(200):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(0.05)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
