"""What only a folder can show: files, their mode, and what a kill leaves behind."""

import os
import stat
import subprocess
import sys
import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.errors import Forbidden, NotFound, StorageFailed, UnknownName
from rubylith.storage import Content
from rubylith.storage.objects import Objects

SECRET = bytes(range(32))
MINE = {"owner": "me", "media_type": "image/png"}

KILLED = """
import os, sys
from rubylith.database.connection import connect
from rubylith.storage.objects import Objects
store = Objects(sys.argv[1], connect(sys.argv[2]), secret=bytes(32))
def data():
    yield bytes(20_000_000)
    os.kill(os.getpid(), 9)
store.put("a/killed", data(), owner="me", media_type="image/png", ttl_seconds=60)
"""


@pytest.fixture
def store(tmp_path, database, clock):
    return Objects(f"file://{tmp_path}/objects", database, secret=SECRET, clock=clock)


def files(tmp_path):
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_objects_outlive_a_restart(tmp_path, store, clock):
    store.put("a/b", b"kept", name="b.png", ttl_seconds=10, **MINE)
    store.put("a/c", b"kept", **MINE)
    engine = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(engine)
    again = Objects(f"file://{tmp_path}/objects", engine, secret=SECRET, clock=clock)
    assert (again.read("a/b"), again.stat("a/b").name) == (b"kept", "b.png")
    clock.now += 10
    assert again.sweep() == 1
    assert [path.name for path in files(tmp_path)] == ["c"]
    engine.dispose()


def test_other_users_of_the_machine_cannot_look_in(tmp_path, store):
    assert stat.S_IMODE((tmp_path / "objects").stat().st_mode) == 0o700


def test_a_kill_while_writing_leaves_nothing_for_good(tmp_path, store, database):
    """No object, and the half-written file goes with the first sweep an hour later."""
    url, base = f"file://{tmp_path}/objects", f"sqlite:///{tmp_path}/rubylith.db"
    killed = subprocess.run([sys.executable, "-c", KILLED, url, base], check=False, timeout=60)
    assert killed.returncode == -9
    with pytest.raises(NotFound):
        store.stat("a/killed")
    assert files(tmp_path)
    for path in files(tmp_path):
        os.utime(path, (time.time() - 7200,) * 2)
    later = Objects(url, database, secret=SECRET, clock=lambda: time.time() + 100)
    assert later.sweep() == 1  # the row that was written before the bytes
    assert files(tmp_path) == []


def test_a_file_that_is_being_written_survives_the_sweep(tmp_path, store):
    staged = tmp_path / "objects" / "a#1"
    staged.write_bytes(b"half")
    store.sweep()
    assert staged.exists()


def test_bytes_that_somebody_removed_are_not_found(tmp_path, store):
    store.put("a/b", b"kept", **MINE)
    files(tmp_path)[0].unlink()
    with pytest.raises(NotFound):
        store.read("a/b")
    assert store.delete("a/b") is True


def test_of_several_put_at_once_no_new_one_stays_if_one_cannot_be_written(tmp_path, store):
    store.put("a/old", b"kept", **MINE)
    (tmp_path / "objects" / "a" / "3").mkdir()  # a folder where the file should be
    (tmp_path / "objects" / "a" / "3" / "file").touch()
    contents = [Content(f"a/{name}", b"new", "text/plain") for name in ("1", "old", "3", "4")]
    with pytest.raises(StorageFailed):
        store.put_all(contents, owner="me")
    assert [one.key for one in store.list("a/")] == ["a/old"]
    assert not (tmp_path / "objects" / "a" / "1").exists()
    assert store.read("a/old") == b"new"


def test_one_object_that_cannot_be_deleted_holds_up_no_other(tmp_path, store, clock):
    for key in ["a/1", "a/2", "a/3"]:
        store.put(key, b"kept", ttl_seconds=1, **MINE)
    stuck = tmp_path / "objects" / "a" / "1"
    stuck.unlink()
    stuck.mkdir()  # a folder where the file was: cannot be deleted as a file
    (stuck / "file").touch()
    clock.now += 1
    with pytest.raises(StorageFailed):
        store.sweep()
    assert not (tmp_path / "objects" / "a" / "2").exists()
    assert not (tmp_path / "objects" / "a" / "3").exists()


def test_a_full_round_with_a_signed_url(store, clock):
    store.put("a/b", b"kept", **MINE)
    url = store.url("a/b", base="http://here:8000/v1/objects/", seconds=60)
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("here:8000", "/v1/objects/a/b")
    query = dict(parse_qsl(parts.query))
    assert store.granted("GET", "a/b", query).key == "a/b"
    with pytest.raises(Forbidden):
        store.granted("GET", "a/c", query)
    clock.now += 60
    with pytest.raises(Forbidden):
        store.granted("GET", "a/b", query)


def test_a_signed_url_to_put_carries_its_limits(store):
    url = store.url("a/b", base="http://here", seconds=60, method="PUT", media_type="image/png", max_bytes=10)
    grant = store.granted("PUT", "a/b", dict(parse_qsl(urlsplit(url).query)))
    assert (grant.media_type, grant.max_bytes) == ("image/png", 10)


@pytest.mark.parametrize(
    "url", ["http://host/a", "ftp://host", "file://host/a", "file:relative", "s3://", "nonsense", ""]
)
def test_other_stores_are_refused_by_name(url, database):
    with pytest.raises(UnknownName):
        Objects(url, database, secret=SECRET)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, database):
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="file"):
        Objects(f"file://{tmp_path}/file/objects", database, secret=SECRET)


def test_a_url_for_as_long_as_the_object_lives_is_always_the_same(store, clock):
    stored = store.put("a/b", b"kept", ttl_seconds=30 * 86_400, **MINE)
    url = store.url("a/b", base="http://here/objects", seconds=None)
    clock.now += 9 * 86_400
    assert store.url("a/b", base="http://here/objects", seconds=None) == url
    query = dict(parse_qsl(urlsplit(url).query))
    assert store.granted("GET", "a/b", query).expires_at == int(stored.expires_at.timestamp())
    clock.now += 21 * 86_400
    with pytest.raises(Forbidden):
        store.granted("GET", "a/b", query)


def test_a_place_that_is_only_reserved_has_stable_urls_too(store):
    store.reserve("a/c", owner="me", media_type="text/plain", ttl_seconds=60)
    put = store.url("a/c", base="http://here/objects", seconds=None, method="PUT", max_bytes=10)
    assert store.granted("PUT", "a/c", dict(parse_qsl(put.partition("?")[2], keep_blank_values=True))).max_bytes == 10
    assert store.url("a/c", base="http://here/objects", seconds=None).partition("?")[0] == "http://here/objects/a/c"
