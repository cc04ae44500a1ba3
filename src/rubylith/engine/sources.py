"""Where a model's files come from: the hub, a mirror by URL, or a mirror on this machine (a folder, or a bundle).

A mirror holds one folder per model, each with a list of its files and their digests. The hub is asked per file.
"""

import hashlib
import io
import json
import urllib.error
import urllib.request
import urllib.response
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote

from rubylith.domain.errors import NotFound, SourceUnreachable
from rubylith.engine.catalog import LIST, Entry

HUB = "https://huggingface.co"
CHUNK = 1 << 20
TIMEOUT_SECONDS = 30
AGENT = {"User-Agent": "rubylith"}


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a model. path: inside the model's folder. sha256, size: None where nobody says."""

    path: str
    sha256: str | None = None
    size: int | None = None


class Source(Protocol):
    """A place that files come from."""

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:
        """The files of a model; NotFound if it is not there, SourceUnreachable if the place is not."""
        ...

    def open(self, entry: Entry, item: Item, start: int) -> "Opened":
        """The bytes of a file from `start` on, or from 0 if the place cannot begin later."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A file being read. start: the first byte it will give."""

    stream: IO[bytes]
    start: int


class Hub:
    """The hub: `<hub>/<repository>/resolve/main/<path>`. Large files carry their SHA-256 in a header."""

    def __init__(self, address: str = HUB) -> None:
        self.address = address.rstrip("/")

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:
        """What the catalogue says, completed by what the hub says of each file."""
        return tuple(self._item(entry, path) for path in entry.files(precision))

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        return _open_url(self._url(entry, item.path), start)

    def _url(self, entry: Entry, path: str) -> str:
        return f"{self.address}/{entry.source}/resolve/main/{quote(path)}"

    def _item(self, entry: Entry, path: str) -> Item:
        url = self._url(entry, path)
        with _reaching(url):
            request = urllib.request.Request(url, method="HEAD", headers=AGENT)
            with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS) as answer:
                linked = str(answer.headers.get("X-Linked-ETag") or "").strip('"')
                size = answer.headers.get("X-Linked-Size") or answer.headers.get("Content-Length")
        sha256 = entry.digests.get(path) or (linked if len(linked) == 64 else None)
        return Item(path, sha256, int(size) if size else None)


class WebMirror:
    """A mirror by URL: `<address>/<model>/<path>`."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:  # noqa: ARG002  a mirror has what it has
        """The mirror's list, with the catalogue's digests where it has them."""
        url = f"{self.address}/{entry.name}/{LIST}"
        with _reaching(url), _open_url(url, 0).stream as stream:
            return read_list(stream.read(), entry, url)

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        return _open_url(f"{self.address}/{entry.name}/{quote(item.path)}", start)


class FolderMirror:
    """A mirror on this machine: a folder, or a bundle (a zip of one)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:  # noqa: ARG002
        """The mirror's list, with the catalogue's digests where it has them."""
        with self._open(f"{entry.name}/{LIST}", entry) as stream:
            return read_list(stream.read(), entry, str(self.path))

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        stream = self._open(f"{entry.name}/{item.path}", entry)
        stream.seek(start)
        return Opened(stream, start)

    def _open(self, name: str, entry: Entry) -> IO[bytes]:
        try:
            if self.path.is_dir():
                return (self.path / name).open("rb")
            return zipfile.ZipFile(self.path).open(name)
        except (FileNotFoundError, KeyError):
            raise NotFound(
                f"The mirror {self.path} has no {name}",
                f"Make one with `rubylith models bundle` that holds {entry.name}",
            ) from None
        except (OSError, zipfile.BadZipFile) as failure:
            raise SourceUnreachable(
                f"The mirror {self.path} cannot be read: {failure}", "Give a folder, or a zip that `bundle` wrote"
            ) from failure


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow: the hub's own headers are on the answer that redirects."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:  # noqa: ARG002
        """The answer that redirects, as it is."""
        return urllib.response.addinfourl(io.BytesIO(), headers, req.full_url, code)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def open_source(mirror: str | None) -> Source:
    """The hub, or the mirror if one is named: a URL, a folder or a bundle."""
    if mirror is None:
        return Hub()
    if mirror.startswith(("http://", "https://")):
        return WebMirror(mirror)
    return FolderMirror(Path(mirror).expanduser())


def read_list(text: bytes, entry: Entry, where: str) -> tuple[Item, ...]:
    """A list of files → items; SourceUnreachable if it is none, or names a path outside the model's folder."""
    try:
        rows: dict[str, Any] = json.loads(text)["files"]
        items = tuple(
            Item(path, entry.digests.get(path) or str(row["sha256"]), int(row["size"])) for path, row in rows.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise SourceUnreachable(f"{where} is no list of files: {failure}", "Check the mirror's address") from failure
    for item in items:
        if Path(item.path).is_absolute() or ".." in Path(item.path).parts:
            raise SourceUnreachable(
                f"{where} names {item.path!r}, outside the model's folder", "Do not use this mirror"
            )
    return items


def write_list(folder: Path, items: tuple[Item, ...]) -> None:
    """Write the list of a folder's files; it appears whole or not at all."""
    rows = {item.path: {"sha256": item.sha256, "size": item.size} for item in items}
    partial = folder / f"{LIST}.partial"
    partial.write_text(json.dumps({"files": rows}, indent=2) + "\n", "utf-8")
    partial.replace(folder / LIST)


def describe(folder: Path, path: str) -> Item:
    """A file as it lies there, with its digest and size."""
    digest, size = hashlib.sha256(), 0
    with (folder / path).open("rb") as stream:
        for chunk in chunks(stream):
            digest.update(chunk)
            size += len(chunk)
    return Item(path, digest.hexdigest(), size)


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """A megabyte at a time."""
    read: Callable[[], bytes] = lambda: stream.read(CHUNK)  # noqa: E731
    return iter(read, b"")


def _open_url(url: str, start: int) -> Opened:
    with _reaching(url):
        headers = AGENT | ({"Range": f"bytes={start}-"} if start else {})
        request = urllib.request.Request(url, headers=headers)
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
        return Opened(answer, start if answer.status == 206 else 0)


@contextmanager
def _reaching(url: str) -> Generator[None]:
    try:
        yield
    except urllib.error.HTTPError as failure:
        if failure.code == 404:
            raise NotFound(f"There is no {url}", "Check the model's name, or the mirror") from failure
        raise SourceUnreachable(f"{url} answers {failure.code} {failure.reason}", "Try again later") from failure
    except (OSError, HTTPException) as failure:
        raise SourceUnreachable(
            f"{url} cannot be reached: {failure}", "Check the network, or name a mirror with RUBYLITH_MIRROR"
        ) from failure
