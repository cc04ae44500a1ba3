"""The models on this machine: pulled, checked, bundled, removed. What is listed is whole.

Files arrive in a folder of their own and move in when all are there and right, so nothing half-written is ever loaded;
what arrived before a connection broke stays there, and the next try goes on from it.
"""

import shutil
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from rubylith.domain.errors import (
    LicenceNotAllowed,
    NotAccessible,
    SourceUnreachable,
    WeightsMissing,
    WrongDigest,
)
from rubylith.engine.catalog import EXPORT, LIST, Entry, find_entry
from rubylith.engine.sources import Item, Source, chunks, describe, open_source, read_list, write_list

PARTIAL = ".partial"
Report = Callable[[str, int, int | None], None]  # file, bytes here so far, bytes in all if known


def unheard(path: str, here: int, size: int | None, /) -> None:
    """A report for callers who do not want one."""


@dataclass(frozen=True, slots=True)
class Store:
    """The models in one folder.

    mirror: a URL, folder or bundle instead of the hub. offline: ask nobody. licences: classes that are allowed.
    """

    folder: Path
    mirror: str | None = None
    offline: bool = False
    licences: tuple[str, ...] = ("permissive",)

    def installed(self) -> tuple[str, ...]:
        """Names of the models that are here and whole."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{LIST}") if path.parent.name[0] != "."))

    def pull(self, name: str, precision: str = "fp32", *, report: Report = unheard) -> Path:
        """Bring a model here and return its folder.

        UnknownName, LicenceNotAllowed, WeightsMissing (offline, or no published graphs), SourceUnreachable,
        WrongDigest, NotAccessible (the folder refuses, or the disk is full): each before anything is registered.
        """
        entry = find_entry(name)
        self._check_licence(entry)
        source = self._source(entry)
        with _writing(self.folder):
            staging = self.folder / PARTIAL / name
            staging.mkdir(parents=True, exist_ok=True)
            items = source.items(entry, precision)
            self._check_room(items, staging)
            arrived = tuple(_fetch(source, entry, item, staging, report) for item in items)
            return self._register(name, staging, arrived)

    def verify(self, name: str) -> tuple[str, ...]:
        """Paths of files that are not what they were when they came, or are gone; WeightsMissing if there are none."""
        items = self._items(name)
        return tuple(i.path for i in items if not _is_there(self.folder / name, i.path) or self._differs(name, i))

    def remove(self, name: str) -> None:
        """Delete a model's files; WeightsMissing if there are none."""
        self._items(name)
        with _writing(self.folder):
            (self.folder / name / LIST).unlink()  # first, so that a half-removed model is none
            shutil.rmtree(self.folder / name)

    def bundle(self, names: tuple[str, ...], path: Path) -> None:
        """Write models into a zip that another machine takes as its mirror; WeightsMissing if one is not here."""
        lists = {name: self._items(name) for name in names}
        partial = path.with_name(path.name + ".partial")
        with _writing(path.parent):
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as bundle:
                for name, items in lists.items():
                    for file in (LIST, *(item.path for item in items)):
                        bundle.write(self.folder / name / file, f"{name}/{file}")
            partial.replace(path)

    def register_export(self, name: str, folder: Path) -> Path:
        """Take over a folder that an export wrote, under a name of the catalogue."""
        find_entry(name)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        with _writing(self.folder):
            staging = self.folder / PARTIAL / name
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(folder, staging)
            return self._register(name, staging, tuple(describe(staging, file) for file in files if file != LIST))

    def _register(self, name: str, staging: Path, arrived: tuple[Item, ...]) -> Path:
        home = self.folder / name
        known = {item.path: item for item in self._items(name)} if (home / LIST).is_file() else {}
        for item in arrived:
            target = home / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / item.path).replace(target)
            known[item.path] = item
        write_list(home, tuple(known.values()))
        shutil.rmtree(staging, ignore_errors=True)
        return home

    def _items(self, name: str) -> tuple[Item, ...]:
        entry, path = find_entry(name), self.folder / name / LIST
        if not path.is_file():
            raise WeightsMissing(f"{name!r} is not in {self.folder}", f"Get it with `rubylith models pull {name}`")
        return read_list(path.read_bytes(), entry, str(path))

    def _differs(self, name: str, item: Item) -> bool:
        return describe(self.folder / name, item.path).sha256 != item.sha256

    def _check_licence(self, entry: Entry) -> None:
        if entry.licence_class not in self.licences:
            raise LicenceNotAllowed(
                f"{entry.name!r} is under {entry.licence}, which is {entry.licence_class}",
                f"Read the licence, then say yes with --licence {entry.licence_class}",
            )

    def _source(self, entry: Entry) -> Source:
        is_local = self.mirror is not None and "://" not in self.mirror
        if self.offline and not is_local:
            raise WeightsMissing(
                f"{entry.name!r} is not here, and RUBYLITH_OFFLINE says to ask nobody",
                "Name a bundle or a folder with RUBYLITH_MIRROR, or unset RUBYLITH_OFFLINE",
            )
        if self.mirror is None and entry.source == EXPORT:
            raise WeightsMissing(
                f"Nobody publishes graphs of {entry.name!r}",
                f"Write them with `rubylith models export {entry.name} FROM`, FROM: {' or '.join(entry.made_from)}",
            )
        return open_source(self.mirror)

    def _check_room(self, items: tuple[Item, ...], staging: Path) -> None:
        here = sum(p.stat().st_size for p in staging.rglob("*") if p.is_file())
        needed = sum(item.size or 0 for item in items) - here
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise NotAccessible(
                f"The disk with {self.folder} is too full: {needed} bytes are needed, {free} are free",
                "Free some space, or name another folder with RUBYLITH_MODELS",
            )


