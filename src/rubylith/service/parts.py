"""How many bytes the parts of a file may still have, told byte by byte while several of them arrive."""

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from rubylith.domain.errors import StorageFailed, TooLarge
from rubylith.storage import Stored
from rubylith.storage.objects import Objects


@dataclass(slots=True)
class _File:
    """A file of which parts arrive. left: bytes. replaced: keys of parts that count no more, since they are resent."""

    most: int
    left: int
    arriving: int = 0
    replaced: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Arrival:
    """One part that arrives. taken: its bytes so far."""

    _file: _File
    _lock: threading.Lock
    taken: int = 0

    def counted(self, data: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes, each counted before it is written down; TooLarge as soon as they are too many."""
        for chunk in data:
            with self._lock:
                if len(chunk) > self._file.left:
                    raise TooLarge(f"The parts together have more than {self._file.most} bytes", "Send a smaller file")
                self._file.left -= len(chunk)
                self.taken += len(chunk)
            yield chunk


class Parts:
    """The parts of all files that are here, or arrive at this server."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}

    @contextmanager
    def arrival(self, folder: str, prefix: str, most: int) -> Generator[Arrival]:
        """A part of the file whose parts lie in `folder`: when it is whole, it replaces those that begin with `prefix`.

        Those that began later, or have yet to end, stay: whoever names the parts in the end says which is meant.
        """
        with self._lock:
            file = self._files.get(folder) or _File(most, most - self._objects.size_of(folder))
            earlier = [part for part in self._objects.list(prefix) if part.key not in file.replaced]
            self._files[folder] = file
            self._give_up(file, earlier)
            arrival = Arrival(file, self._lock)
        try:
            yield arrival
            for part in earlier:
                with suppress(StorageFailed):  # the sweep has another try
                    self._objects.delete(part.key)
        except BaseException:
            with self._lock:
                file.left += arrival.taken - sum(part.size for part in earlier)
            raise
        finally:
            with self._lock:
                file.arriving -= 1
                file.replaced -= {part.key for part in earlier}
                if not file.arriving:
                    del self._files[folder]

    @staticmethod
    def _give_up(file: _File, earlier: list[Stored]) -> None:
        file.arriving += 1
        file.replaced |= {part.key for part in earlier}
        file.left += sum(part.size for part in earlier)
