"""A board and a runner in one process: what callers may count on."""

import dataclasses
import threading
import time

import pytest
from tests.jobs.conftest import QUICK
from tests.jobs.orders import finished, order, wait

from rubylith.database import deliveries, jobs, logs
from rubylith.domain.errors import InvalidPrompt, Overloaded, SourceUnreachable
from rubylith.domain.job import Artifact, Attempt, Cancelled, DeliveryState, JobState, Outcome, Verdict
from rubylith.jobs import Rules


class Bench:
    """Work that waits until it is let go, and remembers what was begun."""

    def __init__(self):
        self.begun, self.go = [], threading.Event()

    def __call__(self, assignment):
        self.begun.append(assignment.job.request["n"])
        while not self.go.wait(0.01):
            assignment.check()
        return Outcome({"n": assignment.job.request["n"]})


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.go.set()


def test_a_job_runs_and_tells_how_far_it_is(board, run):
    halfway, go = threading.Event(), threading.Event()
    files = (Artifact("jobs/1/mask.png", "mask.png", "image/png", 3, "ab"),)

    def work(assignment):
        time.sleep(0.3)
        assignment.progress(0.5)
        assignment.progress(0.2)
        assignment.log("half of it")
        halfway.set()
        go.wait(240)
        return Outcome({"masks": [1, 2]}, files)

    run(work)
    job = board.submit(order())
    halfway.wait(240)
    running = board.get(job.id)
    assert (running.state, running.progress) == (JobState.RUNNING, 0.5)
    assert board.position(job.id) is None
    go.set()
    [done] = finished(board, job)
    assert (done.state, done.result, done.artifacts) == (JobState.SUCCEEDED, {"masks": [1, 2]}, files)
    assert done.created_at <= done.started_at < done.finished_at
    assert (done.progress, done.attempts, done.problem) == (1, 1, None)
    assert [line.text for line in board.logs(job.id)] == ["Begun on test", "half of it"]


def test_a_free_place_is_used_at_once_and_priorities_hold_behind_it(board, run, bench):
    run(bench)
    board.submit(order(0, priority=9))
    wait(lambda: bench.begun == [0])
    waiting = [board.submit(order(n, priority=p)) for n, p in ((1, 5), (2, 5), (3, 1), (4, 5), (5, -2))]
    time.sleep(0.3)
    assert bench.begun == [0]
    assert [board.position(job.id) for job in waiting] == [2, 3, 1, 4, 0]
    bench.go.set()
    finished(board, *waiting)
    assert bench.begun == [0, 5, 3, 1, 2, 4]


def test_no_more_run_at_once_than_allowed(board, run, bench):
    run(bench, rules=dataclasses.replace(QUICK, concurrency=3))
    jobs = [board.submit(order(n)) for n in range(8)]
    wait(lambda: len(bench.begun) == 3)
    time.sleep(0.3)
    assert board.counts()[JobState.RUNNING] == len(bench.begun) == 3
    bench.go.set()
    finished(board, *jobs)
    assert sorted(bench.begun) == list(range(8))


def test_a_job_cancelled_in_line_never_runs(board, run, bench):
    run(bench)
    first, second = board.submit(order(1)), board.submit(order(2))
    wait(lambda: bench.begun == [1])
    assert board.cancel(second.id).state is JobState.CANCELLED
    bench.go.set()
    finished(board, first)
    time.sleep(0.2)
    assert bench.begun == [1]


@pytest.mark.parametrize("by", ["this process", "another"])
def test_a_running_job_stops_when_cancelled(board, run, bench, by):
    run(bench)
    job = board.submit(order(1, webhook="https://example.com"))
    wait(lambda: bench.begun)
    begun = time.monotonic()
    assert (board if by == "this process" else type(board)(board.engine)).cancel(job.id).state is JobState.CANCELLED
    follower = board.submit(order(2))
    wait(lambda: bench.begun == [1, 2])
    assert time.monotonic() - begun < 2
    bench.go.set()
    finished(board, follower)
    assert wait(lambda: board.get(job.id).delivery.state is DeliveryState.DELIVERED)
    assert (board.get(job.id).state, board.get(job.id).result) == (JobState.CANCELLED, None)


def test_work_that_does_not_look_still_cannot_undo_a_cancellation(board, run):
    begun, go = threading.Event(), threading.Event()

    def deaf(assignment):
        begun.set()
        go.wait(240)
        return Outcome({"late": True})

    run(deaf)
    job = board.submit(order())
    begun.wait(240)
    board.cancel(job.id)
    go.set()
    finished(board, board.submit(order()))
    assert (board.get(job.id).state, board.get(job.id).result) == (JobState.CANCELLED, None)


