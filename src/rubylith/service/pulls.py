"""Models that a server is fetching: one after another, beside its work, and what became of each."""

import enum
import threading
from dataclasses import dataclass, field, replace

from rubylith.domain.errors import ModelFailed, RubylithError
from rubylith.engine.weights import Store
from rubylith.service.failures import not_pulled, noted


class PullState(enum.StrEnum):
    """How far it is. One that has succeeded is no pull any more: the model is here."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pull:
    """A model that is being fetched, or could not be.

    received, total: bytes; total is None while nobody knows. problem: as callers may hear it.
    """

    state: PullState
    received: int = 0
    total: int | None = None
    problem: RubylithError | None = None


@dataclass(slots=True)
class _Count:
    """Adds up what is told of files."""

    here: dict[str, int] = field(default_factory=dict[str, int])
    sizes: dict[str, int | None] = field(default_factory=dict[str, int | None])

    def add(self, path: str, here: int, size: int | None) -> Pull:
        self.here[path], self.sizes[path] = here, size
        sizes = [each for each in self.sizes.values() if each is not None]
        total = sum(sizes) if len(sizes) == len(self.sizes) else None
        return Pull(PullState.RUNNING, sum(self.here.values()), total)


class Pulls:
    """The pulls of this server; safe to share between threads. What a stop cuts off goes on with the next pull."""

    def __init__(self, store: Store, precision: str) -> None:
        self._store = store
        self._precision = precision
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._pulls: dict[str, Pull] = {}
        self._stopping = threading.Event()

    def start(self, name: str) -> Pull | None:
        """Begin one unless it is under way; None if the model is here already. A pull that failed goes on.

        UnknownName, LicenceNotAllowed and WeightsMissing (offline, not published) at once; all else shows in `find`.
        """
        with noted(name):
            self._store.check_pull(name)
            if not self._store.lacks(name, self._precision):
                return None
            self._store.check_pull(name, self._precision)
        with self._lock:
            found = self._pulls.get(name)
            if found is not None and found.state is not PullState.FAILED:
                return found
            self._pulls[name] = Pull(PullState.WAITING)
        threading.Thread(target=self._run, args=(name,), name=f"rubylith-pull-{name}", daemon=True).start()
        return Pull(PullState.WAITING)

    def find(self, name: str) -> Pull | None:
        """The pull of a model, if there is one."""
        with self._lock:
            return self._pulls.get(name)

    def stop(self) -> None:
        """End what is under way at its next megabyte."""
        self._stopping.set()

    def _run(self, name: str) -> None:
        count = _Count()

        def report(path: str, here: int, size: int | None) -> None:
            if self._stopping.is_set():
                raise _Stopped
            self._tell(name, count.add(path, here, size))

        with self._turn:
            try:
                self._tell(name, Pull(PullState.RUNNING))
                self._store.pull(name, self._precision, report=report)
            except _Stopped:
                self._forget(name)
            except RubylithError as error:
                self._fail(name, error)
            except Exception as error:  # noqa: BLE001  a thread has nobody to raise to
                self._fail(
                    name, ModelFailed(f"Pulling {name} failed with {type(error).__name__}: {error}", "Try again")
                )
            else:
                self._forget(name)

    def _tell(self, name: str, pull: Pull) -> None:
        with self._lock:
            self._pulls[name] = pull

    def _fail(self, name: str, error: RubylithError) -> None:
        problem = not_pulled(name, error, self._store.places)
        with self._lock:
            self._pulls[name] = replace(self._pulls[name], state=PullState.FAILED, problem=problem)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._pulls.pop(name, None)


class _Stopped(Exception):
    """The server is ending."""
