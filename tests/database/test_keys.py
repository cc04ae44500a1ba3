from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from rubylith.database import keys
from rubylith.database.connection import reading, writing
from rubylith.domain.caller import Key, Quota, Scope, Usage
from rubylith.domain.errors import StorageFailed

KEY = Key(
    id="key_1",
    name="studio",
    shown="rl_abcdef",
    scopes=frozenset({Scope.SEGMENT, Scope.MODELS}),
    quota=Quota(10, 60, None),
    created_at=datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC),
)
DAY = date(2026, 11, 20)


def test_a_key_is_found_by_its_digest_and_by_nothing_else(database):
    with writing(database) as connection:
        assert not keys.any_at_all(connection)
        keys.add(connection, KEY, digest="d1")
        assert keys.any_at_all(connection)
    with reading(database) as connection:
        assert keys.find(connection, digest="d1") == (KEY, "d1")
        assert [keys.find(connection, digest=other) for other in ("d2", "", "D1", KEY.id)] == [None] * 4


def test_two_keys_never_share_a_digest(database):
    def add_both():
        with writing(database) as connection:
            keys.add(connection, KEY, digest="d1")
            keys.add(connection, replace(KEY, id="key_2"), digest="d1")

    with pytest.raises(StorageFailed) as caught:
        add_both()
    assert "d1" not in str(caught.value)
    with reading(database) as connection:
        assert keys.everyone(connection) == ()


def test_a_revoked_key_stays_on_record(database):
    with writing(database) as connection:
        keys.add(connection, KEY, digest="d1")
        assert keys.revoke(connection, "key_1", now=KEY.created_at.timestamp() + 60)
        assert not keys.revoke(connection, "key_1", now=0)
        assert not keys.revoke(connection, "key_2", now=0)
    with reading(database) as connection:
        (found,) = keys.everyone(connection)
        assert keys.any_at_all(connection)
    assert found.revoked_at == datetime(2026, 11, 20, 12, 1, 0, 250_000, tzinfo=UTC)


def test_usage_adds_up(database):
    with writing(database) as connection:
        keys.add_usage(connection, "a", DAY, Usage(1, 2, 0.5, 0.25))
        keys.add_usage(connection, "a", DAY, Usage(1, 0, 0.5, 0.25))
        keys.add_usage(connection, "a", date(2026, 11, 19), Usage(requests=5))
        keys.add_usage(connection, "b", DAY, Usage(requests=7))
    with reading(database) as connection:
        assert keys.usage(connection, "a") == {date(2026, 11, 19): Usage(requests=5), DAY: Usage(2, 2, 1.0, 0.5)}
