"""The process that does the work: begins jobs and webhooks, keeps deadlines, stops in good order."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from rubylith.database import deliveries, jobs, logs
from rubylith.database.connection import connect
from rubylith.database.deliveries import Errand
from rubylith.database.jobs import Claim
from rubylith.domain.errors import RubylithError, Unavailable
from rubylith.domain.job import Attempt, Cancelled, Job, Problem, Verdict
from rubylith.jobs import Forget, Notify, Rules, Work, recovery, workflows
from rubylith.jobs.assignment import RunningJob
from rubylith.jobs.board import JobBoard
from rubylith.jobs.lane import Lane

LOG = logging.getLogger(__name__)
KEEPER_SECONDS = 0.25
HAND_BACK_SECONDS = 2.0
DATABASE_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
T = TypeVar("T")


class JobRunner:
    """Does the jobs of a board, durably. One per process (DBOS is), one per node name.

    node: stable over restarts, different on each machine. work, notify and forget are called in threads of this
    process, several at once. changed: called with the id of a job that this runner has changed. Start it once, stop it
    once.
    """

    def __init__(
        self,
        board: JobBoard,
        *,
        node: str,
        work: Work,
        notify: Notify,
        forget: Forget,
        changed: Callable[[str], None] = lambda _: None,
        rules: Rules | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self.node = node
        self._board = board
        self._engine = board.engine
        self._work, self._notify, self._forget, self._tell = work, notify, forget, changed
        self._runs = connect(_runs_url(board.engine.url))
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._running: dict[str, RunningJob] = {}
        self._handing_back = False
        self._jobs = Lane(
            self.rules.concurrency, waiting=self._jobs_waiting, start=workflows.start_run, freed=self._wake.set
        )
        self._webhooks = Lane(
            self.rules.webhooks_at_once,
            waiting=self._webhooks_due,
            start=workflows.start_delivery,
            freed=self._wake.set,
        )
        self._threads = [
            threading.Thread(target=self._dispatch, name="rubylith-jobs-dispatch", daemon=True),
            threading.Thread(target=self._keep, name="rubylith-jobs-keep", daemon=True),
            threading.Thread(target=self._tidy, name="rubylith-jobs-tidy", daemon=True),
        ]

    def start(self) -> None:
        """Begin working, first on what was cut off when this node last stopped. Conflict if the node runs already."""
        recovery.take_name(self._engine, self.node, lease=self.rules.lease)
        at_once = self.rules.concurrency + self.rules.webhooks_at_once
        workflows.launch(self._runs, node=self.node, run=self._run, deliver=self._deliver, adopted_at_once=at_once)
        self._board.listen(self._ordered)
        for thread in self._threads:
            thread.start()

    def stop(self, grace_seconds: float = 10.0) -> bool:
        """Begin nothing more, let running jobs finish, hand back those that have not within the grace period.

        False if some work would not stop even then: it goes on elsewhere, and its thread keeps this process from
        ending by itself, so end it with `os._exit`. Stopping once more does nothing.
        """
        if self._stopping.is_set():
            return not self._jobs.active
        self._stopping.set()
        self._wake.set()
        self._jobs.slots.close()
        self._webhooks.slots.close()
        if not self._idle_within(grace_seconds):
            self._handing_back = True
            for running in list(self._running.values()):
                running.stop()
        idle = self._idle_within(HAND_BACK_SECONDS)
        for thread in self._threads:
            thread.join()
        recovery.leave(self._engine, self.node)
        deadline = time.monotonic() + 1.0
        while idle and workflows.under_way(self.node) and time.monotonic() < deadline:
            time.sleep(0.02)  # DBOS is writing down the end of the last runs
        workflows.shut_down()
        self._runs.dispose()
        return idle

    # beginning

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self.rules.poll)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self._jobs.fill()
                self._webhooks.fill()
            except Exception:
                LOG.exception("No job could be begun; tried again")
                self._stopping.wait(1.0)

    def _ordered(self, job_id: str) -> None:
        running = self._running.get(job_id)
        if running is not None and self._board.get(job_id).state.finished:
            running.stop()
        self._wake.set()

    def _jobs_waiting(self, limit: int) -> int:
        with self._engine.connect() as connection:
            return jobs.claimable(connection, now=time.time(), limit=limit)

    def _webhooks_due(self, limit: int) -> int:
        with self._engine.connect() as connection:
            return deliveries.due(connection, now=time.time(), limit=limit)

    # jobs

    def _run(self, workflow: str) -> None:
        """The body of a durable run: claim a job, or go on with the one that was claimed, and do it."""
        new = self._jobs.enter(workflow)
        try:
            if not new and not self._jobs.slots.wait():
                self._change(lambda c: jobs.release(c, (workflow,), now=time.time()))
                return
            try:
                claim = self._change(lambda c: self._claim(c, workflow, new=new))
                self._jobs.claimed(workflow)
                if claim is not None:
                    self._do(claim)
            finally:
                self._jobs.slots.give_back()
        finally:
            self._jobs.leave(workflow)

    def _claim(self, connection: sa.Connection, workflow: str, *, new: bool) -> Claim | None:
        begin, now = jobs.claim if new else jobs.take_over, time.time()
        claim = begin(connection, node=self.node, workflow=workflow, now=now)
        if claim is not None:
            again = f", attempt {claim.token}" if claim.token > 1 else ""
            logs.append(connection, claim.job.id, f"Begun on {self.node}{again}", now=now)
        return claim

    def _do(self, claim: Claim) -> None:
        self._tell(claim.job.id)
        running = RunningJob(self._engine, claim, changed=self._tell)
        self._running[claim.job.id] = running
        if self._handing_back:
            running.stop()
        try:
            settle = self._outcome(running)
            self._change(settle)
        finally:
            del self._running[claim.job.id]
            self._tell(claim.job.id)
            self._wake.set()

    def _outcome(self, running: RunningJob) -> Callable[[sa.Connection], bool]:
        """Do the work; gives the change to be made to the record."""
        claim = running.claim
        if claim.token > self.rules.losses + claim.failures:
            lost = f"The job was cut off {claim.token - claim.failures - 1} times"
            problem = Problem("Broken", lost, "It may be what stops the server: try a smaller picture or another model")
            return _failure(claim, problem)
        try:
            outcome = self._work(running)
        except Cancelled:
            if not running.stopped:
                LOG.exception("Job %s says that it is cancelled, but nobody did that", claim.job.id)
                return _unforeseen(claim)
            # Of a cancelled or overtaken job this changes nothing: the claim no longer holds.
            return lambda c: jobs.postpone(c, claim, until=time.time(), failed=False)
        except Unavailable as error:
            if claim.failures >= len(self.rules.retry_delays):
                return _failure(claim, Problem.of(error))
            wait = max(error.retry_after_seconds, self.rules.retry_delays[claim.failures])
            running.log(f"{error.message}; tried again in {wait:g} s")
            return lambda c: jobs.postpone(c, claim, until=time.time() + wait, failed=True)
        except RubylithError as error:
            return _failure(claim, Problem.of(error))
        except Exception:
            LOG.exception("Job %s failed in a way nobody foresaw", claim.job.id)
            return _unforeseen(claim)
        return lambda c: jobs.succeed(c, claim, outcome, now=time.time())

    # webhooks

    def _deliver(self, workflow: str) -> None:
        """The body of a durable run: claim a webhook, or go on with the one that was claimed, and try it once."""
        new = self._webhooks.enter(workflow)
        try:
            if not new and not self._webhooks.slots.wait():
                self._change(lambda c: deliveries.release(c, (workflow,), now=time.time()))
                return
            try:
                errand = self._change(lambda c: self._errand(c, workflow, new=new))
                self._webhooks.claimed(workflow)
                if errand is not None:
                    self._send(errand)
            finally:
                self._webhooks.slots.give_back()
        finally:
            self._webhooks.leave(workflow)

    def _errand(self, connection: sa.Connection, workflow: str, *, new: bool) -> Errand | None:
        if new:
            return deliveries.claim(connection, node=self.node, workflow=workflow, now=time.time())
        return deliveries.take_over(connection, node=self.node, workflow=workflow)

    def _send(self, errand: Errand) -> None:
        attempt = self._tried(errand.job)
        delays = self.rules.webhook_delays
        if attempt.verdict is Verdict.DELIVERED:
            self._change(lambda c: deliveries.delivered(c, errand, note=attempt.note))
        elif attempt.verdict is Verdict.GIVE_UP or errand.failures >= len(delays):
            self._change(lambda c: deliveries.dead(c, errand, note=attempt.note))
        else:
            until = time.time() + delays[errand.failures]
            self._change(lambda c: deliveries.postpone(c, errand, until=until, note=attempt.note, failed=True))

    def _tried(self, job: Job) -> Attempt:
        try:
            return self._notify(job)
        except Exception as error:
            LOG.exception("The webhook of job %s failed in a way nobody foresaw", job.id)
            return Attempt(Verdict.RETRY, type(error).__name__)

    # keeping

    def _keep(self) -> None:
        beat = self.rules.lease / recovery.BEATS_PER_LEASE
        next_beat = time.monotonic()
        while not self._stopping.wait(min(KEEPER_SECONDS, beat)):
            try:
                self._expire()
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + beat
                    self._look_after_runs()
            except Exception:
                LOG.exception("Looking after the jobs failed; tried again")

    def _tidy(self) -> None:
        keep = self.rules.keep
        while keep is not None and not self._stopping.wait(self.rules.tidy):
            try:
                recovery.tidy(self._engine, keep=keep, forget=self._forget, stopping=self._stopping.is_set)
            except Exception:
                LOG.exception("Forgetting old jobs failed; tried again")

    def _expire(self) -> None:
        with self._engine.begin() as connection:
            if jobs.expire(connection, now=time.time()):
                self._wake.set()

    def _look_after_runs(self) -> None:
        recovery.beat(self._engine, self.node)
        recovery.adopt_silent(self._engine, self.node, lease=self.rules.lease)
        active = self._jobs.active | self._webhooks.active
        if recovery.release_lost(self._engine, self.node, active=active, lease=self.rules.lease):
            self._wake.set()

    # all

    def _change(self, change: Callable[[sa.Connection], T]) -> T:
        """Make a change, patiently: what was worked out is not thrown away because the database restarts."""
        for wait in (*DATABASE_RETRY_SECONDS, None):
            try:
                with self._engine.begin() as connection:
                    return change(connection)
            except DBAPIError:
                if wait is None:
                    raise
                LOG.warning("The database does not answer; tried again in %g s", wait, exc_info=True)
                time.sleep(wait)
        raise AssertionError

    def _idle_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._jobs.active or self._webhooks.active:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True


def _failure(claim: Claim, problem: Problem) -> Callable[[sa.Connection], bool]:
    return lambda c: jobs.fail(c, claim, problem, now=time.time())


def _unforeseen(claim: Claim) -> Callable[[sa.Connection], bool]:
    hint = f"The server's log tells of job {claim.job.id}"
    return _failure(claim, Problem("Broken", "Something went wrong inside Rubylith", hint))


def _runs_url(url: sa.URL) -> str:
    """Where DBOS keeps its tables: a file beside ours (a SQLite file has one writer), or a schema of its own."""
    if url.get_backend_name() == "sqlite" and url.database:
        stem, dot, suffix = url.database.rpartition(".")
        url = url.set(database=f"{stem or suffix}-runs{dot}{suffix if stem else ''}")
    return url.render_as_string(hide_password=False)
