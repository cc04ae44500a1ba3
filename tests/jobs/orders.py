"""Short words for what the tests of this room do all the time."""

import time

from rubylith.domain.job import Order


def order(n=0, **changes):
    """An order of alice's."""
    return Order(**{"owner": "alice", "dialect": "native", "request": {"n": n}, **changes})


def wait(condition, seconds=120.0):
    """The first true answer of `condition`; fails after a while."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return answer


def finished(board, *jobs):
    """The jobs as they are once all have finished."""
    wait(lambda: all(board.get(job.id).state.finished for job in jobs))
    return [board.get(job.id) for job in jobs]
