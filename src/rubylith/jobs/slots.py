"""How many things happen at once on this node."""

import threading
from collections.abc import Callable


class Slots:
    """So many places. Work that was cut off and comes back waits for one and goes before new work."""

    def __init__(self, count: int, *, freed: Callable[[], None]) -> None:
        self._free = count
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._freed = freed

    @property
    def free(self) -> int:
        """Places that new work may take now."""
        with self._changed:
            return max(0, self._free - self._waiting)

    def take(self) -> bool:
        """Take a place for new work, if there is one."""
        with self._changed:
            if self._closed or self._free <= self._waiting:
                return False
            self._free -= 1
            return True

    def wait(self) -> bool:
        """Take a place for work that comes back, as soon as there is one; False when closed before."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._free > 0 or self._closed)
            finally:
                self._waiting -= 1
            if self._closed:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """Free a place."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()
        self._freed()

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
