"""API keys: who is asking, what that opens, how much is left, what was used.

A secret is 256 random bits and is seen once, when it is made; what is kept is its SHA-256 (slow hashes are for words
that people choose). Rates and concurrency are counted in this process: with several nodes each grants the whole.
"""

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from rubylith.database import keys
from rubylith.database.connection import Database, reading, writing
from rubylith.domain.caller import Caller, Key, Quota, Scope, Usage
from rubylith.domain.errors import NotFound, RateLimited, Unauthorized

PREFIX, SHOWN_CHARACTERS = "rl_", 9
TRUST_SECONDS, REMEMBERED_KEYS = 0.5, 4096  # a revoked key works no longer than this
FLUSH_SECONDS = 5.0
ANONYMOUS = Caller("anonymous", "anonymous", frozenset(Scope))
_HINT = "Send a key as 'Authorization: Bearer KEY'; 'rubylith keys create NAME' makes one"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key with its secret, which cannot be had again."""

    key: Key
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a caller's rate."""

    limit: int
    remaining: int
    reset_seconds: float


class Access:
    """The keys in the database, and `plain_keys` given from outside, which have `plain_scopes` and `default_quota`.

    As long as no key was ever made or given, everybody is the anonymous caller and may do everything; a database whose
    keys are all revoked lets nobody in.
    """

    def __init__(
        self,
        database: Database,
        plain_keys: tuple[str, ...] = (),
        *,
        plain_scopes: frozenset[Scope] = frozenset({Scope.SEGMENT, Scope.MODELS}),
        default_quota: Quota = Quota(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._plain = {
            digest: Caller(f"key_{digest[:24]}", f"key {number}", plain_scopes, default_quota)
            for number, digest in enumerate((_digest(key.strip()) for key in plain_keys if key.strip()), start=1)
        }
        self._default_quota = default_quota
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, Key]] = {}  # digest → until when it is taken for valid
        self._open_until = 0.0  # until then nobody needs a key
        self._rates = MovingWindowRateLimiter(MemoryStorage())
        self._running: Counter[str] = Counter()
        self._used: dict[tuple[str, date], Usage] = {}
        self._flushed_at = clock()

    def create(
        self, name: str, scopes: frozenset[Scope] = frozenset({Scope.SEGMENT}), quota: Quota | None = None
    ) -> Issued:
        """Make a key."""
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(
            id=f"key_{secrets.token_hex(12)}",
            name=name,
            shown=secret[:SHOWN_CHARACTERS],
            scopes=scopes,
            quota=quota or self._default_quota,
            created_at=datetime.fromtimestamp(self._clock(), UTC),
        )
        with writing(self._database) as connection:
            keys.add(connection, key, digest=_digest(secret))
        self._open_until = 0.0
        return Issued(key, secret)

    def list(self) -> tuple[Key, ...]:
        """All keys ever made, oldest first; those given from outside are not among them."""
        with reading(self._database) as connection:
            return keys.everyone(connection)

    def revoke(self, id: str) -> None:  # noqa: A002
        """End a key, everywhere within half a second. NotFound if there is none of this id that still works."""
        with writing(self._database) as connection:
            done = keys.revoke(connection, id, now=self._clock())
        with self._lock:
            self._seen.clear()
        if not done:
            raise NotFound(f"No key {id!r} is in use", "See 'rubylith keys list'")

    def needs_key(self) -> bool:
        """False as long as no key was ever made or given."""
        if self._plain:
            return True
        if time.monotonic() < self._open_until:
            return False
        with reading(self._database) as connection:
            needed = keys.any_at_all(connection)
        self._open_until = 0.0 if needed else time.monotonic() + TRUST_SECONDS
        return needed

    def caller(self, secret: str | None) -> Caller:
        """Who shows this secret. Unauthorized; never names what was shown."""
        if not self.needs_key():
            return ANONYMOUS
        if not secret:
            raise Unauthorized("This needs an API key", _HINT)
        digest = _digest(secret)
        caller = self._remembered(digest)
        if caller is not None:
            return caller
        key = self._valid(digest)
        if key is None:
            raise Unauthorized("The API key is unknown or was revoked", _HINT)
        return _caller_of(key)

    def recent_caller(self, secret: str | None) -> Caller | None:
        """Who shows this secret, if that can be told without the database; None says nothing about the key."""
        if not self._plain and time.monotonic() < self._open_until:
            return ANONYMOUS
        return self._remembered(_digest(secret)) if secret else None

    def charge(self, caller: Caller) -> None:
        """Count one piece of work against the caller's rate; RateLimited, which says when to come back."""
        rate = _rate(caller.quota)
        if rate is None or self._rates.hit(rate, caller.id):
            return
        wait = max(1.0, float(math.ceil(self._rates.get_window_stats(rate, caller.id).reset_time - time.time())))
        raise RateLimited(
            f"More than {caller.quota.requests} requests in {caller.quota.window_seconds} seconds",
            f"Wait {wait:g} seconds",
            wait,
        )

    def allowance(self, caller: Caller) -> Allowance | None:
        """What is left of the caller's rate; None without a limit. Counts as nothing."""
        rate = _rate(caller.quota)
        if rate is None:
            return None
        stats = self._rates.get_window_stats(rate, caller.id)
        return Allowance(rate.amount, stats.remaining, max(0.0, stats.reset_time - time.time()))

    @contextmanager
    def slot(self, caller: Caller) -> Generator[None]:
        """Work for a caller while others of the same caller run; RateLimited if those are too many already."""
        most = caller.quota.concurrent
        with self._lock:
            if most is not None and self._running[caller.id] >= most:
                raise RateLimited(f"{most} requests of this key are running", "Wait for one of them to end", 1.0)
            self._running[caller.id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[caller.id] -= 1
                if not self._running[caller.id]:
                    del self._running[caller.id]

    def count(self, caller_id: str, used: Usage) -> None:
        """Remember what was used. Kept here and written every few seconds: a killed process loses those."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        with self._lock:
            self._used[caller_id, today] = self._used.get((caller_id, today), Usage()) + used
            due = self._clock() - self._flushed_at >= FLUSH_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Write down what was used; when a process ends as well."""
        with self._lock:
            used, self._used = self._used, {}
            self._flushed_at = self._clock()
        try:
            if used:
                with writing(self._database) as connection:
                    for (caller, day), amounts in sorted(used.items(), key=lambda item: item[0]):
                        keys.add_usage(connection, caller, day, amounts)
        except BaseException:
            with self._lock:  # not written: keep for the next time
                for place, amounts in used.items():
                    self._used[place] = self._used.get(place, Usage()) + amounts
            raise

    def usage(self, caller_id: str) -> dict[date, Usage]:
        """What a caller used, by day in UTC."""
        self.flush()
        with reading(self._database) as connection:
            return keys.usage(connection, caller_id)

    def usage_by_day(self) -> tuple[tuple[str, date, Usage], ...]:
        """What each caller used, by day in UTC: id, day, amounts; the last seconds may be missing."""
        with reading(self._database) as connection:
            return keys.all_usage(connection)

    def _remembered(self, digest: str) -> Caller | None:
        """The caller of a key given from outside, or of one that was valid a moment ago."""
        for known, caller in self._plain.items():
            if hmac.compare_digest(known, digest):
                return caller
        with self._lock:
            until, key = self._seen.get(digest, (0.0, None))
        return _caller_of(key) if key is not None and time.monotonic() < until else None

    def _valid(self, digest: str) -> Key | None:
        """The key, if it is not revoked, as the database has it; taken for valid during the next TRUST_SECONDS."""
        now = time.monotonic()
        with reading(self._database) as connection:
            found = keys.find(connection, digest=digest)
        if found is None or not hmac.compare_digest(found[1], digest) or found[0].revoked_at is not None:
            return None
        with self._lock:
            if len(self._seen) >= REMEMBERED_KEYS:
                self._seen.clear()
            self._seen[digest] = (now + TRUST_SECONDS, found[0])
        return found[0]


def _caller_of(key: Key) -> Caller:
    return Caller(key.id, key.name, key.scopes, key.quota)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _rate(quota: Quota) -> RateLimitItemPerSecond | None:
    return None if quota.requests is None else RateLimitItemPerSecond(quota.requests, quota.window_seconds)