def _fetch(source: Source, entry: Entry, item: Item, staging: Path, report: Report) -> Item:
    """Bring one file into the staging folder, from where it stopped last time; returns it with its digest."""
    path = staging / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        partial = path.with_name(path.name + ".part")
        _append(source, entry, item, partial, report)
        found = describe(partial.parent, partial.name)
        if item.sha256 not in {None, found.sha256}:
            partial.unlink()
            raise WrongDigest(
                f"{entry.name}: {item.path} has SHA-256 {found.sha256}, but {item.sha256} was promised",
                "Try again; if it happens twice, the source is wrong: do not use it",
            )
        partial.replace(path)
    return describe(staging, item.path)


def _append(source: Source, entry: Entry, item: Item, partial: Path, report: Report) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    if item.size is not None and start >= item.size > 0:
        return
    here = 0
    try:
        opened = source.open(entry, item, start)
        here = opened.start
        with opened.stream as stream, partial.open("ab" if opened.start else "wb") as file:
            for chunk in chunks(stream):
                try:
                    file.write(chunk)
                except OSError as failure:
                    raise _WriteFailed from failure
                here += len(chunk)
                report(item.path, here, item.size)
    except _WriteFailed as failure:
        raise failure.__cause__ from None  # type: ignore[misc]  the disk's error, not the network's
    except (HTTPException, ConnectionError, TimeoutError) as failure:
        raise _cut_off(item, here) from failure
    if item.size is not None and here < item.size:
        raise _cut_off(item, here)


class _WriteFailed(Exception):
    """Tells an error of the disk from one of the network; both are OSErrors."""


def _cut_off(item: Item, here: int) -> SourceUnreachable:
    size = "" if item.size is None else f" of {item.size}"
    return SourceUnreachable(
        f"The connection broke after {here}{size} bytes of {item.path}",
        "Run the same command again: it goes on from there",
    )


def _is_there(folder: Path, path: str) -> bool:
    return (folder / path).is_file()


@contextmanager
def _writing(folder: Path) -> Generator[None]:
    """Errors of the file system in our words."""
    try:
        yield
    except OSError as failure:
        raise NotAccessible.writing(folder, failure) from failure
