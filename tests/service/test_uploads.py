"""Files that come later, into a store on disk."""

import random

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.caller import Caller, Scope
from rubylith.domain.errors import Conflict, Forbidden, NotFound, TooLarge
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


@pytest.mark.parametrize("named", [(), ((1, "wrong"),), ((2, None),), ((3, None),), ((1, None), (1, None))])
def test_parts_that_were_not_sent_so_are_a_conflict(uploads, named):
    ticket = begin(uploads)
    tag = uploads.keep_part(ticket.id, ticket.put, 1, b"x")
    with pytest.raises(Conflict):
        uploads.join(ticket.id, ticket.put, tuple((number, given or tag) for number, given in named))
    with pytest.raises(NotFound):
        uploads.keep_part(ticket.id, ticket.put, 0, b"x")
