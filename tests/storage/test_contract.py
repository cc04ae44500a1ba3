"""What every store must do: on disk, in memory, on S3."""

import contextlib
import os
import threading

import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rubylith.domain.errors import Conflict, Forbidden, NotFound, TooLarge
from rubylith.storage import Content

DATA = bytes(range(256)) * 40
MINE = {"owner": "me", "media_type": "image/png"}


def test_what_was_put_is_got(store):
    put = store.put("jobs/1/mask.png", DATA, owner="me", media_type="Image/PNG; q=1", name="der Hund.png")
    opened = store.get("jobs/1/mask.png")
    assert b"".join(opened.chunks) == store.read("jobs/1/mask.png") == DATA
    assert opened.stored == put == store.stat("jobs/1/mask.png")
    assert (put.owner, put.media_type, put.name, put.size) == ("me", "image/png", "der Hund.png", len(DATA))
    assert put.created_at.tzinfo is not None


def test_several_are_put_at_once(store):
    store.put("jobs/1/b.png", b"old", **MINE)
    contents = [Content("jobs/1/a.png", DATA, "image/png", "der Hund.png"), Content("jobs/1/b.png", b"new", "text/x")]
    put = store.put_all(contents, owner="me", ttl_seconds=60)
    assert [(one.name, one.media_type, one.size) for one in put] == [
        ("der Hund.png", "image/png", len(DATA)),
        ("b.png", "text/x", 3),
    ]
    assert [store.stat(one.key) for one in put] == list(put)
    assert [store.read(one.key) for one in put] == [DATA, b"new"]
    assert store.put_all([], owner="me") == ()


def test_of_several_with_a_key_that_is_taken_none_is_kept(store):
    store.put("a/2", b"theirs", owner="somebody", media_type="text/plain")
    with pytest.raises(Conflict):
        store.put_all([Content("a/1", b"1", "text/plain"), Content("a/2", b"2", "text/plain")], owner="me")
    assert [one.key for one in store.list("a/")] == ["a/2"]
    assert store.read("a/2") == b"theirs"


def test_nothing_at_all_can_be_kept(store):
    store.put("a/empty", b"", **MINE)
    assert (store.read("a/empty"), store.stat("a/empty").size) == (b"", 0)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, None, (0, 100)),
        (10, 20, (10, 20)),
        (90, 1000, (90, 100)),
        (-10, None, (90, 100)),
        (99, 100, (99, 100)),
        (100, None, (100, 100)),
        (500, 600, (100, 100)),
        (50, 50, (50, 50)),
        (60, 40, (60, 60)),
        (-500, 5, (0, 5)),
    ],
)
def test_a_part_is_cut_to_what_is_there(store, start, stop, expected):
    store.put("a/b", DATA[:100], **MINE)
    opened = store.get("a/b", start=start, stop=stop)
    assert (opened.start, opened.stop) == expected
    assert b"".join(opened.chunks) == DATA[:100][slice(*expected)]
    assert opened.stored.size == 100


def test_large_objects_stream_in_and_out(store):
    chunk = os.urandom(1_000_000)
    put = store.put("a/large", (chunk for _ in range(20)), **MINE)
    sizes = [len(c) for c in store.get("a/large").chunks]
    assert put.size == sum(sizes) == 20_000_000
    assert max(sizes) <= 2**20
    assert b"".join(store.get("a/large", start=999_999, stop=1_000_001).chunks) == chunk[-1:] + chunk[:1]


def test_large_bytes_are_kept_too(store):
    data = os.urandom(9_000_000)
    store.put("a/large", data, **MINE)
    assert store.read("a/large") == data


@pytest.mark.parametrize("as_stream", [True, False])
def test_over_the_limit_nothing_is_kept(store, as_stream):
    data = (DATA for _ in range(1000)) if as_stream else DATA * 1000
    with pytest.raises(TooLarge):
        store.put("a/b", data, max_bytes=len(DATA) * 1000 - 1, **MINE)
    with pytest.raises(NotFound):
        store.get("a/b")
    assert store.list("a/") == ()


