"""One process or thread at a time at one thing. The system lets go of a lock when its holder dies."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rubylith.domain.errors import Conflict


@contextmanager
def locked(path: Path, busy: str) -> Generator[None]:
    """Hold the lock at `path`, a file that stays; Conflict, which says `busy`, if somebody else does."""
    with path.open("a") as file:
        if not _take(file):
            raise Conflict(busy, "Wait until it has ended")
        yield


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[str]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
