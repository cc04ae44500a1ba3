"""A Postgres of our own for the tests: Debian's package, on loopback, in a temporary folder, gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

USERS = ("postgres", "nobody")  # Postgres refuses to run as root


def programs() -> Path | None:
    """The folder of initdb and postgres, or None."""
    folders = [Path(found).parent for found in [shutil.which("initdb")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster; gives the URL of the server without a database. Ends only the process it started."""
    folder = programs()
    assert folder
    home = Path(tempfile.mkdtemp(prefix="rubylith-postgres-"))
    user = None
    if os.geteuid() == 0:
        user = next(
            name for name in USERS if subprocess.run(["id", name], capture_output=True, check=False).returncode == 0
        )
        shutil.chown(home, user)
    identity = {} if user is None else {"user": user, "extra_groups": []}
    server = None
    try:
        prepare = [folder / "initdb", "-D", home / "data", "-U", "rubylith", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(prepare, check=True, capture_output=True, cwd=home, **identity)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            "max_connections": 300,
            "fsync": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (home / "log").open("w") as log:
            server = subprocess.Popen(
                [folder / "postgres", "-D", home / "data", *options], stdout=log, stderr=log, cwd=home, **identity
            )
        url = f"postgresql://rubylith@127.0.0.1:{port}"
        _await(url, home / "log")
        yield url
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)
            server.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def new_database(server: str) -> str:
    """The URL of a fresh database on this server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


def _await(url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"{url}/postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
