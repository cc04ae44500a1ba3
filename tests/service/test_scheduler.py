"""How many may wait for an answer now: many where work is quick, fewer where it is slow."""

import threading
import time

import pytest

from rubylith.domain.errors import Overloaded, RateLimited
from rubylith.service.scheduler import RECENT_DURATIONS, SURE, Bounds, Scheduler
from rubylith.settings import read_settings

OURS = read_settings({})
MANY = Bounds(1, OURS.waiting, OURS.per_key, OURS.request_seconds)


@pytest.fixture
def scheduler():
    made = Scheduler(MANY)
    yield made
    assert made.close(60)


@pytest.fixture
def gate():
    """What work waits for; open at the end, whatever happens."""
    gate = threading.Event()
    yield gate
    gate.set()


def behind(gate):
    return lambda _: gate.wait(60)


def is_known_to_take(scheduler, seconds):
    """The last pieces of work each took so long."""
    for _ in range(RECENT_DURATIONS):
        scheduler.submit(lambda _: time.sleep(seconds), "before")[1].result(60)


def test_where_work_is_quick_one_caller_may_send_two_hundred_pictures_at_once(scheduler, gate):
    is_known_to_take(scheduler, 0.001)
    sent = [scheduler.submit(behind(gate), "one")[1] for _ in range(200)]
    gate.set()
    assert all(future.result(60) for future in sent)


def test_even_the_quick_have_an_end(scheduler, gate):
    is_known_to_take(scheduler, 0.001)
    sent = [scheduler.submit(behind(gate), "one") for _ in range(256)]
    with pytest.raises(RateLimited, match="256 requests under way"):
        scheduler.submit(behind(gate), "one")
    sent.append(scheduler.submit(behind(gate), "another"))
    with pytest.raises(Overloaded, match="257 requests"):
        scheduler.submit(behind(gate), "another")
    gate.set()
    assert all(future.result(60) for _, future in sent)


def test_where_work_is_slow_no_more_wait_than_will_be_answered_in_time(gate):
    scheduler = Scheduler(Bounds(1, 256, 256, deadline_seconds=1.0))
    is_known_to_take(scheduler, 0.02)
    sent = [scheduler.submit(behind(gate), "one")[1] for _ in range(SURE)]
    with pytest.raises(RateLimited, match=f"{SURE} requests under way") as told:
        scheduler.submit(behind(gate), "one")
    assert told.value.retry_after_seconds >= 1
    scheduler.submit(behind(gate), "another")
    with pytest.raises(Overloaded, match=f"{SURE + 1} requests"):
        scheduler.submit(behind(gate), "another")
    gate.set()
    assert sent[0].result(60)
    assert scheduler.close(60)
