"""Every test of this room runs on SQLite, and on Postgres where Debian's package is installed."""

import pytest
from tests import postgres

from rubylith.database.connection import connect
from rubylith.domain.job import Attempt, Outcome, Verdict
from rubylith.jobs import Rules
from rubylith.jobs.board import JobBoard
from rubylith.jobs.runner import JobRunner

QUICK = Rules(concurrency=1, poll=0.05, lease=30, retry_delays=(0.1, 0.1), webhook_delays=(0.1, 0.1), tidy=3600)


@pytest.fixture(scope="session")
def server():
    if postgres.programs() is None:
        pytest.skip("Postgres is not installed here (Debian: apt-get install postgresql)")
    with postgres.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rubylith.db'}"
    return postgres.new_database(request.getfixturevalue("server"))


@pytest.fixture
def engine(url):
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def board(engine):
    return JobBoard(engine)


@pytest.fixture
def run(board):
    """Start a runner in this process; it is stopped afterwards."""
    started = []

    def start(work=lambda assignment: Outcome({}), notify=None, forget=lambda job: None, rules=QUICK):
        notify = notify or (lambda job: Attempt(Verdict.DELIVERED, "200"))
        runner = JobRunner(board, node="test", work=work, notify=notify, forget=forget, rules=rules)
        runner.start()
        started.append(runner)
        return runner

    yield start
    for runner in started:
        runner.stop(grace_seconds=5)
