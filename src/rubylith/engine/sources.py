"""Where a model's files come from: the hub, a mirror by URL, or a mirror on this machine (a folder, or a bundle).

A mirror holds one folder per model, each with a list of its files and their digests: any folder of pulled models is
one. The hub is asked per file, but for what the catalogue knows.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote

from rubylith.domain.errors import NotFound, SourceUnreachable
from rubylith.engine.catalog import DETECTOR, LIST, Entry
from rubylith.engine.downloads import DIGEST, Address, Opened, headers_of, open_address

HUB = "https://huggingface.co"
CHUNK = 1 << 20
MOST_SIDE_FILES = 16
TRANSFORMERS = ("config.json", "model.safetensors")  # what a repository in transformers' form has


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a model. path: inside the model's folder. sha256, size: None where nobody says."""

    path: str
    sha256: str | None = None
    size: int | None = None


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
    """A list of files → items; SourceUnreachable if it is none, or names a path outside the model's folder."""
    try:
        rows: dict[str, Any] = json.loads(text)["files"]
        items = tuple(
            Item(path, entry.sha256(path) or str(row["sha256"]), int(row["size"])) for path, row in rows.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise SourceUnreachable(f"{where} is no list of files: {failure}", "Check the mirror's address") from failure
    for item in items:
        parts = Path(item.path).parts
        if not parts or Path(item.path).is_absolute() or ".." in parts or "\\" in item.path or item.path == LIST:
            raise SourceUnreachable(
                f"{where} names {item.path!r}, outside the model's folder", "Do not use this mirror"
            )
    return items


def write_list(folder: Path, items: tuple[Item, ...]) -> None:
    """Write the list of a folder's files; it appears whole or not at all."""
    rows = {item.path: {"sha256": item.sha256, "size": item.size} for item in items}
    partial = folder / f"{LIST}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"files": rows}, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
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
