"""Objects in a store by URL, with what the database knows of them. The contract is in the room's docstring."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import obstore

from rubylith.database import objects
from rubylith.database.connection import Database, reading, writing
from rubylith.database.objects import Entry
from rubylith.domain.errors import Forbidden, NotFound, StorageFailed, TooLarge
from rubylith.storage import Content, Opened, S3Options, Stored
from rubylith.storage.backends import clear_staged, open_backend, open_presigner, translated
from rubylith.storage.keys import checked, disposition, file_name, media_type_of
from rubylith.storage.signing import Grant, Signer

CHUNK = 1024 * 1024
PART = 8 * 1024 * 1024  # of an upload to S3 in parts
SWEEP_BATCH = 500
NEVER = 2**53  # Unix seconds that any reader of JSON can hold
MAX_SIGNED_SECONDS = 7 * 24 * 3600  # S3 signs for no longer


class Objects:
    """A store.

    url: `file:///FOLDER`, `s3://BUCKET/PREFIX` or `memory://`. secret: signs the URLs; the same on every node, 32 bytes
    or more.
    """

    def __init__(
        self,
        url: str,
        database: Database,
        *,
        secret: bytes,
        s3: S3Options = S3Options(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = open_backend(url, s3)
        self._presigner = open_presigner(url, s3)
        self._takes_attributes = not url.startswith("file:")
        self._database = database
        self._signer = Signer(secret)
        self._clock = clock
        self._tidied = False

    def reserve(
        self, key: str, *, owner: str, media_type: str, name: str | None = None, ttl_seconds: float | None = None
    ) -> None:
        """Write down an object whose bytes will come later, by `fill` or a presigned URL. Missing until they have."""
        entry = self._entry(key, owner, media_type, name, ttl_seconds)
        with writing(self._database) as connection:
            objects.reserve(connection, entry, now=self._clock())

    def put(
        self,
        key: str,
        data: bytes | Iterable[bytes],
        *,
        owner: str,
        media_type: str,
        name: str | None = None,
        ttl_seconds: float | None = None,
        max_bytes: int | None = None,
    ) -> Stored:
        """Keep these bytes, in place of earlier ones of the same key, for `ttl_seconds` (None: until deleted).

        An iterable is written as it comes, and never held as a whole. TooLarge beyond `max_bytes`: nothing is kept.
        """
        entry = self._entry(key, owner, media_type, name, ttl_seconds)
        with writing(self._database) as connection:
            is_new = objects.reserve(connection, entry, now=self._clock())
        return self._write(entry, data, max_bytes, forget=is_new)

    def put_all(
        self, contents: Iterable[Content], *, owner: str, ttl_seconds: float | None = None
    ) -> tuple[Stored, ...]:
        """Keep several objects, as `put` does with each, or none of those that are new."""
        given = [(self._entry(c.key, owner, c.media_type, c.name, ttl_seconds), c.data) for c in contents]
        now = self._clock()
        with writing(self._database) as connection:
            new = [entry for entry, _ in given if objects.reserve(connection, entry, now=now)]
        try:
            entries = [entry.sized(self._send(entry, data, None)) for entry, data in given]
        except BaseException:
            for entry in new:
                with suppress(StorageFailed):  # the sweep has another try
                    self._withdraw(entry, sent=True)
            raise
        with writing(self._database) as connection:
            for entry in entries:
                objects.write(connection, entry)
        return tuple(_stored(entry) for entry in entries)

    def fill(
        self, key: str, data: bytes | Iterable[bytes], *, media_type: str | None = None, max_bytes: int | None = None
    ) -> Stored:
        """Bytes for a reserved object, which keeps its owner, name and expiry; NotFound if it was not reserved."""
        with reading(self._database) as connection:
            entry = self._found(objects.find(connection, checked(key), now=self._clock()), key)
        if media_type:
            entry = entry.retyped(media_type_of(media_type))
        return self._write(entry, data, max_bytes, forget=False)

    def stat(self, key: str, *, owner: str | None = None) -> Stored:
        """What is known of an object. NotFound; also for one that belongs to somebody other than `owner`, if given."""
        with reading(self._database) as connection:
            entry = self._found(objects.find(connection, checked(key), now=self._clock(), owner=owner), key)
        if entry.size is None:  # it was reserved; the bytes may have come since, past us
            with translated(key):
                size = obstore.head(self._store, key)["size"]
            entry = entry.sized(size)
            with writing(self._database) as connection:
                objects.write(connection, entry)
        return _stored(entry)

    def get(
        self,
        key: str,
        *,
        owner: str | None = None,
        start: int = 0,
        stop: int | None = None,
        max_bytes: int | None = None,
    ) -> Opened:
        """The bytes [start, stop) of an object, cut to those it has; a negative start counts from the end.

        NotFound; TooLarge, before anything is read, if the whole object has more than `max_bytes`.
        """
        stored = self.stat(key, owner=owner)
        if max_bytes is not None and stored.size > max_bytes:
            raise _too_large(max_bytes)
        first, last, _ = slice(start, stop).indices(stored.size)
        if first >= last:
            return Opened(stored, first, first, iter(()))
        whole = (first, last) == (0, stored.size)
        with translated(key):
            result = obstore.get(self._store, key, options=None if whole else {"range": (first, last)})
            first, last = result.range  # the store knows best, should another put have come in between
            return Opened(replace(stored, size=result.meta["size"]), first, last, _chunks(result, key))

    def read(self, key: str, *, owner: str | None = None, max_bytes: int | None = None) -> bytes:
        """All bytes of an object. NotFound; TooLarge, before anything is read."""
        return b"".join(self.get(key, owner=owner, max_bytes=max_bytes).chunks)

    def list(self, prefix: str, *, owner: str | None = None, after: str = "", limit: int = 1000) -> tuple[Stored, ...]:
        """Objects whose keys begin with `prefix`, by key; go on `after` the last one."""
        with reading(self._database) as connection:
            entries = objects.page(connection, prefix, now=self._clock(), owner=owner, after=after, limit=limit)
        return tuple(_stored(entry) for entry in entries)

    def size_of(self, prefix: str) -> int:
        """The bytes of all objects whose keys begin with `prefix`."""
        with reading(self._database) as connection:
            return objects.total(connection, prefix, now=self._clock())

    def delete(self, key: str, *, owner: str | None = None) -> bool:
        """Delete an object now; False if there was none, or it is somebody else's."""
        with reading(self._database) as connection:
            entry = objects.find(connection, checked(key), now=self._clock(), owner=owner)
        if entry is None:
            return False
        self._drop(key)
        return True

    def expire(self, key: str, *, ttl_seconds: float | None, owner: str | None = None) -> None:
        """Let an object go so many seconds from now instead (None: never). NotFound."""
        at = None if ttl_seconds is None else self._clock() + ttl_seconds
        with writing(self._database) as connection:
            if not objects.expire(connection, checked(key), at=at, owner=owner):
                raise _missing(key)

    def sweep(self, now: float | None = None) -> int:
        """Delete what has expired by `now` (Unix seconds) and say how many objects that were.

        StorageFailed, after all the others are gone, if some could not be deleted.
        """
        moment, swept = self._clock() if now is None else now, 0
        failed: dict[str, StorageFailed] = {}
        if not self._tidied:
            self._tidied = True
            clear_staged(self._store)
        while True:
            with reading(self._database) as connection:
                keys = objects.expired(connection, now=moment, limit=SWEEP_BATCH + len(failed))
            todo = [key for key in keys if key not in failed]
            for key in todo:
                try:
                    self._drop(key, expired_by=moment)
                    swept += 1
                except StorageFailed as error:
                    failed[key] = error
            if not todo:
                break
        for error in failed.values():
            raise error
        return swept

    def url(
        self,
        key: str,
        *,
        base: str,
        seconds: float | None,
        method: str = "GET",
        media_type: str = "",
        max_bytes: int = 0,
    ) -> str:
        """A URL that opens the object for `method` during the next `seconds`, seven days at most.

        seconds: None for as long as the object lives: always the same URL, of this server's own whatever the store.
        base: where this server hands objects out, such as `http://HOST/v1/objects`; S3's own URLs do without, and hold
        a PUT neither to `media_type` nor to `max_bytes`.
        """
        if seconds is None:
            with reading(self._database) as connection:  # one that is only reserved will do
                entry = self._found(objects.find(connection, checked(key), now=self._clock()), key)
            until = NEVER if entry.expires_at is None else entry.expires_at.timestamp()
            return self.own_url(key, base=base, until=until, method=method, max_bytes=max_bytes)
        seconds = min(seconds, MAX_SIGNED_SECONDS)
        if self._presigner is not None:
            with translated(key):
                return obstore.sign(
                    self._presigner, "PUT" if method == "PUT" else "GET", checked(key), timedelta(seconds=seconds)
                )
        until = self._clock() + seconds
        return self.own_url(key, base=base, until=until, method=method, media_type=media_type, max_bytes=max_bytes)

    def own_url(
        self, key: str, *, base: str, until: float, method: str = "GET", media_type: str = "", max_bytes: int = 0
    ) -> str:
        """A URL of this server's own, whatever the store, until then (Unix seconds). Nothing is looked up."""
        grant = Grant(method, checked(key), int(until), media_type, max_bytes)
        return f"{base.rstrip('/')}/{key}?{self._signer.query(grant)}"

    def granted(self, method: str, key: str, query: dict[str, str]) -> Grant:
        """What one of our own URLs opens; Forbidden if it does not open this key for this method now."""
        return self._signer.granted(method, key, query, now=self._clock())

    def signed(self, method: str, key: str, query: dict[str, str]) -> bool:
        """True for a URL that was signed here for this key and method, though it may have expired since."""
        try:
            self._signer.granted(method, key, query, now=0)
        except (Forbidden, NotFound):
            return False
        return True

    def _entry(self, key: str, owner: str, media_type: str, name: str | None, ttl_seconds: float | None) -> Entry:
        now = datetime.fromtimestamp(self._clock(), UTC)
        expires_at = None if ttl_seconds is None else now + timedelta(seconds=ttl_seconds)
        return Entry(checked(key), owner, media_type_of(media_type), file_name(name, key), now, expires_at)

    def _write(self, entry: Entry, data: bytes | Iterable[bytes], max_bytes: int | None, *, forget: bool) -> Stored:
        """The bytes, then the row that says they are all there."""
        try:
            entry = entry.sized(self._send(entry, data, max_bytes))
        except BaseException:
            if forget:
                self._withdraw(entry, sent=False)
            raise
        with writing(self._database) as connection:
            objects.write(connection, entry)
        return _stored(entry)

    def _send(self, entry: Entry, data: bytes | Iterable[bytes], max_bytes: int | None) -> int:
        """The bytes to the store; how many they are."""
        counted = _Counted([data] if isinstance(data, bytes) else data, max_bytes)
        kept = {
            "Content-Type": entry.media_type,
            "Content-Disposition": disposition(entry.name, entry.media_type),
        }
        with translated(entry.key):
            if isinstance(data, bytes) and len(data) <= PART:
                content: bytes | Iterator[bytes] = b"".join(counted)
            else:
                content = iter(counted)
            attributes = kept if self._takes_attributes else None
            obstore.put(self._store, entry.key, content, attributes=attributes, chunk_size=PART)
        return counted.total

    def _drop(self, key: str, *, expired_by: float | None = None) -> None:
        """The row and its bytes, if it had expired by then. Whoever puts the key again waits until both are gone."""
        with writing(self._database) as connection:
            if not objects.delete(connection, key, expired_by=expired_by):
                return
            self._delete_bytes(key)  # a failure keeps the row

    def _withdraw(self, entry: Entry, *, sent: bool) -> None:
        """A reservation that came to nothing, unless others have filled it or want to. sent: its bytes may be there."""
        with writing(self._database) as connection:
            if objects.withdraw(connection, entry) and sent:
                self._delete_bytes(entry.key)

    def _delete_bytes(self, key: str) -> None:
        with suppress(NotFound), translated(key):  # never written, or deleted by another
            obstore.delete(self._store, key)

    @staticmethod
    def _found(entry: Entry | None, key: str) -> Entry:
        if entry is None:
            raise _missing(key)
        return entry


class _Counted:
    """An iterable that counts its bytes and stops with TooLarge."""

    def __init__(self, data: Iterable[bytes], most: int | None) -> None:
        self._data = data
        self._most = most
        self.total = 0

    def __iter__(self) -> Generator[bytes]:
        for chunk in self._data:
            self.total += len(chunk)
            if self._most is not None and self.total > self._most:
                raise _too_large(self._most)
            yield chunk


def _chunks(result: "obstore.GetResult", key: str) -> Iterator[bytes]:
    stream = result.stream(min_chunk_size=CHUNK)
    while True:
        with translated(key):
            chunk = next(stream, None)
        if chunk is None:
            return
        for start in range(0, len(chunk), CHUNK):  # the store in memory gives all at once
            yield chunk[start : start + CHUNK]


def _stored(entry: Entry) -> Stored:
    size = entry.size or 0
    return Stored(entry.key, entry.owner, entry.media_type, entry.name, size, entry.created_at, entry.expires_at)


def _missing(key: str) -> NotFound:
    return NotFound(f"There is no file {key.rpartition('/')[2]!r}", "It may have expired, or was never made")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The object is larger than {most} bytes", "Send a smaller one")
