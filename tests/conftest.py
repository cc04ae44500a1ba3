"""Fixtures for many tests."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests import fakes

from rubylith import library

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> Iterator[fakes.FakeSegmenter]:
    """For this test the name `embedded` means this fake."""
    fake = fakes.FakeSegmenter("embedded")
    name = "rubylith.engine.models.embedded"
    monkeypatch.setitem(sys.modules, name, sys.modules.get(name))  # puts it back afterwards
    fakes.install(fake)
    library._engine.cache_clear()
    yield fake
    library._engine.cache_clear()
