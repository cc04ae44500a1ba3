"""One server for most tests: it may fetch from this machine and tell this machine.

A process runs the jobs of one server at a time, so tests with servers of their own are in a file of their own.
"""

import pytest
from tests.dialects.tengr.artworks import KEY, OTHER, answer, client
from tests.running import serve
from tests.servers import http_site

OPEN = {"RUBYLITH_KEYS": f"{KEY}, {OTHER}", "RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), OPEN) as running:
        yield running


@pytest.fixture
def tengr(running):
    client_ = client(running.address)
    with client_.http:
        yield client_


@pytest.fixture
def other(running):
    client_ = client(running.address, OTHER)
    with client_.http:
        yield client_


@pytest.fixture(scope="session")
def site():
    with http_site(answer) as site:
        yield site
