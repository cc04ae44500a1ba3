"""Where a model's files come from: the hub, a mirror by URL, or a mirror on this machine (a folder, or a bundle).

A mirror holds one folder per model, each with a list of its files and their digests: any folder of pulled models is
one. The hub is asked per file, but for what the catalogue knows.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote

from rubylith.domain.errors import NotFound, SourceUnreachable
from rubylith.engine.catalog import DETECTOR, Entry
from rubylith.engine.downloads import DIGEST, Address, Opened, headers_of, open_address
from rubylith.engine.lists import LIST, Item, is_plain, parse_list

HUB = "https://huggingface.co"
CHUNK = 1 << 20
MOST_SIDE_FILES = 16
TRANSFORMERS = ("config.json", "model.safetensors")  # what a repository in transformers' form has


class Source(Protocol):
    """A place that files come from. `shown`: its address, for people."""

    shown: str

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:
        """The files of a model; NotFound if it is not there, SourceUnreachable if the place is not."""
        ...

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The bytes of a file from `start` on, or from 0 if the place cannot begin later."""
        ...


class Hub:
    """The hub: `<hub>/<repository>/resolve/<revision>/<path>`. Large files carry their SHA-256 in a header."""

    def __init__(self, address: str = HUB, token: str | None = None) -> None:
        self.shown = address.rstrip("/")
        self._token = token

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:
        """What runs it, and the weights beside graphs, of which only the hub knows how many files they are."""
        if entry.is_known(precision):
            return known_items(entry, precision)
        wanted = entry.wanted(precision)
        return tuple(item for path in wanted for item in (self.item(entry, path), *self._side_files(entry, path)))

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        return open_address(self._address(entry, item.path), start)

    def item(self, entry: Entry, path: str) -> Item:
        """A file as the catalogue knows it, else as the hub describes it."""
        if path in entry.known:
            return Item(path, entry.known[path].sha256, entry.known[path].size)
        headers = headers_of(self._address(entry, path))
        digest = str(headers.get(DIGEST) or "").strip('"')
        size = headers.get("X-Linked-Size") or headers.get("Content-Length")
        return Item(path, digest if len(digest) == 64 else None, int(size) if size else None)

    def _side_files(self, entry: Entry, graph: str) -> Iterator[Item]:
        """`<graph>_data`, `<graph>_data_1` and so on: a graph holds no more than 2 GB itself."""
        if not graph.endswith(".onnx"):
            return
        for number in range(MOST_SIDE_FILES):
            try:
                yield self.item(entry, f"{graph}_data_{number}" if number else f"{graph}_data")
            except NotFound:
                return

    def _address(self, entry: Entry, path: str) -> Address:
        elsewhere = entry.known[path].address if path in entry.known else None
        if elsewhere is not None:
            return Address(elsewhere)
        return Address(f"{self.shown}/{entry.source}/resolve/{entry.revision}/{quote(path)}", self._token)


class WebMirror:
    """A mirror by URL: `<address>/<model>/<path>`."""

    def __init__(self, address: str) -> None:
        self.shown = address.rstrip("/")

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:  # noqa: ARG002  a mirror has what it has
        """The mirror's list, with the catalogue's digests where it has them."""
        url = f"{self.shown}/{entry.name}/{LIST}"
        with open_address(Address(url), 0).stream as stream:
            return read_list(stream.read(), entry, url)

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        return open_address(Address(f"{self.shown}/{entry.name}/{quote(item.path)}"), start)


class FolderMirror:
    """A mirror on this machine: a folder, or a bundle (a zip of one)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = str(path)

    def names(self) -> tuple[str, ...]:
        """The models that are there; SourceUnreachable if it is neither a folder nor a bundle."""
        if self.path.is_dir():
            return tuple(sorted(found.parent.name for found in self.path.glob(f"*/{LIST}")))
        try:
            with zipfile.ZipFile(self.path) as bundle:
                inside = [Path(name).parts for name in bundle.namelist()]
        except (OSError, zipfile.BadZipFile) as failure:
            raise self._unreadable(failure) from failure
        return tuple(sorted(parts[0] for parts in inside if len(parts) == 2 and parts[1] == LIST))

    def items(self, entry: Entry, precision: str) -> tuple[Item, ...]:
        """The mirror's list, with the catalogue's digests where it has them; a detector's file may lie there bare."""
        if (
            entry.kind == DETECTOR
            and not entry.pull
            and self.path.is_dir()
            and not (self.path / entry.name / LIST).exists()
        ):
            return known_items(entry, precision)
        with self._open(f"{entry.name}/{LIST}", entry) as stream:
            return read_list(stream.read(), entry, self.shown)

    def open(self, entry: Entry, item: Item, start: int) -> Opened:
        """The file from `start` on."""
        is_bare = entry.kind == DETECTOR and (self.path / item.path).is_file()
        stream = self._open(item.path if is_bare else f"{entry.name}/{item.path}", entry)
        stream.seek(start)
        return Opened(stream, start)

    def _open(self, name: str, entry: Entry) -> IO[bytes]:
        try:
            if self.path.is_dir():
                return (self.path / name).open("rb")
            with zipfile.ZipFile(self.path) as bundle:
                return bundle.open(name)
        except (FileNotFoundError, KeyError):
            if not self.path.exists():
                raise NotFound(f"There is no {self.path}", "Check the mirror's path") from None
            raise NotFound(
                f"The mirror {self.path} has no {name}",
                f"Make one with `rubylith models bundle` that holds {entry.name}",
            ) from None
        except (OSError, zipfile.BadZipFile) as failure:
            raise self._unreadable(failure) from failure

    def _unreadable(self, failure: Exception) -> SourceUnreachable:
        return SourceUnreachable(
            f"The mirror {self.path} cannot be read: {failure}", "Give a folder, or a zip that `bundle` wrote"
        )


def known_items(entry: Entry, precision: str) -> tuple[Item, ...]:
    """The files that the catalogue itself knows."""
    return tuple(Item(path, file.sha256, file.size) for path, file in entry.files(precision).items())


def open_source(mirror: str | None, hub: str = HUB, token: str | None = None) -> Source:
    """The hub, or the mirror if one is named: a URL, a folder or a bundle."""
    if mirror is None:
        return Hub(hub, token)
    if "://" in mirror:
        return WebMirror(mirror)
    return FolderMirror(Path(mirror).expanduser())


def read_list(text: bytes, entry: Entry, where: str) -> tuple[Item, ...]:
    """A list of files → items, with the catalogue's digests where it has them.

    SourceUnreachable if it is none, or names what is no file inside the model's folder.
    """
    try:
        items = parse_list(text)
    except ValueError as failure:
        raise SourceUnreachable(f"{where} is no list of files: {failure}", "Check the mirror's address") from failure
    for item in items:
        if not is_plain(item.path):
            raise SourceUnreachable(
                f"{where} names {item.path!r}, which is no plain path inside the model's folder",
                "Do not use this mirror",
            )
    return tuple(replace(item, sha256=entry.sha256(item.path) or item.sha256) for item in items)


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
    return iter(partial(stream.read, CHUNK), b"")
