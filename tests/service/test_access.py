import logging
import threading
import time
from datetime import UTC, datetime

import pytest

from rubylith.database.connection import connect, create_tables
from rubylith.domain.caller import Quota, Scope, Usage
from rubylith.domain.errors import Forbidden, NotFound, RateLimited, RubylithError, Unauthorized
from rubylith.service.access import ANONYMOUS, Access


@pytest.fixture
def database(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def access(database):
    return Access(database)


def test_without_any_key_everybody_is_anonymous_and_may_do_everything(access):
    assert not access.needs_key()
    assert access.caller(None) is access.caller("whatever a client sends") is ANONYMOUS
    for scope in Scope:
        ANONYMOUS.require(scope)


def test_with_a_key_only_its_secret_opens(access):
    issued = access.create("studio")
    caller = access.caller(issued.secret)
    assert (caller.id, caller.name) == (issued.key.id, "studio")
    for wrong in [None, "", "rl_", issued.secret[:-1], issued.secret + "x", issued.key.id, issued.key.shown, "\ud800"]:
        with pytest.raises(Unauthorized):
            access.caller(wrong)


def test_a_secret_has_256_bits_and_two_are_never_alike(access):
    secrets = {access.create("a").secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("rl_") and len(secret) == 46 for secret in secrets)


def test_a_secret_is_found_nowhere_but_in_what_create_gave(access, database, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    issued = access.create("studio")
    caller = access.caller(issued.secret)
    with pytest.raises(Unauthorized) as caught:
        Access(database).caller(issued.secret + "x")
    shown = [repr(issued), repr(access.list()), repr(caller), str(caught.value), repr(caught.value), caplog.text]
    shown += [repr(Access(database, (issued.secret,)).__dict__)]
    assert not [text for text in shown if issued.secret[3:] in text]
    database.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert issued.key.id.encode() in kept
    assert issued.secret.encode() not in kept
    assert issued.key.shown == issued.secret[:9]


def test_a_revoked_key_stops_within_a_second_in_every_process(access, database):
    issued = access.create("studio")
    other = Access(database)  # as another process would see it
    assert other.caller(issued.secret)
    access.revoke(issued.key.id)
    with pytest.raises(Unauthorized):
        access.caller(issued.secret)
    time.sleep(0.6)
    with pytest.raises(Unauthorized):
        other.caller(issued.secret)
    assert access.list()[0].revoked_at is not None
    for id_ in [issued.key.id, "key_nobody"]:
        with pytest.raises(NotFound):
            access.revoke(id_)


def test_when_the_last_key_is_revoked_the_door_stays_shut(access, database):
    access.revoke(access.create("studio").key.id)
    for door in [access, Access(database)]:
        with pytest.raises(Unauthorized):
            door.caller(None)


def test_the_first_key_shuts_the_door_in_other_processes_too(access, database):
    other = Access(database)
    assert other.caller(None) is ANONYMOUS
    access.create("studio")
    time.sleep(0.6)
    with pytest.raises(Unauthorized):
        other.caller(None)


def test_keys_from_outside_keep_their_owner_over_restarts(database):
    first = Access(database, ("alpha-secret", " beta-secret ", ""))
    again = Access(database, ("beta-secret", "alpha-secret"))
    assert first.caller("alpha-secret").id == again.caller("alpha-secret").id
    assert first.caller("alpha-secret").id != first.caller("beta-secret").id
    assert "alpha" not in first.caller("alpha-secret").id
    with pytest.raises(Unauthorized):
        first.caller("")
    with pytest.raises(Forbidden):
        first.caller("alpha-secret").require(Scope.ADMIN)


def test_a_key_opens_its_scopes_only(access):
    caller = access.caller(access.create("studio", frozenset({Scope.SEGMENT})).secret)
    caller.require(Scope.SEGMENT)
    with pytest.raises(Forbidden, match="models"):
        caller.require(Scope.MODELS)


def test_scopes_and_limits_are_kept(access, database):
    limits = Quota(requests=7, window_seconds=2, concurrent=3)
    issued = access.create("studio", frozenset(Scope), limits)
    (found,) = Access(database).list()
    assert found == issued.key
    assert Access(database).caller(issued.secret).quota == limits


def test_the_rate_is_held_per_key_and_says_when_to_come_back(access):
    one, other = (access.caller(access.create("k", quota=Quota(3, 3)).secret) for _ in range(2))
    for _ in range(3):
        access.charge(one)
    with pytest.raises(RateLimited) as caught:
        access.charge(one)
    access.charge(other)
    assert 0 < caught.value.retry_after_seconds <= 3
    left = access.allowance(one)
    assert (left.limit, left.remaining) == (3, 0)
    assert 0 < left.reset_seconds <= 3
    time.sleep(caught.value.retry_after_seconds)
    access.charge(one)


def test_without_a_limit_nothing_is_held_back(access):
    for _ in range(1000):
        access.charge(ANONYMOUS)
    assert access.allowance(ANONYMOUS) is None


def test_only_so_many_at_once_per_key(access):
    one, other = (access.caller(access.create("k", quota=Quota(concurrent=2)).secret) for _ in range(2))
    with access.slot(one), access.slot(one):
        with pytest.raises(RateLimited) as caught, access.slot(one):
            pass
        with access.slot(other):
            pass
    assert caught.value.retry_after_seconds > 0
    with pytest.raises(RubylithError), access.slot(one):
        raise NotFound("a", "b")  # an error inside frees the slot as well
    with access.slot(one), access.slot(one):
        pass


def test_what_is_used_adds_up_per_day_and_over_processes(database):
    now = [datetime(2026, 11, 20, 23, 59, tzinfo=UTC).timestamp()]
    clock = lambda: now[0]  # noqa: E731
    first, second = Access(database, clock=clock), Access(database, clock=clock)
    threads = [
        threading.Thread(target=lambda: [first.count(ANONYMOUS.id, Usage(1, 1, 0.5, 0.25)) for _ in range(100)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.count(ANONYMOUS.id, Usage(requests=1))
    second.flush()
    now[0] += 120
    first.count(ANONYMOUS.id, Usage(pictures=2))
    days = first.usage("anonymous")
    assert [(day.isoformat(), used) for day, used in days.items()] == [
        ("2026-11-20", Usage(401, 400, 200.0, 100.0)),
        ("2026-11-21", Usage(pictures=2)),
    ]
    assert second.usage("somebody else") == {}


def test_counting_is_written_every_few_seconds_and_not_each_time(database):
    now = [1000.0]
    access = Access(database, clock=lambda: now[0])
    written = []
    access.flush = lambda: written.append(now[0]) or Access.flush(access)
    for second in range(12):
        now[0] = 1000.0 + second
        access.count(ANONYMOUS.id, Usage(requests=1))
    assert written == [1005.0, 1010.0]
