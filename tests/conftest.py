"""Fixtures for many tests."""

import sys
from collections.abc import Iterator

import pytest
from tests import fakes

from rubylith import library


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
