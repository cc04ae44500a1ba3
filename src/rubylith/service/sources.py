"""Where pictures come from: sent along, uploaded before, or fetched from an address."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from rubylith.domain.errors import Forbidden, NotFound, SourceUnreachable, TimedOut, TooLarge, UnsafeAddress
from rubylith.domain.image import ImageSource, Inline, Link, Local, Stored
from rubylith.service.fetching import Fetcher
from rubylith.service.files import Files, is_named_after_its_bytes
from rubylith.service.work import Opened

SHOWN_CHARACTERS = 200
REMEMBERED_DIGESTS = 4096


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens sources on behalf of callers. mount: the path under which this server hands out objects by signed URL.

    readers: each makes such a URL of those that a door of this server hands out in a form of its own, and leaves all
    others alone.
    """

    files: Files
    fetcher: Fetcher
    mount: str
    max_bytes: int
    fetch_seconds: float
    readers: tuple[Callable[[str], str], ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _digests: dict[str, str] = field(default_factory=dict[str, str], init=False, repr=False)

    def open(self, source: ImageSource, caller_id: str) -> Opened:
        """The bytes. NotFound for another caller's upload; what Fetcher raises for addresses."""
        match source:
            case Inline(data=data, name=name):
                return Opened.of(data, name)
            case Stored(id=file_id):
                return self._open_stored(file_id, caller_id)
            case Link(url=url):
                own = self._read_own(url)
                return Opened.of(self._fetch(url) if own is None else own, url[:SHOWN_CHARACTERS].partition("?")[0])
            case Local(path=path):
                raise NotFound(f"{path} lies on no machine that this server reads from", "Upload the picture")

    def remember(self, file_id: str, opened: Opened) -> None:
        """Let clicks on this picture be answered from its embedding alone, for as long as that is held."""
        if is_named_after_its_bytes(file_id):
            with self._lock:
                while len(self._digests) >= REMEMBERED_DIGESTS:
                    self._digests.pop(next(iter(self._digests)))
                self._digests[file_id] = opened.digest

    def check(self, url: str) -> None:
        """UnsafeAddress if nothing would be fetched from there, or if it is an expired link of ours; TooLarge.

        Nothing is connected to, and nothing is read.
        """
        with _known_by_link():
            key = self._own_key(url)
            stored = None if key is None else self.files.objects.stat(key)
        if stored is None:
            self.fetcher.check(url)
        elif stored.size > self.max_bytes:
            raise TooLarge(f"The picture has more than {self.max_bytes} bytes", "Send a smaller one")

    def _open_stored(self, file_id: str, caller_id: str) -> Opened:
        """A picture that was embedded is named after its bytes, so that it is read and digested once.

        Clicks on it come one upon another, and to look it up costs more than the rest of a light one.
        """
        digest = self._digests.get(file_id)
        if digest is not None:
            stored = self.files.find_lately(file_id, caller_id)
            return Opened(stored.name, lambda: self.files.read(file_id, caller_id, self.max_bytes)[0], digest)
        data, stored = self.files.read(file_id, caller_id, self.max_bytes)
        opened = Opened.of(data, stored.name)
        self.remember(file_id, opened)
        return opened

    def _fetch(self, url: str) -> bytes:
        try:
            return self.fetcher.get(url, max_bytes=self.max_bytes, seconds=self.fetch_seconds).body
        except TimedOut as slow:  # the other server took too long, not the work here
            raise SourceUnreachable(slow.message, slow.hint, slow.retry_after_seconds) from slow

    def _read_own(self, url: str) -> bytes | None:
        """One of our own signed URLs is read without a detour through the network, whatever host it names.

        None for any other URL. UnsafeAddress if it has expired, or what it led to has.
        """
        with _known_by_link():
            key = self._own_key(url)
            return None if key is None else self.files.objects.read(key, max_bytes=self.max_bytes)

    def _own_key(self, url: str) -> str | None:
        """The object that one of our own signed URLs opens; None for any other URL. Forbidden if it has expired."""
        for read in self.readers:
            url = read(url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        _, mount, key = parts.path.partition(f"{self.mount}/")
        if not mount:
            return None
        objects, query = self.files.objects, dict(parse_qsl(parts.query))
        if not objects.signed("GET", key, query):
            return None
        objects.granted("GET", key, query)
        return key


@contextmanager
def _known_by_link() -> Generator[None]:
    """What a link of ours no longer opens is told as a link that leads nowhere, not as an object of the store."""
    try:
        yield
    except (Forbidden, NotFound):
        raise UnsafeAddress("The link to the picture has expired", "Upload the picture again") from None
