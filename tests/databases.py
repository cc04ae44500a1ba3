"""A Postgres of the tests' own on loopback, from Debian's package; gone when the `with` block ends."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data = folder / "data"
    initdb = [programs / "initdb", "-D", data, "-U", "rubylith", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, cwd=folder, **owner)
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-F", "-c", "full_page_writes=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], cwd=folder, stdout=log, stderr=log, **owner
        )
    try:
        _until_it_answers(server, port, folder / "log")
        yield f"postgresql://rubylith@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(2)  # fast shutdown: cuts off whoever is still connected
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        server.wait(5)
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_answers(server: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(log.read_text())