def test_a_job_not_begun_in_time_fails(board, run, bench):
    run(bench)
    board.submit(order(1))
    wait(lambda: bench.begun)
    [late] = finished(board, board.submit(order(2, start_timeout_seconds=0.3)))
    assert (late.state, late.problem.kind, late.started_at) == (JobState.FAILED, "TimedOut", None)
    assert "in time" in late.problem.message
    assert bench.begun == [1]


def test_what_may_pass_is_tried_again_and_then_reported(board, run):
    calls = []

    def work(assignment):
        calls.append(assignment.job.request["n"])
        if assignment.job.request["n"] == "busy" or calls.count("soon") == 1:
            raise Overloaded("No room", "Wait", 0.05)
        return Outcome({})

    run(work)
    soon, busy = finished(board, board.submit(order("soon")), board.submit(order("busy")))
    assert (soon.state, soon.attempts, calls.count("soon")) == (JobState.SUCCEEDED, 2, 2)
    assert (busy.state, busy.problem.kind) == (JobState.FAILED, "Overloaded")
    assert calls.count("busy") == 1 + len(QUICK.retry_delays)
    assert "No room; tried again in 0.1 s" in [line.text for line in board.logs(busy.id)]


def test_what_another_try_would_not_change_is_reported_at_once(board, run):
    calls = []

    def work(assignment):
        calls.append(1)
        raise SourceUnreachable("The host answered 404", "Check the URL", 0)

    run(work)
    (job,) = finished(board, board.submit(order(1)))
    assert (job.problem.kind, len(calls)) == ("SourceUnreachable", 1)


def test_what_the_caller_must_mend_is_reported_at_once(board, run):
    calls = []

    def work(assignment):
        calls.append(1)
        raise InvalidPrompt("A point lies outside", "Move it")

    run(work)
    [job] = finished(board, board.submit(order()))
    assert (job.state, job.problem.kind, job.problem.hint) == (JobState.FAILED, "InvalidPrompt", "Move it")
    assert calls == [1]


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), Cancelled("by itself")])
def test_what_nobody_foresaw_fails_the_job_without_telling_our_insides(board, run, error):
    def work(assignment):
        raise error

    run(work)
    [job] = finished(board, board.submit(order()))
    assert (job.state, job.problem.kind) == (JobState.FAILED, "Broken")
    assert "secret" not in str(job.problem)
    assert job.id in job.problem.hint


def test_a_job_that_is_cut_off_again_and_again_fails_instead_of_killing_the_server_for_ever(board, run):
    job = board.submit(order())
    with board.engine.begin() as connection:
        jobs.claim(connection, node="gone", workflow="lost", now=time.time())
    begun = []
    run(begun.append, rules=dataclasses.replace(QUICK, losses=1, lease=1))
    [job] = finished(board, job)
    assert (job.state, job.attempts, begun) == (JobState.FAILED, 2, [])
    assert "cut off 1 times" in job.problem.message


def test_what_a_lost_run_held_is_taken_up_again(board, run):
    """A run that the database lost (or one that ended without a word) must not hold its job or its webhook for ever."""
    first, second = board.submit(order(1, webhook="http://x")), board.submit(order(2))
    board.cancel(first.id)
    with board.engine.begin() as connection:
        deliveries.claim(connection, node="gone", workflow="lost webhook", now=time.time())
        jobs.claim(connection, node="gone", workflow="lost run", now=time.time())
    run(rules=dataclasses.replace(QUICK, lease=1))
    [done] = finished(board, second)
    assert (done.state, done.attempts) == (JobState.SUCCEEDED, 2)
    wait(lambda: board.get(first.id).delivery.state is DeliveryState.DELIVERED)


