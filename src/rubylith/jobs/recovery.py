"""What keeps promises when something dies: heartbeats, adoption of a dead node's jobs, lost runs, forgetting."""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from rubylith.database import deliveries, jobs, logs, nodes
from rubylith.domain.errors import Conflict
from rubylith.domain.job import Job
from rubylith.jobs import Forget, workflows

LOG = logging.getLogger(__name__)
BEATS_PER_LEASE = 6
BATCH = 200


def process_name() -> str:
    """Tells this process from every other of the same node name."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take_name(engine: sa.Engine, node: str, *, lease: float) -> None:
    """Become `node`; Conflict if another process is it. Right after a crash this may take a moment to find out."""
    with engine.connect() as connection:
        last = nodes.last_beat(connection, node)
    if last is not None and time.time() - last[1] < lease and _may_live(last[0]):
        deadline = time.monotonic() + 1.5 * lease / BEATS_PER_LEASE
        while time.monotonic() < deadline:
            time.sleep(0.1)
            with engine.connect() as connection:
                if nodes.last_beat(connection, node) != last:
                    raise Conflict(f"A node called {node!r} is running already ({last[0]})", "Give each node its name")
    beat(engine, node)


def beat(engine: sa.Engine, node: str) -> None:
    """Say that this node is alive."""
    with engine.begin() as connection:
        nodes.beat(connection, node, process=process_name(), now=time.time())


def leave(engine: sa.Engine, node: str) -> None:
    """Hand back what this node still holds and say that it has gone."""
    now = time.time()
    with engine.begin() as connection:
        deliveries.release(connection, deliveries.held(connection, by=node), now=now)
        nodes.leave(connection, node)


def adopt_silent(engine: sa.Engine, node: str, *, lease: float) -> int:
    """Let the durable runs of dead nodes go on elsewhere; how many. One node at a time does this for each dead one."""
    now = time.time()
    adopted = 0
    with engine.connect() as connection:
        silent = [name for name in nodes.silent(connection, before=now - lease) if name != node]
    for name in silent:
        with engine.begin() as connection:
            if not nodes.adopt(connection, name, before=now - lease, now=now):
                continue
        cut_off = workflows.under_way(name)
        workflows.adopt(cut_off)
        with engine.begin() as connection:
            nodes.forget(connection, name, before=now - lease)
        adopted += len(cut_off)
        if cut_off:
            LOG.warning("Node %s has been silent for %.0f s; %d of its runs go on elsewhere", name, lease, len(cut_off))
    return adopted


def release_lost(engine: sa.Engine, node: str, *, active: set[str], lease: float) -> int:
    """Free what durable runs hold that will never go on (the database failed at the wrong moment); how much it was.

    Looks at this node, where `active` runs are in their body, and at nodes that are dead or gone.
    """
    with engine.connect() as connection:
        others = tuple(name for name in nodes.alive(connection, since=time.time() - lease) if name != node)
        held = {*jobs.held(connection, but_not_by=others), *deliveries.held(connection, but_not_by=others)}
    lost = workflows.ended(tuple(held - active))
    if not lost:
        return 0
    now = time.time()
    with engine.begin() as connection:
        return jobs.release(connection, lost, now=now) + deliveries.release(connection, lost, now=now)


def tidy(engine: sa.Engine, *, keep: float, forget: Forget, stopping: Callable[[], bool]) -> int:
    """Forget jobs that finished more than `keep` seconds ago, or whose own time is over, and all that belongs to them:
    stored files, logs and durable runs.
    """
    now = time.time()
    before = now - keep
    forgotten = 0
    while not stopping():
        with engine.connect() as connection:
            outdated = jobs.outdated(connection, before=before, now=now, limit=BATCH)
        done = [job for job in outdated if not stopping() and _forget(engine, job, forget)]
        forgotten += len(done)
        if len(done) < BATCH:
            break  # what could not be forgotten is tried again next time
    while not stopping() and workflows.forget(before=datetime.fromtimestamp(before, UTC).isoformat(), limit=BATCH):
        pass
    return forgotten


def _forget(engine: sa.Engine, job: Job, forget: Forget) -> bool:
    try:
        forget(job)  # first, so that a crash in between leaves the record that finds the files
    except Exception:
        LOG.exception("What is stored for job %s could not be deleted", job.id)
        return False
    with engine.begin() as connection:
        logs.delete(connection, job.id)
        jobs.delete(connection, job.id)
    return True


def _may_live(process: str) -> bool:
    host, _, number = process.rpartition(":")
    if host != socket.gethostname() or sys.platform == "win32":
        return True
    if int(number) == os.getpid():
        return False  # it had our number, so it is gone
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
