"""`rubylith serve` as a process of its own, which tests may kill and start again under the same address."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
from tests.processes import die_with_parent, free_ports

START_SECONDS = 120


class Serving:
    """A server's home, address and environment; its process comes and goes."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        (self.port,) = free_ports(1)
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = {"RUBYLITH_HOME": str(home), "RUBYLITH_NODE": "test", **(environment or {})}
        self._process: subprocess.Popen | None = None

    @property
    def log(self) -> str:
        """What all its processes said so far."""
        return (self.home / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Of the process that serves now."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> httpx2.Client:
        """A client for its address, which outlives its processes."""
        return httpx2.Client(base_url=self.address, timeout=60)

    def start(self) -> None:
        """Returns when it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("RUBYLITH_")}
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rubylith", "serve", "--port", str(self.port)],
                env={**outside, **self._environment},
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
            )
        until = time.monotonic() + START_SECONDS
        with self.client() as http:
            while time.monotonic() < until:
                assert self._process.poll() is None, self.log[-4000:]
                with contextlib.suppress(httpx2.TransportError):
                    if http.get("/readyz").status_code == 200:
                        return
                time.sleep(0.05)
        raise AssertionError(self.log[-4000:])

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Ask it to stop; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(120)

    def __enter__(self) -> "Serving":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
