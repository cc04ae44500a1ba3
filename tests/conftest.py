"""Fixtures for many tests."""

import logging
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from tests import fakes

from rubylith import library

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

# Servers of tests log in threads of this process while capsys and capfd replace sys.stdout. structlog would print(),
# which before CPython 3.13.3 looks sys.stdout up without holding it (gh-130163): freed in use, it crashes the process.
OUTPUT = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
structlog.configure(logger_factory=structlog.WriteLoggerFactory(OUTPUT))
# DBOS makes a handler of its own on the sys.stderr of that moment, which a capture closes after the test.
logging.getLogger("dbos").addHandler(logging.StreamHandler(OUTPUT))


@pytest.fixture(scope="session", autouse=True)
def no_name_server() -> Iterator[None]:
    """Names other than localhost lead nowhere, at once: no server in this process asks a network or sends anything."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
        here = host is None or host in {"", "localhost", b"localhost"}
        return look_up(host, port, family, type, proto, flags if here else flags | socket.AI_NUMERICHOST)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> Iterator[fakes.FakeSegmenter]:
    """For this test the name `embedded` means this fake."""
    fake = fakes.FakeSegmenter("embedded")
    name = "rubylith.engine.models.embedded"
    monkeypatch.setitem(sys.modules, name, sys.modules.get(name))  # puts it back afterwards
    fakes.install(fake)
    library._opened.cache_clear()
    yield fake
    library._opened.cache_clear()
