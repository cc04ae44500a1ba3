"""The records, without anybody working on them."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.jobs.orders import order

from rubylith.database import deliveries, jobs, logs, nodes
from rubylith.database.connection import connect
from rubylith.domain.errors import Conflict, NotFound, Overloaded, TooLarge, UnknownName
from rubylith.domain.job import Artifact, DeliveryState, JobState, Outcome, Problem
from rubylith.jobs.board import MAX_REQUEST_BYTES, JobBoard

ORDER_OF_STATES = {"queued": 0, "running": 1, "succeeded": 2, "failed": 2, "cancelled": 2}


def claim(board, *, workflow="w", now=4e9):
    with board.engine.begin() as connection:
        return jobs.claim(connection, node="n", workflow=workflow, now=now)


def test_a_submitted_job_is_there_as_ordered(board):
    job = board.submit(order(7, webhook="https://example.com/hook", priority=3, start_timeout_seconds=60))
    assert board.get(job.id) == job
    assert (job.state, job.request, job.priority, job.attempts) == (JobState.QUEUED, {"n": 7}, 3, 0)
    assert (job.start_by - job.created_at).total_seconds() == pytest.approx(60)
    assert job.created_at.utcoffset().total_seconds() == 0
    assert job.delivery is None


def test_the_same_order_with_the_same_key_is_the_same_job(board):
    first = board.submit(order(1, idempotency_key="k"))
    assert board.submit(order(1, idempotency_key="k")).id == first.id
    assert board.submit(order(1, idempotency_key="k", owner="bob")).id != first.id
    assert board.submit(order(1)).id != board.submit(order(1)).id
    with pytest.raises(Conflict, match="another order"):
        board.submit(order(2, idempotency_key="k"))


def test_a_key_used_by_many_at_once_makes_one_job(board):
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: board.submit(order(1, idempotency_key="k")).id, range(24)))
    assert len(ids) == 1


def test_a_picture_inside_the_request_is_refused(board):
    with pytest.raises(TooLarge, match="Upload"):
        board.submit(order("x" * MAX_REQUEST_BYTES))
    assert board.list() == ()


def test_what_is_not_there_or_belongs_to_another_is_not_found(board):
    job = board.submit(order())
    for verb in (board.get, board.cancel, board.retry, board.replay, board.position, board.logs):
        for job_id, owner in (("nothing", None), (job.id, "bob"), (f"{job.id}\0", "alice")):
            with pytest.raises(NotFound):
                verb(job_id, owner=owner)
    assert board.get(job.id, owner="alice").state is JobState.QUEUED
    assert board.list(owner="bob") == ()


def test_the_line_has_an_end_for_each_owner_and_for_all(engine):
    board = JobBoard(engine, waiting=3, per_owner=2)
    jobs = [board.submit(order(n)) for n in range(2)]
    with pytest.raises(Overloaded, match="2 jobs of this key") as full:
        board.check_line("alice")
    assert full.value.retry_after_seconds > 0
    board.check_line("bob")
    board.submit(order(owner="bob"))
    with pytest.raises(Overloaded, match="3 jobs wait"):
        board.check_line("bob")
    board.cancel(jobs[0].id)
    board.check_line("alice")


def test_lists_are_newest_first_and_go_on_where_they_ended(board):
    ids = [board.submit(order(n)).id for n in range(5)]
    board.cancel(ids[4])
    assert [job.id for job in board.list(limit=2)] == [ids[4], ids[3]]
    assert [job.id for job in board.list(limit=2, before=ids[3])] == [ids[2], ids[1]]
    assert [job.id for job in board.list(states=(JobState.CANCELLED,))] == [ids[4]]
    assert board.counts()[JobState.QUEUED] == 4


def test_lists_are_narrowed_by_what_a_door_has_noted(board):
    notes = [{"kind": "a"}, {"kind": "b", "other": "x"}, {"kind": "a", "more": {"kind": "b"}}, {}]
    ids = [board.submit(order(request={"extra": extra})).id for extra in notes] + [board.submit(order()).id]
    assert [job.id for job in board.list(noted=("kind", "a"))] == [ids[2], ids[0]]
    assert [job.id for job in board.list(noted=("kind", "a"), limit=1, offset=1)] == [ids[0]]
    assert [job.id for job in board.list(noted=("other", "x"))] == [ids[1]]
    assert board.list(noted=("kind", "c")) == ()
    assert board.list(noted=("kind", "a"), owner="bob") == ()


def test_lower_priority_numbers_go_first_and_equals_by_age(board):
    a, b, c, d = (board.submit(order(priority=p)).id for p in (5, 1, 5, -1))
    assert [board.position(job_id) for job_id in (d, b, a, c)] == [0, 1, 2, 3]
    assert [claim(board, workflow=str(n)).job.id for n in range(4)] == [d, b, a, c]
    assert claim(board, workflow="4") is None
    assert board.position(a) is None


def test_many_claim_and_nobody_gets_what_another_has(board):
    ids = {board.submit(order(n)).id for n in range(30)}
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: claim(board, workflow=str(n)), range(30)))
    assert {c.job.id for c in claims if c} == ids


def test_a_cancelled_job_is_never_claimed(board):
    job = board.submit(order())
    assert board.cancel(job.id).state is JobState.CANCELLED
    assert claim(board) is None
    assert board.cancel(job.id).state is JobState.CANCELLED


def test_a_job_begun_too_late_fails_with_a_clear_problem(board):
    job = board.submit(order(start_timeout_seconds=10, webhook="https://example.com"))
    late = job.created_at.timestamp() + 11
    assert claim(board, now=late) is None
    with board.engine.begin() as connection:
        assert jobs.expire(connection, now=late - 2) == ()
        assert jobs.expire(connection, now=late) == (job.id,)
    job = board.get(job.id)
    assert (job.state, job.problem.kind) == (JobState.FAILED, "TimedOut")
    assert job.delivery.state is DeliveryState.PENDING


def test_whoever_was_overtaken_changes_nothing(board):
    board.submit(order())
    first = claim(board, workflow="w")
    files = (Artifact("k", "mask.png", "image/png", 5, "00"),)
    with board.engine.begin() as connection:
        second = jobs.take_over(connection, node="m", workflow="w", now=1)
        assert not jobs.touch(connection, first, progress=0.5)
        assert not jobs.succeed(connection, first, Outcome({"by": "first"}), now=2)
        assert not jobs.fail(connection, first, Problem("a", "b", "c"), now=2)
        assert not jobs.postpone(connection, first, until=0, failed=True)
        assert jobs.succeed(connection, second, Outcome({"by": "second"}, files), now=3)
        assert not jobs.succeed(connection, second, Outcome({"by": "again"}), now=4)
        assert jobs.take_over(connection, node="m", workflow="w", now=5) is None
    job = board.list()[0]
    assert (job.result, job.artifacts, job.attempts) == ({"by": "second"}, files, 2)


def test_only_what_failed_or_was_cancelled_can_be_tried_again(board):
    job = board.submit(order(5, idempotency_key="k", webhook="https://example.com", start_timeout_seconds=9))
    with pytest.raises(Conflict):
        board.retry(job.id)
    board.cancel(job.id)
    again = board.retry(job.id)
    assert (again.state, again.retry_of, again.request) == (JobState.QUEUED, job.id, {"n": 5})
    assert (again.start_by - again.created_at).total_seconds() == pytest.approx(9)
    board.cancel(again.id)
    assert board.get(again.id).delivery.url == "https://example.com"
    assert board.get(job.id).state is JobState.CANCELLED


def test_a_finished_job_cannot_be_cancelled(board):
    job = board.submit(order())
    with board.engine.begin() as connection:
        jobs.succeed(connection, jobs.claim(connection, node="n", workflow="w", now=1), Outcome({}), now=2)
    with pytest.raises(Conflict, match="already succeeded"):
        board.cancel(job.id)


def test_logs_are_appended_cut_and_capped(board, monkeypatch):
    monkeypatch.setattr(logs, "LINES", 3)
    job = board.submit(order())
    with board.engine.begin() as connection:
        for n in range(5):
            logs.append(connection, job.id, f"{n}" + "x" * 5000, now=1)
    lines = board.logs(job.id)
    assert [line.text[0] for line in lines] == ["0", "1", "2"]
    assert {len(line.text) for line in lines} == {logs.LINE_LENGTH}
    assert board.logs(job.id, after=lines[1].number) == lines[2:]


def test_a_webhook_is_replayed_only_once_it_is_over(board):
    job = board.submit(order(webhook="https://example.com"))
    with pytest.raises(Conflict):
        board.replay(job.id)
    board.cancel(job.id)
    with board.engine.begin() as connection:
        errand = deliveries.claim(connection, node="n", workflow="w", now=4e9)
        assert deliveries.claim(connection, node="n", workflow="v", now=4e9) is None
        assert deliveries.dead(connection, errand, note="410")
        assert not deliveries.delivered(connection, errand, note="200")
    assert [j.id for j in board.list(delivery=DeliveryState.DEAD)] == [job.id]
    delivery = board.replay(job.id).delivery
    assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 1)


def test_one_node_adopts_a_silent_one_until_it_falls_silent_itself(engine, board):
    with engine.begin() as connection:
        nodes.beat(connection, "dead", process="p", now=100)
        assert nodes.silent(connection, before=101) == ("dead",)
        assert not nodes.adopt(connection, "dead", before=99, now=130)
        assert nodes.adopt(connection, "dead", before=101, now=131)
        assert not nodes.adopt(connection, "dead", before=101, now=132)
        assert nodes.adopt(connection, "dead", before=140, now=170)
        nodes.beat(connection, "dead", process="q", now=171)
        nodes.forget(connection, "dead", before=140)
        assert nodes.last_beat(connection, "dead") == ("q", 171)


def test_two_processes_create_the_tables_at_once(url):
    engines = [connect(url) for _ in range(6)]
    barrier, boards = threading.Barrier(len(engines)), []

    def create(engine):
        barrier.wait()
        boards.append(JobBoard(engine))

    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(create, engines))
    assert len(boards) == len(engines)
    for engine in engines:
        engine.dispose()


def test_another_kind_of_database_is_refused():
    with pytest.raises(UnknownName, match="mysql"):
        connect("mysql://host/name")


def test_the_board_needs_no_dbos():
    program = "import sys, rubylith.jobs.board; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "take over", "touch", "succeed", "fail", "postpone", "release", "cancel", "expire"]),
        st.integers(0, 3),
        st.floats(0, 1),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('property')}/jobs.db")
    yield JobBoard(engine)
    engine.dispose()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_moves_a_job_backwards_or_changes_it_once_finished(memory, steps):
    """Any changes in any order, by claims current and stale: states and progress only grow, the end stays as it is."""
    with memory.engine.begin() as connection:
        connection.execute(jobs.JOBS.delete())
    job_id = memory.submit(order(start_timeout_seconds=50, webhook="https://example.com")).id
    claims, seen = [], memory.get(job_id)
    for number, (step, which, share) in enumerate(steps):
        held = claims[which % len(claims)] if claims else None
        now = seen.created_at.timestamp() + number * 4
        with memory.engine.begin() as connection:
            if step == "claim":
                claims += filter(None, [jobs.claim(connection, node="n", workflow=f"w{which}", now=now)])
            elif step == "take over":
                claims += filter(None, [jobs.take_over(connection, node="n", workflow=f"w{which}", now=now)])
            elif step == "release":
                jobs.release(connection, (f"w{which}",), now=now)
            elif step == "cancel":
                jobs.cancel(connection, job_id, now=now)
            elif step == "expire":
                jobs.expire(connection, now=now)
            elif held is None:
                continue
            elif step == "touch":
                jobs.touch(connection, held, progress=share)
            elif step == "succeed":
                jobs.succeed(connection, held, Outcome({"n": number}), now=now)
            elif step == "fail":
                jobs.fail(connection, held, Problem("k", "m", str(number)), now=now)
            else:
                jobs.postpone(connection, held, until=now, failed=True)
        after = memory.get(job_id)
        assert ORDER_OF_STATES[after.state] >= ORDER_OF_STATES[seen.state]
        assert after.progress >= seen.progress
        assert after.attempts >= seen.attempts
        if seen.state.finished:
            assert after == seen
        seen = after


def test_a_job_whose_time_is_over_is_not_there_any_more_and_is_tidied_away(board):
    keeps = board.submit(order(1))
    lasts, over = (board.submit(order(n, forget_seconds=seconds)) for n, seconds in ((2, 60), (3, -1)))
    assert (lasts.forget_at - lasts.created_at).total_seconds() == pytest.approx(60)
    assert [job.id for job in board.list()] == [lasts.id, keeps.id]
    for verb in (board.get, board.cancel, board.retry, board.logs):
        with pytest.raises(NotFound):
            verb(over.id)
    for _ in range(3):
        held = claim(board)
        with board.engine.begin() as connection:
            jobs.fail(connection, held, Problem("Broken", "no", "none"), now=5e9)
    with board.engine.connect() as connection:
        gone = jobs.outdated(connection, before=0, now=time.time(), limit=9)
        assert [job.id for job in gone] == [over.id]
        gone = jobs.outdated(connection, before=9e9, now=time.time(), limit=9)
        assert [job.id for job in gone] == [keeps.id, over.id]
    again = board.retry(lasts.id)
    assert (again.forget_at - again.created_at).total_seconds() == pytest.approx(60)


def test_what_waits_is_counted_by_owner_and_dialect(board):
    for number in range(3):
        board.submit(order(number, owner="ann"))
    board.submit(order(3, owner="bob"))
    claim(board)
    dialect = order(0).dialect
    assert board.count_waiting(owner="ann", dialect=dialect) == 2
    assert board.count_waiting(owner="ann", dialect="another") == 0