def test_a_stream_that_breaks_off_leaves_what_was_there(store):
    def broken():
        yield DATA
        raise RuntimeError("the caller hung up")

    with pytest.raises(RuntimeError, match="hung up"):
        store.put("a/new", broken(), **MINE)
    with pytest.raises(NotFound):
        store.stat("a/new")
    store.put("a/new", b"yours", owner="you", media_type="image/png")  # nor does its name stay taken
    store.put("a/old", b"old", **MINE)
    with pytest.raises(RuntimeError, match="hung up"):
        store.put("a/old", broken(), **MINE)
    assert store.read("a/old") == b"old"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_put_that_breaks_off_late_takes_nothing_from_one_that_was_faster(store, clock, at_once):
    def overtake():
        if at_once:
            store.put_all([Content("a/b", b"good", "text/plain"), Content("a/c", b"too", "text/plain")], owner="me")
        else:
            store.put("a/b", b"good", **MINE)

    def overtaken():
        yield DATA
        clock.now += 1
        faster = threading.Thread(target=overtake)
        faster.start()
        faster.join()
        raise RuntimeError("the caller hung up")

    with pytest.raises(RuntimeError, match="hung up"):
        store.put("a/b", overtaken(), **MINE)
    assert store.read("a/b") == b"good"


def test_several_that_fail_late_take_nothing_from_those_that_others_are_about_to_write(store, clock, monkeypatch):
    """Two do the same work; the first fails when the second has sent its bytes but not yet written its rows."""
    real, sent = obstore.put, []
    contents = [Content("a/b", b"good", "text/plain"), Content("a/c", b"too", "text/plain")]
    first = threading.Thread(target=lambda: suppressed(store.put_all, contents, owner="me"))
    first_waits, first_fails = threading.Event(), threading.Event()

    def put(*given, **options):
        sent.append(threading.current_thread())
        if threading.current_thread() is first:
            first_waits.set()
            assert first_fails.wait(10)
            raise RuntimeError("the disk broke")
        answer = real(*given, **options)
        if len(sent) == 3:  # the second has sent all
            first_fails.set()
            first.join()
        return answer

    monkeypatch.setattr(obstore, "put", put)
    first.start()
    assert first_waits.wait(10)
    clock.now += 1
    store.put_all(contents, owner="me")
    assert [store.read("a/b"), store.read("a/c")] == [b"good", b"too"]


def suppressed(do, *given, **options):
    with contextlib.suppress(RuntimeError):
        do(*given, **options)


def test_the_last_put_wins(store):
    store.put("a/b", DATA, **MINE)
    store.put("a/b", b"new", owner="me", media_type="text/plain", name="new.txt")
    stat = store.stat("a/b")
    assert (store.read("a/b"), stat.media_type, stat.name, stat.size) == (b"new", "text/plain", "new.txt", 3)


def test_readers_never_see_a_part_while_others_put(store):
    puts = [bytes([n]) * 200_000 for n in range(4)]
    store.put("a/b", puts[0], **MINE)
    seen, over = set(), threading.Event()

    def read():
        while not over.is_set():
            seen.add(store.read("a/b"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        for data in puts:
            store.put("a/b", data, **MINE)
    over.set()
    reader.join()
    assert seen <= set(puts)


def test_a_missing_object_is_not_found_and_may_be_deleted(store):
    for act in (store.get, store.stat, store.read):
        with pytest.raises(NotFound):
            act("no/such")
    assert store.delete("no/such") is False


def test_a_deleted_object_is_gone(store):
    store.put("a/b", DATA, **MINE)
    assert store.delete("a/b") is True
    assert store.delete("a/b") is False
    with pytest.raises(NotFound):
        store.get("a/b")


def test_anothers_object_is_as_good_as_missing(store):
    store.put("a/b", DATA, **MINE)
    for act in (store.get, store.stat, store.read):
        with pytest.raises(NotFound):
            act("a/b", owner="you")
    assert store.delete("a/b", owner="you") is False
    assert store.list("a/", owner="you") == ()
    with pytest.raises(NotFound):
        store.expire("a/b", ttl_seconds=1, owner="you")
    with pytest.raises(Conflict):
        store.put("a/b", b"yours", owner="you", media_type="image/png")
    assert store.read("a/b", owner="me") == DATA


def test_reading_all_has_a_limit(store):
    store.put("a/b", DATA, **MINE)
    assert store.read("a/b", max_bytes=len(DATA)) == DATA
    with pytest.raises(TooLarge):
        store.read("a/b", max_bytes=len(DATA) - 1)


def test_lists_go_by_prefix_in_order_and_in_pages(store):
    for key in ["a/3", "a/1", "a/2", "ab/1", "b/1", "a/x_y", "a/xzy"]:
        store.put(key, b"1", **MINE)
    assert [o.key for o in store.list("a/")] == ["a/1", "a/2", "a/3", "a/x_y", "a/xzy"]
    assert [o.key for o in store.list("a/x_")] == ["a/x_y"]
    assert [o.key for o in store.list("a/", limit=2)] == ["a/1", "a/2"]
    assert [o.key for o in store.list("a/", after="a/2", limit=1)] == ["a/3"]


ODD = ["", "a", "/a/b", "/etc/passwd", "../a/b", "a/../b", "a/..", "a/./b", "a//b", "a/b/", "a/.b", "a\\b/c", "a/b c"]
ODD += ["a/b\n", "a/b\x00", "a/b%2e", "a/ü", "a/b#1", "a/b?x", "C:/a", "~/a", "a/" + "b" * 600]


@pytest.mark.parametrize("key", ODD)
def test_odd_keys_name_no_object(store, key):
    with pytest.raises(NotFound):
        store.put(key, DATA, **MINE)
    for act in (store.get, store.stat, store.delete):
        with pytest.raises(NotFound):
            act(key)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=20))
