"""What the operator reaches for from the command line, with or without a server running."""

from pathlib import Path

from rubylith.database import keys, objects, webhook_secrets
from rubylith.database.connection import Database, connect, create_tables
from rubylith.jobs.board import JobBoard

TABLES = (keys, objects, webhook_secrets)  # importing a file declares its tables, and all are made together


def open_database(url: str, home: Path) -> Database:
    """The database of this URL, or the one in the data folder; its tables are made if need be."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = connect(url or f"sqlite:///{home / 'rubylith.db'}")
    create_tables(database)
    return database


def open_board(url: str, home: Path) -> JobBoard:
    """The jobs in that database."""
    return JobBoard(open_database(url, home))
