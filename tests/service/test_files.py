"""Callers' files, looked up again and again."""

import time
from dataclasses import replace

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import NotFound
from rubylith.service.files import EMBEDDED, Files, id_of
from rubylith.service.lately import TRUST_SECONDS, Lately
from rubylith.storage.objects import Objects

CALLER, STRANGER = (Caller(name, name, frozenset({Scope.SEGMENT})) for name in ("somebody", "stranger"))


@pytest.fixture
def nodes(tmp_path):
    """Two servers with one database and one store."""
    database = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(database)
    yield tuple(
        Files(Overtaken((tmp_path / "objects").as_uri(), database, secret=bytes(32)), 3600, 3600) for _ in range(2)
    )
    database.dispose()


class Overtaken(Objects):
    """Does something else, once, between what a look-up finds and its return."""

    meanwhile = None

    def stat(self, key, *, owner=None):
        stored = super().stat(key, owner=owner)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return stored


def kept(files, name="a.png", data=b"picture"):
    return id_of(files.keep(data, CALLER, kind=EMBEDDED, media_type="image/png", name=name))


def test_what_was_deleted_here_is_gone_at_once(nodes):
    file_id = kept(nodes[0])
    assert nodes[0].find_lately(file_id, CALLER.id).name == "a.png"
    nodes[0].delete(file_id, CALLER)
    with pytest.raises(NotFound):
        nodes[0].find_lately(file_id, CALLER.id)


def test_what_was_deleted_here_while_it_was_looked_up_is_gone_at_once(nodes):
    file_id = kept(nodes[0])
    nodes[0].objects.meanwhile = lambda: nodes[0].delete(file_id, CALLER)
    assert nodes[0].find_lately(file_id, CALLER.id).name == "a.png"
    with pytest.raises(NotFound):
        nodes[0].find_lately(file_id, CALLER.id)


def test_what_was_kept_anew_has_its_new_name_at_once(nodes):
    file_id = kept(nodes[0])
    nodes[0].find_lately(file_id, CALLER.id)
    assert kept(nodes[0], "b.png") == file_id
    assert nodes[0].find_lately(file_id, CALLER.id).name == "b.png"


def test_what_was_kept_anew_while_it_was_looked_up_has_its_new_name_at_once(nodes):
    file_id = kept(nodes[0])
    nodes[0].objects.meanwhile = lambda: kept(nodes[0], "b.png")
    assert nodes[0].find_lately(file_id, CALLER.id).name == "a.png"
    assert nodes[0].find_lately(file_id, CALLER.id).name == "b.png"


def test_of_more_files_than_are_remembered_only_the_oldest_is_looked_up_again(nodes):
    files = replace(nodes[0], lately=Lately(at_most=2))
    ids = [kept(files, data=bytes([number])) for number in range(3)]
    first, second, third = [files.find_lately(file_id, CALLER.id) for file_id in ids]
    assert files.find_lately(ids[1], CALLER.id) is second
    assert files.find_lately(ids[2], CALLER.id) is third
    assert files.find_lately(ids[0], CALLER.id) is not first


def test_files_can_be_hashed(nodes):
    assert len({nodes[0], nodes[0], nodes[1]}) == 2


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
