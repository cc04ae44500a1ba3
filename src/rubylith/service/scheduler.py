"""Answers now: so many pictures are worked on at once, so many wait, the rest is told to come back.

One scheduler serves every door. Work is a plain function in a thread; it learns through its Ticket that nobody waits
for it any more.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span

from rubylith.domain.errors import Overloaded, RateLimited, TimedOut
from rubylith.domain.job import Cancelled
from rubylith.service.endings import Endings

Result = TypeVar("Result")

TRACER = trace.get_tracer("rubylith")
RECENT_DURATIONS = 32  # how many finished pieces of work the estimate of a waiting time rests on


@dataclass(frozen=True, slots=True)
class Bounds:
    """concurrency: worked on at once. waiting: in line beyond that. per_caller: of one caller, both together."""

    concurrency: int
    waiting: int = 64
    per_caller: int = 64
    deadline_seconds: float = 120.0


@dataclass(slots=True, eq=False)
class Ticket:
    """What work holds while it runs. `progress` and `check` are the points where it can be stopped."""

    deadline: float  # time.monotonic()
    abandoned: bool = False

    def abandon(self) -> None:
        """Nobody waits for this any more."""
        self.abandoned = True

    def check(self) -> None:
        """Cancelled if the caller has gone, TimedOut past the deadline."""
        if self.abandoned:
            raise Cancelled
        if self.seconds_left < 0:
            raise too_late()

    @property
    def seconds_left(self) -> float:
        """Until the deadline; negative past it."""
        return self.deadline - time.monotonic()

    def progress(self, _share_done: float, /) -> None:
        """A progress callback that checks."""
        self.check()


def stopping() -> Overloaded:
    """What is told to whoever asks, or still waits in line, when the server stops."""
    return Overloaded("The server is stopping", "Try again in a moment")


def too_late() -> TimedOut:
    """What callers are told past the deadline, whether the work had begun or not."""
    return TimedOut("The request took longer than this server allows", "Send it as a job, or ask for less")


class Scheduler:
    """Runs work in a bounded pool of threads. endings: tell an event loop what has ended there."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.endings = Endings()
        self._pool = ThreadPoolExecutor(bounds.concurrency, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._of_caller: Counter[str] = Counter()
        self._tickets: set[Ticket] = set()
        self._durations: deque[float] = deque([1.0], RECENT_DURATIONS)

    @property
    def admitted(self) -> int:
        """Pieces of work that run or wait."""
        return self._of_caller.total()

    def submit(self, work: Callable[[Ticket], Result], caller: str) -> tuple[Ticket, Future[Result]]:
        """Start or queue; Overloaded, with an estimate of when to come back, if there is no room."""
        ticket = Ticket(time.monotonic() + self.bounds.deadline_seconds)
        with self._lock:
            self._admit(caller, ticket)
        try:
            # In the caller's context, so that its spans are of the request's trace.
            queued = TRACER.start_span("queue") if trace.get_current_span().is_recording() else trace.INVALID_SPAN
            future = self._pool.submit(copy_context().run, self._run, work, ticket, queued)
        except RuntimeError:  # closed
            self._leave(caller, ticket)
            raise stopping() from None
        future.add_done_callback(lambda _: self._leave(caller, ticket))
        return ticket, future

    def close(self, seconds: float) -> bool:
        """Drop what waits and tell what runs to stop; False if some of it has not after so many seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for ticket in self._tickets:
                ticket.abandon()
            return self._left.wait_for(lambda: not self._of_caller, seconds)

    def _admit(self, caller: str, ticket: Ticket) -> None:
        room = self.bounds.concurrency + self.bounds.waiting
        if self.admitted >= room:
            raise Overloaded(
                f"{room} requests are being worked on or wait, which is this server's limit",
                "Try again later, or send it as a job",
                retry_after_seconds=self._estimated_wait(),
            )
        if self._of_caller[caller] >= self.bounds.per_caller:
            raise RateLimited(
                f"This key has {self.bounds.per_caller} requests under way, which is its limit",
                "Wait for one of them to finish",
                retry_after_seconds=self._estimated_wait(),
            )
        self._of_caller[caller] += 1
        self._tickets.add(ticket)

    def _leave(self, caller: str, ticket: Ticket) -> None:
        with self._lock:
            self._tickets.discard(ticket)
            self._of_caller[caller] -= 1
            if not self._of_caller[caller]:
                del self._of_caller[caller]
            self._left.notify_all()

    def _run(self, work: Callable[[Ticket], Result], ticket: Ticket, queued: Span) -> Result:
        queued.end()
        ticket.check()
        started = time.monotonic()
        try:
            return work(ticket)
        finally:
            self._durations.append(time.monotonic() - started)

    def _estimated_wait(self) -> float:
        """Seconds until a place is likely to be free: what waits, at the pace of the last pieces of work."""
        pace = sum(self._durations) / len(self._durations) / self.bounds.concurrency
        return max(1.0, pace * max(1, self.admitted - self.bounds.concurrency))
