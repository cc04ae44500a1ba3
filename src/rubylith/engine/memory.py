"""How much memory is left, how much work at once it allows, and handing it back."""

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

from rubylith.domain.errors import Overloaded

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
RESERVE = 0.5  # of what is left may be taken


def available_bytes() -> int | None:
    """What the machine, or the container if it is confined, has left; None where nobody says so."""
    lines = _text(MEMINFO).splitlines()
    told = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    limit, used = _text(CGROUP / "memory.max").strip(), _text(CGROUP / "memory.current").strip()
    if limit.isdecimal() and used.isdecimal():
        cache = sum(
            int(row.split()[1]) for row in _text(CGROUP / "memory.stat").splitlines() if row.startswith("file ")
        )
        told.append(max(int(limit) - int(used) + cache, 0))
    return min(told, default=None)


def affordable(each: int, wanted: int, available: int | None = None) -> int:
    """How many of `wanted` things of `each` bytes can be worked on at once; Overloaded if not even one."""
    left = available_bytes() if available is None else available
    if left is None:
        return wanted
    count = min(wanted, int(left * RESERVE) // max(each, 1))
    if count < 1:
        raise Overloaded(
            f"This takes about {each >> 20} MB of memory and {left >> 20} MB are left",
            "Try again when other work is done, or use a smaller model",
        )
    return count


def give_back() -> None:
    """Hand memory that is free to the system: glibc keeps arrays of a few megabytes for itself. Milliseconds."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
