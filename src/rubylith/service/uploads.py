"""Files whose bytes come later, from whoever holds the ticket: in one piece, or in parts that are joined in the end."""

import hashlib
import secrets
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from rubylith.domain.caller import Caller
from rubylith.domain.errors import Conflict, NotFound, Overloaded
from rubylith.service.files import UPLOAD, key_of
from rubylith.service.parts import Parts
from rubylith.storage import Stored
from rubylith.storage.keys import file_name
from rubylith.storage.objects import Objects

PARTS, JOINED = "parts", "joined"
MAX_PARTS = 10_000  # as on S3
ARRIVING_AT_ONCE = 16  # each holds a thread for as long as its sender takes


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place for a file. Both queries are the secret halves of URLs: `put` lets one send it, `get` read it."""

    id: str
    name: str
    put: str
    get: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Uploads:
    """seconds: for how long a file is kept, sent or not, unless it says otherwise. max_bytes: of one file."""

    objects: Objects
    seconds: float
    max_bytes: int
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(ARRIVING_AT_ONCE))
    _parts: Parts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", Parts(self.objects))

    @contextmanager
    def place(self) -> Generator[None]:
        """One of the few places for bodies that arrive; Overloaded if none is free."""
        if not self.places.acquire(blocking=False):
            message = f"{ARRIVING_AT_ONCE} files are arriving, which is this server's limit"
            raise Overloaded(message, "Send fewer at once, or later", 5.0)
        try:
            yield
        finally:
            self.places.release()

    def begin(self, caller: Caller, *, media_type: str, name: str, seconds: float | None = None) -> Ticket:
        """A place that nobody can guess."""
        file_id = f"{UPLOAD}_{secrets.token_hex(16)}"
        key, kept = key_of(file_id), self.seconds if seconds is None else seconds
        self.objects.reserve(key, owner=caller.id, media_type=media_type, name=name, ttl_seconds=kept)
        put = self.objects.url(key, base="", seconds=None, method="PUT", max_bytes=self.max_bytes)
        get = self.objects.url(key, base="", seconds=None)
        expires_at = datetime.now(UTC) + timedelta(seconds=kept)
        return Ticket(file_id, file_name(name, key), put.partition("?")[2], get.partition("?")[2], expires_at)

    def fill(self, file_id: str, query: str, data: bytes | Iterable[bytes], *, media_type: str | None = None) -> Stored:
        """The file in one piece. Forbidden without its ticket; TooLarge; NotFound once its time is over."""
        most = self._granted(file_id, query)
        return self.objects.fill(key_of(file_id), data, media_type=media_type, max_bytes=most)

    def keep_part(self, file_id: str, query: str, number: int, data: bytes | Iterable[bytes]) -> str:
        """One part, numbered from 1, in any order, again if need be; gives the tag to name it by in the end.

        TooLarge where all parts together pass the limit on a file, also those that arrive at the same time. A part that
        breaks off, or comes late, takes nothing from another of its number: the tag says which is meant.
        """
        most = self._granted(file_id, query)
        if not 1 <= number <= MAX_PARTS:
            raise NotFound(f"A file has no part {number}", f"Number the parts from 1 to {MAX_PARTS}")
        tag = secrets.token_hex(16)
        with self._parts.arrival(_folder(file_id), _part(file_id, number, ""), most) as arrival:
            chunks = arrival.counted([data] if isinstance(data, bytes) else data)
            key = _part(file_id, number, tag)
            self.objects.put(key, chunks, owner=file_id, media_type="", ttl_seconds=self.seconds)
        return tag

    def check(self, file_id: str, query: str) -> None:
        """Forbidden unless the ticket is for this file and still holds."""
        self._granted(file_id, query)

    def join(self, file_id: str, query: str, parts: tuple[tuple[int, str], ...]) -> Stored:
        """The file from its parts: numbers and tags, in order. Conflict if one is missing or has another tag."""
        most = self._granted(file_id, query)
        if not parts or [number for number, _ in parts] != sorted({number for number, _ in parts}):
            raise Conflict("The parts are not named once each and in order", "Name them by their numbers, rising")
        for number, tag in parts:
            if not self._has(file_id, number, tag):
                return self._joined_before(file_id, parts, number)
        try:
            with ThreadPoolExecutor(1) as reader:
                stored = self.objects.fill(key_of(file_id), self._joined(file_id, parts, reader), max_bytes=most)
        except NotFound:  # another, who asked for the same, was done in the meantime
            return self._joined_before(file_id, parts, parts[0][0])
        receipt = _digest(parts)
        self.objects.put(_receipt(file_id), receipt, owner=file_id, media_type="text/plain", ttl_seconds=self.seconds)
        while left := self.objects.list(_folder(file_id)):
            for part in left:
                self.objects.delete(part.key)
        return stored

    def _granted(self, file_id: str, query: str) -> int:
        return self.objects.granted("PUT", key_of(file_id), dict(parse_qsl(query, keep_blank_values=True))).max_bytes

    def _has(self, file_id: str, number: int, tag: str) -> bool:
        try:
            self.objects.stat(_part(file_id, number, tag), owner=file_id)
        except NotFound:
            return False
        return True

    def _joined_before(self, file_id: str, parts: tuple[tuple[int, str], ...], missing: int) -> Stored:
        """The file, if the last join was this one: whoever was not told of it asks again."""
        with suppress(NotFound):
            if self.objects.read(_receipt(file_id), owner=file_id) == _digest(parts):
                return self.objects.stat(key_of(file_id))
        raise Conflict(f"Part {missing} was not sent, or is not the one named", "Send the part again")

    def _joined(self, file_id: str, parts: tuple[tuple[int, str], ...], reader: ThreadPoolExecutor) -> Iterator[bytes]:
        """The bytes of all parts, read in a thread of their own: the one that writes may not use the store again."""
        for number, tag in parts:
            chunks = reader.submit(self.objects.get, _part(file_id, number, tag)).result().chunks
            while chunk := reader.submit(next, chunks, b"").result():
                yield chunk


def _folder(file_id: str) -> str:
    return f"{PARTS}/{file_id}/"


def _part(file_id: str, number: int, tag: str) -> str:
    """Every time that a part is sent it is an object of its own."""
    return f"{_folder(file_id)}{number:05d}-{tag}"


def _receipt(file_id: str) -> str:
    return f"{JOINED}/{file_id}"


def _digest(parts: tuple[tuple[int, str], ...]) -> bytes:
    """What the receipt of a join holds."""
    return hashlib.sha256(repr(parts).encode()).hexdigest().encode()
