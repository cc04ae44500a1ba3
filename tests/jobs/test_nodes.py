"""Processes that die: whatever happens to a node, every job finishes once and every webhook arrives."""

import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.jobs.orders import order, wait

from rubylith.domain.job import DeliveryState, JobState

ROOT = Path(__file__).parents[2]
LONG = pytest.mark.skipif(
    not os.environ.get("RUBYLITH_LONG_TESTS"), reason="takes minutes; RUBYLITH_LONG_TESTS=1 runs it"
)


class Nodes:
    """Worker processes over one database, and what they noted."""

    def __init__(self, url, folder):
        self.url, self.notes = url, folder / "notes"
        self.processes = []

    def start(self, name="a", lease=30):
        known = len(self.read("up"))
        words = [sys.executable, "-m", "tests.jobs.worker", self.url, name, self.notes, str(lease)]
        process = subprocess.Popen([str(word) for word in words], cwd=ROOT)
        self.processes.append(process)
        wait(lambda: len(self.read("up")) > known or process.poll() is not None, 240)
        assert process.poll() is None, "the worker did not start"
        return process

    def read(self, what):
        if not self.notes.exists():
            return []
        lines = [json.loads(line) for line in self.notes.read_text().splitlines()]
        return [line for line in lines if line[2] == what]

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def nodes(url, tmp_path):
    nodes = Nodes(url, tmp_path)
    yield nodes
    for process in nodes.processes:
        if process.poll() is None:
            nodes.kill(process)


def submit(board, count, seconds):
    return [
        board.submit(order(request={"n": n, "seconds": seconds}, webhook="https://example.com")) for n in range(count)
    ]


def settled(board, jobs):
    delivered = DeliveryState.DELIVERED
    return len(board.list(states=(JobState.SUCCEEDED,), delivery=delivered, limit=len(jobs))) == len(jobs)


def check_each_is_done_once(board, nodes, jobs):
    """Every job has its own result, told to its webhook with the same words however often it was told."""
    done = {job.id: job for job in board.list(limit=len(jobs))}
    assert [done[job.id].result for job in jobs] == [{"square": n * n} for n in range(len(jobs))]
    told = collections.defaultdict(set)
    for *_, job_id, state, result in nodes.read("webhook"):
        told[job_id].add((state, json.dumps(result)))
    assert told == {job.id: {("succeeded", json.dumps(done[job.id].result))} for job in jobs}


def kill_at_random(board, nodes, *, count, kills, seconds):
    chance = random.Random(7)
    jobs = submit(board, count, seconds)
    for n in range(kills):
        process = nodes.start()
        goal = count * (n + 1) // (kills + 2)
        wait(lambda goal=goal: len(nodes.read("end")) >= goal, 400)
        time.sleep(chance.uniform(0, seconds))
        nodes.kill(process)
    assert not settled(board, jobs)
    nodes.start()
    wait(lambda: settled(board, jobs), 400)
    check_each_is_done_once(board, nodes, jobs)
    again = len(nodes.read("begin")) - count
    assert again <= 4 * kills  # only what ran at the moment of death
    assert len(nodes.read("webhook")) - count <= 16 * kills


def test_killed_twice_while_it_works_every_job_still_finishes_once(board, nodes):
    kill_at_random(board, nodes, count=60, kills=2, seconds=0.1)


@LONG
def test_killed_five_times_three_hundred_jobs_still_finish_once(board, nodes):
    kill_at_random(board, nodes, count=300, kills=5, seconds=0.15)


def test_two_nodes_share_the_line_and_one_adopts_what_the_other_leaves_in_dying(board, nodes):
    a, b = nodes.start("a", lease=4), nodes.start("b", lease=4)
    jobs = submit(board, 40, 0.1)
    wait(lambda: len(nodes.read("end")) == 40, 240)
    assert len(nodes.read("begin")) == 40  # nothing ran twice
    assert min(collections.Counter(line[1] for line in nodes.read("end")).values()) > 5
    jobs += [board.submit(order(request={"n": n, "seconds": 1.5}, webhook="https://x")) for n in range(40, 48)]
    wait(lambda: len(nodes.read("begin")) == 48, 240)
    nodes.kill(a)
    wait(lambda: settled(board, jobs), 240)
    check_each_is_done_once(board, nodes, jobs)
    assert {line[1] for line in nodes.read("end")[40:]} == {"b"}
    assert b.poll() is None


def test_told_to_stop_under_load_it_loses_nothing(board, nodes):
    jobs = submit(board, 20, 0.1)
    jobs += [board.submit(order(request={"n": n, "seconds": 6}, priority=-1, webhook="https://x")) for n in (20, 21)]
    process = nodes.start()
    wait(lambda: len(nodes.read("end")) >= 4, 240)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert time.monotonic() - told < 15  # two of grace, two for handing back, the rest for a busy machine
    assert {20, 21} & {line[3] for line in nodes.read("end")} == set()
    nodes.start()
    wait(lambda: settled(board, jobs), 240)
    check_each_is_done_once(board, nodes, jobs)


def test_a_second_process_of_the_same_name_does_not_start(nodes):
    nodes.start("a", lease=3)
    words = [sys.executable, "-m", "tests.jobs.worker", nodes.url, "a", nodes.notes, "3"]
    second = subprocess.run([str(w) for w in words], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert second.returncode == 1
    assert "is running already" in second.stderr
