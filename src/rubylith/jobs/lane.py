"""Durable runs of one kind on this node: begun as soon as something waits and a place is free."""

import threading
import uuid
from collections.abc import Callable

from rubylith.jobs.slots import Slots


class Lane:
    """Begins durable runs, each of which then claims what it does: a run that finds nothing left ends at once.

    Run first, claim inside: whatever dies in between, no claim is without a durable run that DBOS begins again.

    waiting: how many things could be claimed now, counted up to a limit. start: begins a durable run under an id.
    """

    def __init__(
        self, count: int, *, waiting: Callable[[int], int], start: Callable[[str], None], freed: Callable[[], None]
    ) -> None:
        self.slots = Slots(count, freed=freed)
        self.active: set[str] = set()  # durable runs that are in their body in this process
        self._count = count
        self._waiting = waiting
        self._start = start
        self._unclaimed: set[str] = set()
        self._lock = threading.Lock()

    def fill(self) -> None:
        """Begin as many runs as there are things waiting and places free."""
        if self.slots.free == 0:
            return
        waiting = self._waiting(2 * self._count)
        with self._lock:
            waiting -= len(self._unclaimed)
        for _ in range(waiting):
            if not self.slots.take():
                return
            self._begin(str(uuid.uuid4()))

    def enter(self, workflow: str) -> bool:
        """Count a run as active. True if it is new and to claim something, False if it was cut off and comes back."""
        with self._lock:
            self.active.add(workflow)
            return workflow in self._unclaimed

    def claimed(self, workflow: str) -> None:
        """A new run has claimed something, or found nothing."""
        with self._lock:
            self._unclaimed.discard(workflow)

    def leave(self, workflow: str) -> None:
        """The run is over."""
        with self._lock:
            self.active.discard(workflow)
            self._unclaimed.discard(workflow)

    def _begin(self, workflow: str) -> None:
        with self._lock:
            self._unclaimed.add(workflow)
        try:
            self._start(workflow)
        except BaseException:
            self.leave(workflow)
            self.slots.give_back()
            raise