def test_a_webhook_that_fails_twice_arrives_once(board, run):
    heard = []

    def notify(job):
        heard.append(job)
        if len(heard) == 1:
            raise ConnectionError
        return Attempt(*((Verdict.RETRY, "500") if len(heard) == 2 else (Verdict.DELIVERED, "200")))

    run(notify=notify)
    job = board.submit(order(webhook="https://example.com"))
    quiet = board.submit(order())
    wait(lambda: (d := board.get(job.id).delivery) and d.state is DeliveryState.DELIVERED)
    time.sleep(0.3)
    assert [told.id for told in heard] == [job.id] * 3
    assert {(told.state, told.result == {}) for told in heard} == {(JobState.SUCCEEDED, True)}
    delivery = board.get(job.id).delivery
    assert (delivery.attempts, delivery.note, delivery.due_at) == (3, "200", None)
    assert board.get(quiet.id).delivery is None


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.GIVE_UP])
def test_a_webhook_that_never_arrives_is_kept_and_can_be_replayed(board, run, verdict):
    heard, works = [], threading.Event()

    def notify(job):
        heard.append(job.id)
        return Attempt(Verdict.DELIVERED, "200") if works.is_set() else Attempt(verdict, "503")

    run(notify=notify)
    job = board.submit(order(webhook="https://example.com"))
    wait(lambda: board.list(delivery=DeliveryState.DEAD))
    tries = 1 if verdict is Verdict.GIVE_UP else 1 + len(QUICK.webhook_delays)
    assert (len(heard), board.get(job.id).delivery.note) == (tries, "503")
    works.set()
    board.replay(job.id)
    wait(lambda: board.get(job.id).delivery.state is DeliveryState.DELIVERED)
    assert len(heard) == tries + 1


def test_webhooks_that_hang_do_not_hold_up_jobs(board, run):
    go = threading.Event()

    def notify(job):
        go.wait(240)
        return Attempt(Verdict.DELIVERED)

    run(notify=notify)
    finished(board, *[board.submit(order(n, webhook="https://example.com")) for n in range(4)])
    go.set()


def test_old_jobs_are_forgotten_with_their_files_but_not_before_their_webhook_is_over(board, run):
    forgotten, go = [], threading.Event()

    def forget(job):
        if forgotten.count(job.id) == 0 and job.request["n"] == "stuck":
            forgotten.append(job.id)
            raise OSError
        forgotten.append(job.id)

    def notify(job):
        go.wait(240)
        return Attempt(Verdict.DELIVERED)

    run(notify=notify, forget=forget, rules=dataclasses.replace(QUICK, keep=0.2, tidy=0.1))
    plain, stuck, told = (
        board.submit(order(n, webhook=w)) for n, w in (("a", None), ("stuck", None), ("b", "http://x"))
    )
    wait(lambda: not {plain.id, stuck.id} & {job.id for job in board.list()})
    assert board.get(told.id).state is JobState.SUCCEEDED
    assert forgotten.count(stuck.id) == 2
    with board.engine.connect() as connection:
        assert [logs.read(connection, job.id) for job in (plain, stuck)] == [(), ()]
    go.set()
    wait(lambda: not board.list())


def test_stopping_lets_running_jobs_finish_and_leaves_the_others_in_line(board, run, bench):
    runner = run(bench)
    first, second = board.submit(order(1)), board.submit(order(2))
    wait(lambda: bench.begun == [1])
    threading.Timer(0.3, bench.go.set).start()
    assert runner.stop(grace_seconds=10)
    assert board.get(first.id).state is JobState.SUCCEEDED
    assert board.get(second.id).state is JobState.QUEUED


def test_stopping_hands_back_what_takes_too_long_and_the_next_start_goes_on(board, run, bench):
    runner = run(bench)
    job = board.submit(order(1))
    wait(lambda: bench.begun == [1])
    assert runner.stop(grace_seconds=0.1)
    assert board.get(job.id).state is JobState.RUNNING
    bench.go.set()
    run(bench)
    [done] = finished(board, job)
    assert (done.state, done.attempts, bench.begun) == (JobState.SUCCEEDED, 2, [1, 1])


def test_work_that_will_not_stop_is_left_behind_and_can_no_longer_change_anything(board, run):
    begun, go, over = threading.Event(), threading.Event(), threading.Event()

    def deaf(assignment):
        begun.set()
        go.wait(240)
        over.set()
        return Outcome({"by": "the one left behind"})

    runner = run(deaf)
    job = board.submit(order())
    begun.wait(240)
    assert not runner.stop(grace_seconds=0.1)
    run(lambda assignment: Outcome({"by": "the next"}))
    [done] = finished(board, job)
    go.set()
    over.wait(240)
    time.sleep(0.3)
    assert (board.get(job.id), done.result, done.attempts) == (done, {"by": "the next"}, 2)


def test_the_default_webhook_delays_reach_over_two_hours():
    assert sum(Rules().webhook_delays) == 7200
    assert list(Rules().webhook_delays) == sorted(Rules().webhook_delays)