def test_any_string_is_a_key_or_not_found(store, key):
    with pytest.raises(NotFound):
        store.stat(key)


def test_an_expired_object_is_gone_before_and_after_the_sweep(store, clock):
    store.put("a/short", DATA, ttl_seconds=10, **MINE)
    store.put("a/long", DATA, ttl_seconds=1000, **MINE)
    store.put("a/ever", DATA, **MINE)
    clock.now += 9.9
    assert store.sweep() == 0
    assert store.read("a/short") == DATA
    clock.now += 0.1
    with pytest.raises(NotFound):
        store.stat("a/short")
    assert [o.key for o in store.list("a/")] == ["a/ever", "a/long"]
    assert [store.sweep(), store.sweep()] == [1, 0]
    assert store.read("a/long") == store.read("a/ever") == DATA


def test_what_is_put_while_the_sweep_deletes_is_kept(store, clock, monkeypatch):
    store.put("a/b", DATA, ttl_seconds=10, **MINE)
    clock.now += 20
    delete, putting = obstore.delete, threading.Thread(target=store.put, args=("a/b", b"new"), kwargs=MINE)

    def delete_late(*given):
        putting.start()
        putting.join(0.3)
        delete(*given)

    monkeypatch.setattr(obstore, "delete", delete_late)
    assert store.sweep() == 1
    putting.join()
    assert store.read("a/b") == b"new"


def test_an_expired_key_may_be_put_again_by_anybody(store, clock):
    store.put("a/b", DATA, ttl_seconds=10, **MINE)
    clock.now += 20
    store.put("a/b", b"new", owner="you", media_type="text/plain")
    assert store.sweep() == 0
    assert store.read("a/b", owner="you") == b"new"


def test_expiry_can_be_put_off_and_brought_forward(store, clock):
    store.put("a/b", DATA, ttl_seconds=10, **MINE)
    store.expire("a/b", ttl_seconds=None)
    clock.now += 100
    assert store.stat("a/b").expires_at is None
    store.expire("a/b", ttl_seconds=0)
    with pytest.raises(NotFound):
        store.stat("a/b")
    with pytest.raises(NotFound):
        store.expire("a/other", ttl_seconds=1)


def test_a_reserved_object_is_missing_until_it_is_filled(store, clock):
    store.reserve("up/1", owner="me", media_type="image/png", name="in.png", ttl_seconds=100)
    with pytest.raises(NotFound):
        store.stat("up/1")
    assert store.list("up/") == ()
    filled = store.fill("up/1", DATA, media_type="image/jpeg", max_bytes=1_000_000)
    assert store.stat("up/1", owner="me") == filled
    assert (filled.media_type, filled.name) == ("image/jpeg", "in.png")
    assert filled.expires_at.timestamp() == clock.now + 100
    with pytest.raises(NotFound):
        store.fill("up/2", DATA)


def test_a_reservation_that_is_never_filled_is_swept_away(store, clock):
    store.reserve("up/1", owner="me", media_type="image/png", ttl_seconds=10)
    clock.now += 10
    assert store.sweep() == 1
    with pytest.raises(NotFound):
        store.fill("up/1", DATA)


def test_a_put_over_the_limit_keeps_the_reservation(store):
    store.reserve("up/1", owner="me", media_type="image/png")
    with pytest.raises(TooLarge):
        store.fill("up/1", DATA, max_bytes=10)
    store.fill("up/1", b"small", max_bytes=10)
    assert store.read("up/1") == b"small"


def test_no_url_is_given_for_what_is_no_key(store):
    for key in ["../a", "a/../b", "/a/b"]:
        with pytest.raises(NotFound):
            store.url(key, base="http://here", seconds=10)


def test_a_url_of_ours_that_nobody_signed_opens_nothing(store):
    with pytest.raises(Forbidden):
        store.granted("GET", "a/b", {"method": "GET", "expires": "9999999999", "signature": "0" * 64})
