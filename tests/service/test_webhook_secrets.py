"""Secrets shared with callers: new when asked for, the same after a restart, and written down nowhere."""

import re
from pathlib import Path

import pytest

from rubylith.database.connection import connect
from rubylith.service.operator import open_database
from rubylith.service.webhook_secrets import WebhookSecrets

KEY = bytes(range(32))


@pytest.fixture
def database(tmp_path):
    engine = open_database("", tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def kept(database):
    return WebhookSecrets(database, KEY)


def test_there_is_none_before_the_first_rotation(kept):
    assert kept.of("alice") is None


def test_each_rotation_gives_a_new_one_to_one_owner(kept):
    first, second, other = kept.rotate("alice"), kept.rotate("alice"), kept.rotate("bob")
    assert len({first, second, other}) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in (first, second, other))
    assert (kept.of("alice"), kept.of("bob")) == (second, other)


def test_it_survives_a_restart_but_not_another_key(kept, database):
    secret = kept.rotate("alice")
    reopened = connect(str(database.url))
    assert WebhookSecrets(reopened, KEY).of("alice") == secret
    assert WebhookSecrets(reopened, bytes(32)).of("alice") != secret
    reopened.dispose()


def test_it_is_found_nowhere_but_in_what_the_rotation_gave(kept, tmp_path):
    secret = kept.rotate("alice").encode()
    written = b"".join(path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file())
    assert b"alice" in written
    assert secret not in written
    assert secret.decode() not in repr(kept)
    assert KEY.hex() not in repr(kept)
