"""Tells who watches a job, in this process, that something about it has changed; what, the record says."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Bell:
    """Rung in any thread, heard in the event loop of whoever watches."""

    loop: asyncio.AbstractEventLoop
    event: asyncio.Event

    def ring(self) -> None:
        """Wake the watcher; does nothing once its loop has ended."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.event.set)

    async def heard(self, seconds: float) -> None:
        """Wait for a ring since the last wait, but no longer than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.event.wait()
        self.event.clear()


class Changes:
    """Bells by job. Changes that another process makes ring none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)

    def ring(self, job_id: str) -> None:
        """Something about this job has changed."""
        with self._lock:
            bells = tuple(self._bells.get(job_id, ()))
        for bell in bells:
            bell.ring()

    def ring_all(self) -> None:
        """Wake everybody, such as when the server stops."""
        with self._lock:
            bells = tuple(bell for of_job in self._bells.values() for bell in of_job)
        for bell in bells:
            bell.ring()

    @contextmanager
    def bell(self, job_id: str) -> Generator[Bell]:
        """A bell for this job, in the running event loop, as long as the block lasts."""
        bell = Bell(asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._bells[job_id].add(bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[job_id].discard(bell)
                if not self._bells[job_id]:
                    del self._bells[job_id]
