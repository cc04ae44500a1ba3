from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rubylith.database import objects
from rubylith.database.connection import reading, writing
from rubylith.database.objects import Entry
from rubylith.domain.errors import Conflict

NOW = 1_800_000_000.0
MADE = datetime.fromtimestamp(NOW, UTC)
ENTRY = Entry("a/b", "me", "image/png", "b.png", MADE, MADE + timedelta(seconds=10))


@pytest.fixture
def connection(database):
    with writing(database) as connection:
        yield connection


def test_a_reservation_is_made_once_and_held_against_others(connection):
    assert objects.reserve(connection, ENTRY, now=NOW)
    assert not objects.reserve(connection, replace(ENTRY, name="c.png"), now=NOW)
    assert objects.find(connection, "a/b", now=NOW) == ENTRY
    with pytest.raises(Conflict):
        objects.reserve(connection, replace(ENTRY, owner="you"), now=NOW)


def test_an_expired_row_is_taken_over(connection):
    objects.write(connection, replace(ENTRY, size=5))
    later = replace(ENTRY, owner="you", expires_at=MADE + timedelta(seconds=99))
    assert objects.reserve(connection, later, now=NOW + 10)
    assert objects.find(connection, "a/b", now=NOW + 10) == later


def test_find_is_blind_for_what_has_expired_or_is_anothers(connection):
    objects.write(connection, ENTRY)
    assert objects.find(connection, "a/b", now=NOW + 9.99, owner="me") == ENTRY
    assert objects.find(connection, "a/b", now=NOW + 10) is None
    assert objects.find(connection, "a/b", now=NOW, owner="you") is None
    assert objects.find(connection, "a/c", now=NOW) is None


def test_lists_show_what_is_there(connection):
    for key in ["a/1", "a/2", "a%/3", "b/1"]:
        objects.write(connection, replace(ENTRY, key=key, size=1, expires_at=None))
    objects.write(connection, replace(ENTRY, key="a/reserved", expires_at=None))
    objects.write(connection, replace(ENTRY, key="a/expired", size=1))
    found = objects.page(connection, "a/", now=NOW + 10)
    assert [entry.key for entry in found] == ["a/1", "a/2"]
    assert [entry.key for entry in objects.page(connection, "a%", now=NOW)] == ["a%/3"]


def test_a_row_that_was_renewed_is_not_forgotten_by_the_sweep(connection):
    objects.write(connection, ENTRY)
    assert objects.expired(connection, now=NOW + 10, limit=9) == ("a/b",)
    objects.expire(connection, "a/b", at=None)
    assert not objects.delete(connection, "a/b", expired_by=NOW + 10)
    assert objects.expired(connection, now=NOW + 10, limit=9) == ()
    assert objects.delete(connection, "a/b")


def test_times_come_back_as_they_went_in(database):
    entry = replace(ENTRY, created_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), size=2**40)
    with writing(database) as connection:
        objects.write(connection, entry)
    with reading(database) as connection:
        assert objects.find(connection, "a/b", now=NOW) == entry
