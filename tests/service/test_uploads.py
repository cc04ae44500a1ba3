"""Files that come later, into a store on disk."""

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import Conflict, Forbidden, NotFound, TimedOut, TooLarge
from rubylith.service.files import key_of
from rubylith.service.uploads import Uploads
from rubylith.storage.objects import Objects

CALLER = Caller("somebody", "somebody", frozenset({Scope.SEGMENT}))
MOST = 100_000


@pytest.fixture
def uploads(tmp_path):
    database = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(database)
    yield Uploads(Objects((tmp_path / "objects").as_uri(), database, secret=bytes(32)), 3600, MOST)
    database.dispose()


def begin(uploads, **options):
    return uploads.begin(CALLER, media_type="image/png", name="folder/in.png", **options)


def read(uploads, ticket):
    return uploads.objects.read(key_of(ticket.id), owner=CALLER.id)


def test_a_file_is_missing_until_it_is_sent_and_then_its_owners(uploads):
    ticket = begin(uploads)
    with pytest.raises(NotFound):
        read(uploads, ticket)
    stored = uploads.fill(ticket.id, ticket.put, iter([b"one ", b"two"]))
    assert read(uploads, ticket) == b"one two"
    assert (stored.owner, stored.media_type, stored.name, ticket.name) == (CALLER.id, "image/png", "in.png", "in.png")


def test_the_ticket_opens_its_own_file_only_and_only_for_what_it_says(uploads):
    ticket, other = begin(uploads), begin(uploads)
    for file_id, query in ((ticket.id, other.put), (ticket.id, ticket.get), (ticket.id, "")):
        with pytest.raises(Forbidden):
            uploads.fill(file_id, query, b"x")
        with pytest.raises(Forbidden):
            uploads.keep_part(file_id, query, 1, b"x")
        with pytest.raises(Forbidden):
            uploads.join(file_id, query, ((1, "x"),))


def test_a_file_over_the_limit_is_not_kept_whole_or_in_parts(uploads):
    ticket = begin(uploads)
    with pytest.raises(TooLarge):
        uploads.fill(ticket.id, ticket.put, iter([bytes(MOST), b"x"]))
    uploads.keep_part(ticket.id, ticket.put, 1, bytes(MOST - 10))
    uploads.keep_part(ticket.id, ticket.put, 1, bytes(MOST - 10))
    with pytest.raises(TooLarge):
        uploads.keep_part(ticket.id, ticket.put, 2, bytes(11))


def test_parts_in_any_order_are_joined_in_theirs_and_again_if_asked_again(uploads):
    ticket = begin(uploads)
    pieces = [bytes([number]) * (1000 * number) for number in range(1, 13)]
    numbered = list(enumerate(pieces, 1))
    random.Random(1).shuffle(numbered)
    tags = {number: uploads.keep_part(ticket.id, ticket.put, number, iter([piece])) for number, piece in numbered}
    parts = tuple(sorted(tags.items()))
    stored = uploads.join(ticket.id, ticket.put, parts)
    assert read(uploads, ticket) == b"".join(pieces)
    assert uploads.objects.list("parts/") == ()
    assert uploads.join(ticket.id, ticket.put, parts).size == stored.size


class Slow:
    """A part that hangs after its first piece until it is told how to end."""

    def __init__(self, uploads, ticket, number: int, first: bytes) -> None:
        self.arrived, self.go_on, self.breaks, self.tag = threading.Event(), threading.Event(), False, None
        self.thread = threading.Thread(target=self._send, args=(uploads, ticket, number, first))
        self.thread.start()
        assert self.arrived.wait(10)

    def _send(self, uploads, ticket, number, first):
        def chunks():
            yield first
            self.arrived.set()
            assert self.go_on.wait(10)
            if self.breaks:
                raise TimedOut("the line is silent", "")

        with contextlib.suppress(TimedOut):
            self.tag = uploads.keep_part(ticket.id, ticket.put, number, chunks())

    def end(self, *, breaks: bool = False) -> None:
        self.breaks = breaks
        self.go_on.set()
        self.thread.join()


