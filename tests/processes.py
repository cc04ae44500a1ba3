"""Server programs that tests start: their ports, and that none outlives the tests."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

_LIBC = ctypes.CDLL(None)  # not after the fork


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def die_with_parent() -> None:
    """For a child, between fork and exec: when the tests are killed, so is it. On Linux; elsewhere nothing."""
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def wait_for_port(process: subprocess.Popen, port: int, log: Path, seconds: float = 60) -> None:
    """Until the program listens there; RuntimeError with its log if it ends or never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(log.read_text(errors="replace")[-4000:])


def stop(process: subprocess.Popen, first: signal.Signals) -> None:
    """Ask it to end, then make it."""
    process.send_signal(first)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait(5)
