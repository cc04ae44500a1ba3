"""Callers' files, looked up again and again."""

import time

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import NotFound
from rubylith.service.files import EMBEDDED, TRUST_SECONDS, Files, id_of
from rubylith.storage.objects import Objects

CALLER, STRANGER = (Caller(name, name, frozenset({Scope.SEGMENT})) for name in ("somebody", "stranger"))


@pytest.fixture
def nodes(tmp_path):
    """Two servers with one database and one store."""
    database = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(database)
    yield tuple(
        Files(Objects((tmp_path / "objects").as_uri(), database, secret=bytes(32)), 3600, 3600) for _ in range(2)
    )
    database.dispose()


def kept(files):
    return id_of(files.keep(b"picture", CALLER, kind=EMBEDDED, media_type="image/png", name="a.png"))


def test_what_was_deleted_here_is_gone_at_once(nodes):
    file_id = kept(nodes[0])
    assert nodes[0].find_lately(file_id, CALLER.id).name == "a.png"
    nodes[0].delete(file_id, CALLER)
    with pytest.raises(NotFound):
        nodes[0].find_lately(file_id, CALLER.id)


def test_what_was_deleted_by_another_server_is_gone_in_a_moment(nodes):
    file_id = kept(nodes[0])
    nodes[0].find_lately(file_id, CALLER.id)
    nodes[1].delete(file_id, CALLER)
    time.sleep(TRUST_SECONDS)
    with pytest.raises(NotFound):
        nodes[0].find_lately(file_id, CALLER.id)


def test_what_its_owner_found_lately_is_nobody_elses(nodes):
    file_id = kept(nodes[0])
    nodes[0].find_lately(file_id, CALLER.id)
    with pytest.raises(NotFound):
        nodes[0].find_lately(file_id, STRANGER.id)


def test_what_was_found_a_moment_ago_is_not_looked_up_again(nodes):
    file_id = kept(nodes[0])
    found = nodes[0].find_lately(file_id, CALLER.id)
    assert nodes[0].find_lately(file_id, CALLER.id) is found
    assert nodes[0].find(file_id, CALLER.id) is not found