@pytest.mark.parametrize("breaks", [True, False])
def test_a_stale_attempt_at_a_part_takes_nothing_from_the_one_that_replaced_it(uploads, breaks):
    ticket = begin(uploads)
    stale = Slow(uploads, ticket, 1, b"stale")
    tag = uploads.keep_part(ticket.id, ticket.put, 1, b"good")
    stale.end(breaks=breaks)
    uploads.join(ticket.id, ticket.put, ((1, tag),))
    assert read(uploads, ticket) == b"good"
    assert uploads.objects.list("parts/") == ()


def test_a_part_that_is_sent_again_replaces_the_earlier_only_once_it_is_whole(uploads):
    ticket = begin(uploads)
    first = uploads.keep_part(ticket.id, ticket.put, 1, b"first")
    Slow(uploads, ticket, 1, b"broken").end(breaks=True)
    uploads.join(ticket.id, ticket.put, ((1, first),))
    assert read(uploads, ticket) == b"first"
    first = uploads.keep_part(ticket.id, ticket.put, 1, b"first")
    uploads.keep_part(ticket.id, ticket.put, 1, b"second")
    with pytest.raises(Conflict):
        uploads.join(ticket.id, ticket.put, ((1, first),))


def test_parts_that_arrive_at_once_are_held_to_the_limit_together(uploads):
    ticket, asked = begin(uploads), []

    def pieces():
        for size in (MOST // 2, 1, 1):
            asked.append(size)
            yield bytes(size)

    slow = Slow(uploads, ticket, 1, bytes(MOST // 2))
    with pytest.raises(TooLarge, match=f"more than {MOST}"):
        uploads.keep_part(ticket.id, ticket.put, 2, pieces())
    assert asked == [MOST // 2, 1]  # nothing more is taken in
    slow.end(breaks=True)
    uploads.keep_part(ticket.id, ticket.put, 2, bytes(MOST))  # what did not come leaves room
    with pytest.raises(TooLarge):
        uploads.keep_part(ticket.id, ticket.put, 3, b"x")


def test_several_attempts_at_once_do_not_each_have_the_room_of_the_part_that_they_replace(uploads):
    ticket = begin(uploads)
    uploads.keep_part(ticket.id, ticket.put, 1, bytes(MOST))
    slow = Slow(uploads, ticket, 1, bytes(MOST - 1))
    with pytest.raises(TooLarge):
        uploads.keep_part(ticket.id, ticket.put, 1, bytes(2))
    slow.end()
    uploads.join(ticket.id, ticket.put, ((1, slow.tag),))
    assert len(read(uploads, ticket)) == MOST - 1


def test_only_the_very_last_join_may_be_asked_for_again(uploads):
    ticket = begin(uploads)
    uploads.fill(ticket.id, ticket.put, b"whole")
    with pytest.raises(Conflict):
        uploads.join(ticket.id, ticket.put, ((1, "nonsense"),))
    joins = []
    for piece in (b"first", b"second"):
        joins.append(((1, uploads.keep_part(ticket.id, ticket.put, 1, piece)),))
        uploads.join(ticket.id, ticket.put, joins[-1])
    assert uploads.join(ticket.id, ticket.put, joins[-1]).size == len(b"second")
    for other in (joins[0], ((1, "nonsense"),), (*joins[-1], (2, "nonsense"))):
        with pytest.raises(Conflict):
            uploads.join(ticket.id, ticket.put, other)


def test_a_file_that_many_ask_to_join_at_once_is_told_to_all_of_them(uploads):
    ticket = begin(uploads)
    parts = tuple(
        (number, uploads.keep_part(ticket.id, ticket.put, number, bytes([number]) * 5000)) for number in range(1, 19)
    )
    with ThreadPoolExecutor(4) as asking:
        joined = list(asking.map(lambda _: uploads.join(ticket.id, ticket.put, parts), range(4)))
    assert {stored.size for stored in joined} == {18 * 5000}
    assert len(read(uploads, ticket)) == 18 * 5000


@pytest.mark.parametrize("named", [(), ((1, "wrong"),), ((2, None),), ((3, None),), ((1, None), (1, None))])
def test_parts_that_were_not_sent_so_are_a_conflict(uploads, named):
    ticket = begin(uploads)
    tag = uploads.keep_part(ticket.id, ticket.put, 1, b"x")
    with pytest.raises(Conflict):
        uploads.join(ticket.id, ticket.put, tuple((number, given or tag) for number, given in named))
    with pytest.raises(NotFound):
        uploads.keep_part(ticket.id, ticket.put, 0, b"x")
