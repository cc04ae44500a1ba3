"""What was found of files a moment ago, so that one upon another asks the database once."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rubylith.storage import Stored

# What has expired, or was deleted by another server, is found no longer than this.
TRUST_SECONDS, REMEMBERED_FILES = 0.5, 4096


class Lately:
    """Look-ups of a moment ago, by id and owner, the oldest of more than `at_most` forgotten; safe between threads."""

    def __init__(self, at_most: int = REMEMBERED_FILES) -> None:
        self._at_most = at_most
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str], tuple[float, Stored]] = {}  # until when it is taken to be there
        self._changes = 0

    def find(self, file_id: str, owner: str, look_up: Callable[[str, str], Stored]) -> Stored:
        """What was found within TRUST_SECONDS, or else what `look_up` finds now, or raises."""
        now = time.monotonic()
        with self._lock:
            until, stored = self._found.get((file_id, owner), (0.0, None))
            changes = self._changes
        if stored is not None and now < until:
            return stored
        stored = look_up(file_id, owner)
        with self._lock:
            if changes == self._changes:  # else it may be of before the change
                self._found.pop((file_id, owner), None)
                self._found[file_id, owner] = (now + TRUST_SECONDS, stored)
                while len(self._found) > self._at_most:
                    self._found.pop(next(iter(self._found)))
        return stored

    @contextmanager
    def changing(self, file_id: str, owner: str) -> Generator[None]:
        """Around a change of a file: what was found, or begun to be looked up, before its end is not trusted after."""
        try:
            yield
        finally:
            with self._lock:
                self._changes += 1
                self._found.pop((file_id, owner), None)
