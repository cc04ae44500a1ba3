"""A Postgres of the tests' own on loopback, from Debian's package; gone when the `with` block ends."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import die_with_parent, free_ports, stop, wait_for_port

WITHOUT_POSTGRES = "no Postgres server program (Debian's package postgresql)"


def postgres_programs() -> Path | None:
    """The folder that holds initdb and postgres; the newest, if there are several."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    return next((place for place in [*reversed(debian), *places] if (place / "initdb").exists()), None)


@contextmanager
def postgres() -> Iterator[str]:
    """URL of an empty database. Durability is off: this one is thrown away."""
    programs = postgres_programs()
    assert programs is not None, WITHOUT_POSTGRES
    folder = Path(tempfile.mkdtemp(prefix="rubylith-postgres-"))
    owner: dict[str, str] = {}
    if os.geteuid() == 0:  # Postgres refuses to run as root
        owner = {"user": "nobody"}
        shutil.chown(folder, "nobody")
    (port,) = free_ports(1)
    data = folder / "data"
    initdb = [programs / "initdb", "-D", data, "-U", "rubylith", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, cwd=folder, **owner)
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-F", "-c", "full_page_writes=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
            **owner,
        )
    try:
        wait_for_port(server, port, folder / "log")
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        while server.poll() is None and subprocess.run(ready, check=False).returncode:  # it listens before it answers
            time.sleep(0.05)
        yield f"postgresql://rubylith@127.0.0.1:{port}/postgres"
    finally:
        stop(server, signal.SIGINT)  # "fast": cuts off whoever is still connected
        shutil.rmtree(folder, ignore_errors=True)
