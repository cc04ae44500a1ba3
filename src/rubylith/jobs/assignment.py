"""A job in the hands of the work that was handed over."""

import logging
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from rubylith.database import jobs, logs
from rubylith.database.jobs import Claim
from rubylith.domain.job import Cancelled, Job

LOG = logging.getLogger(__name__)
SYNC_SECONDS = 0.25


class RunningJob:
    """`Assignment` over a claim. Looks into the database at most four times a second, whatever the work calls.

    changed: called with the job's id when its progress has been written down.
    """

    def __init__(self, engine: sa.Engine, claim: Claim, *, changed: Callable[[str], None]) -> None:
        self.claim = claim
        self._engine = engine
        self._changed = changed
        self._stop = threading.Event()
        self._share = self._written = claim.job.progress
        self._synced_at = time.monotonic()

    @property
    def job(self) -> Job:
        """The job as it was when it was begun."""
        return self.claim.job

    def progress(self, share: float) -> None:
        """Say how far the work is, from 0 to 1; it never seems to go back."""
        self._share = max(self._share, min(1.0, share))
        self._sync()

    def log(self, text: str) -> None:
        """Add a line that the caller can read."""
        with self._engine.begin() as connection:
            logs.append(connection, self.job.id, text, now=time.time())

    def check(self) -> None:
        """Raise Cancelled if the work is to stop."""
        self._sync()
        if self._stop.is_set():
            raise Cancelled(f"Job {self.job.id} is to stop")

    @property
    def stopped(self) -> bool:
        """True once `check` raises."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Make the next `check` raise."""
        self._stop.set()

    def _sync(self) -> None:
        now = time.monotonic()
        if now - self._synced_at < SYNC_SECONDS or self._stop.is_set():
            return
        self._synced_at = now
        try:
            if not self._is_mine():
                self._stop.set()
        except DBAPIError:
            LOG.warning("The database does not answer; job %s goes on", self.job.id, exc_info=True)

    def _is_mine(self) -> bool:
        if self._share > self._written:
            with self._engine.begin() as connection:
                self._written = self._share
                is_mine = jobs.touch(connection, self.claim, progress=self._share)
            self._changed(self.job.id)
            return is_mine
        with self._engine.connect() as connection:
            return jobs.is_held(connection, self.claim)
