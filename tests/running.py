"""A real server for tests: built as `rubylith serve` builds it, on a free port of loopback, in a thread."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvicorn

from rubylith import server, site
from rubylith.server import Server
from rubylith.settings import read_settings


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `http` has its address; `built` is what it is made of."""

    address: str
    http: httpx2.Client
    built: Server

    def client(self, key: str) -> httpx2.Client:
        """A client that shows this key."""
        return httpx2.Client(base_url=self.address, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def finished(self, job_id: str, seconds: float = 60) -> dict:
        """The job once it has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            job = self.http.get(f"/v1/jobs/{job_id}").json()
            if job["state"] in {"succeeded", "failed", "cancelled"}:
                return job
            time.sleep(0.05)
        raise AssertionError(f"{job_id} has not ended")


@contextlib.contextmanager
def serve(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start, and stop at the end, however it ends."""
    settings = read_settings({"RUBYLITH_HOME": str(home), "RUBYLITH_NODE": "test", **(environment or {})})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        built = server.build(settings, address=address)
        config = uvicorn.Config(
            site.application(built),
            http="h11",  # as `rubylith serve`
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,  # as `rubylith serve`; uvicorn's 5 seconds end while tests wait for a second try
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            with httpx2.Client(base_url=address, timeout=60) as http:
                yield Running(address, http, built)
        finally:
            running.should_exit = True
            thread.join()
