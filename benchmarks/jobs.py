"""How soon a job runs, how many a second, and what waiting costs: `python benchmarks/jobs.py [DATABASE_URL]`.

Work does nothing. Without a URL: SQLite in a temporary folder.
"""

import statistics
import sys
import tempfile
import threading
import time

from rubylith.database.connection import connect
from rubylith.domain.job import Attempt, JobState, Order, Outcome, Verdict
from rubylith.jobs import Assignment, Rules
from rubylith.jobs.board import JobBoard
from rubylith.jobs.runner import JobRunner

ROUNDS, BURST, IDLE_SECONDS = 200, 300, 10


def measure(url: str) -> None:
    """Print one line."""
    board = JobBoard(connect(url))
    begun: dict[object, float] = {}
    bell = threading.Event()

    def work(assignment: Assignment) -> Outcome:
        begun[assignment.job.request["n"]] = time.perf_counter()
        bell.set()
        return Outcome({})

    runner = JobRunner(
        board,
        node="bench",
        work=work,
        notify=lambda _: Attempt(Verdict.DELIVERED),
        forget=lambda _: None,
        rules=Rules(concurrency=4),
    )
    runner.start()
    submits: list[float] = []
    starts: list[float] = []
    for n in range(ROUNDS):
        bell.clear()
        before = time.perf_counter()
        board.submit(Order("bench", "native", {"n": n}))
        submits.append(time.perf_counter() - before)
        bell.wait(10)
        starts.append(begun[n] - before)
        time.sleep(0.02)
    before = time.perf_counter()
    for n in range(BURST):
        board.submit(Order("bench", "native", {"n": ROUNDS + n}))
    taken = time.perf_counter() - before
    while board.counts()[JobState.SUCCEEDED] < ROUNDS + BURST:
        time.sleep(0.02)
    done = time.perf_counter() - before
    cpu = time.process_time()
    time.sleep(IDLE_SECONDS)
    idle = (time.process_time() - cpu) / IDLE_SECONDS
    runner.stop()
    print(
        f"{board.engine.dialect.name}: submit {milliseconds(submits)}, submit to running {milliseconds(starts)}; "
        f"burst of {BURST}: taken {BURST / taken:.0f}/s, done {BURST / done:.0f}/s; idle {idle:.1%} of a core"
    )


def milliseconds(seconds: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    return f"p50 {statistics.median(ordered) * 1e3:.1f} ms p95 {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        measure(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/rubylith.db")
