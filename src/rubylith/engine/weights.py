"""The models on this machine: pulled, checked, bundled, removed. What is listed is whole.

Files arrive in a folder of their own and move in when all are there and right; the list of a model's files is written
last, so nothing half-written is ever loaded. What arrived before a connection broke stays, and the next try goes on.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rubylith.domain.errors import LicenceNotAllowed, NotAccessible, NotFound, WeightsMissing
from rubylith.engine.arrivals import Report, fetch, fits, here
from rubylith.engine.catalog import (
    PAGE,
    SEGMENTER,
    Entry,
    catalog,
    find_entry,
    is_folder_name,
    way_to,
)
from rubylith.engine.lists import LIST, Item, is_whole, read_whole, write_list
from rubylith.engine.locks import locked
from rubylith.engine.precisions import STATIC, precisions_of
from rubylith.engine.sources import HUB, TRANSFORMERS, FolderMirror, Hub, Source, describe, open_source

PARTIAL = ".partial"
ORIGIN, EXPORT = ".origin", ".export"  # beside a model's staging folder: weights to be exported, and what is written


def unheard(path: str, here: int, size: int | None, /) -> None:
    """A report for callers who do not want one."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that is here. size: bytes of its files. is_export: whether our own graphs are among them."""

    name: str
    folder: Path
    size: int
    precisions: tuple[str, ...]
    is_export: bool


@dataclass(frozen=True, slots=True)
class Store:
    """The models in one folder.

    mirror: a URL, folder or bundle instead of the hub. offline: ask nobody. licences: classes that are allowed.
    hub, token: the hub's address, and the key to what is not open to everybody there.
    """

    folder: Path
    mirror: str | None = None
    offline: bool = False
    licences: tuple[str, ...] = ("permissive",)
    hub: str = HUB
    token: str | None = field(default=None, repr=False)

    def installed(self) -> tuple[str, ...]:
        """Names of the models that are here and whole, in the catalogue's order."""
        return tuple(name for name in catalog() if self.has(name))

    def has(self, name: str) -> bool:
        """True if this model is here and whole."""
        return is_whole(self.folder / name)

    def damaged(self) -> tuple[str, ...]:
        """Names of the models whose list of files cannot be read, so that nobody knows what they should be."""
        return tuple(name for name in catalog() if (self.folder / name / LIST).exists() and not self.has(name))

    def incomplete(self, name: str) -> tuple[str, ...]:
        """Paths of a model's files that are gone or of another size than when they came; nothing is read for it."""
        paths = ((self.folder / name / item.path, item) for item in self._items(name))
        return tuple(
            item.path for path, item in paths if not path.is_file() or item.size not in {None, path.stat().st_size}
        )

    def find(self, name: str) -> Installed:
        """A model that is here; UnknownName, or WeightsMissing if it is not, or not whole."""
        items = self._items(name)
        paths = {item.path for item in items}
        size = sum(item.size or 0 for item in items)
        return Installed(name, self.folder / name, size, precisions_of(paths), PAGE in paths)

    def lacks(self, name: str, precision: str) -> bool:
        """True if what running the model in that precision needs is to be pulled; False for a model's folder.

        precision: as of pull.
        """
        if is_folder_name(name) or name not in catalog():
            return False
        found, kept = self.find(name) if self.has(name) else None, find_entry(name).kept_as(precision)
        return found is None or (bool(found.precisions) and not (found.is_export or kept in found.precisions))

    @property
    def source(self) -> Source:
        """Where models come from."""
        return open_source(self.mirror, self.hub, self.token)

    @property
    def places(self) -> tuple[str, ...]:
        """How errors write the folder of models, and where models come from unless that is the public hub."""
        shown = self.source.shown
        return (str(self.folder), *(() if shown == HUB else (shown,)))

    def names_at_source(self) -> tuple[str, ...]:
        """The models that a bundle or a mirror's folder has, as far as the catalogue knows them."""
        source = self.source
        names = source.names() if isinstance(source, FolderMirror) else ()
        return tuple(name for name in names if name in catalog())

    def pull(self, name: str, precision: str | None = "fp32", *, report: Report = unheard) -> Path:
        """Bring a model here and return its folder; of one that is here already only what is missing or damaged.

        precision: of the encoder, or the files that `files_for` names; a mirror gives what it has, and None is content
        with that. report: told of every file before any is fetched, then of every megabyte. UnknownName,
        LicenceNotAllowed, WeightsMissing (offline, or no published graphs), NotFound, SourceUnreachable, WrongDigest,
        NotAccessible (the folder refuses, or the disk is full), Conflict (another pull of it is under way): nothing is
        registered then.
        """
        entry = self.check_pull(name, precision or "fp32")
        precision = None if precision is None else entry.kept_as(precision)
        with self._staging(name) as staging:
            source = self.source
            items = source.items(entry, precision or "fp32")
            found = precisions_of({item.path for item in items})
            has_precisions = entry.kind == SEGMENTER or any(path.endswith(".onnx") for path in entry.pull)
            if has_precisions and (not found or precision not in {None, *found}):
                found = ", ".join(found) or "none at all"
                raise NotFound(
                    f"{source.shown} has no graphs of {name} in {precision or 'any precision'}, it has {found}",
                    _calibrate(name) if precision == STATIC else "Ask for another --precision, or another mirror",
                )
            kept = self._kept(name, items)
            wanted = tuple(item for item in items if item.path not in kept)
            arrived = self._fetch_all(source, entry, wanted, staging, report)
            return self._register(name, staging, arrived, tuple(kept.values()))

    def fetch_origin(self, entry: Entry, origin: str, *, report: Report = unheard) -> Path:
        """The weights that an export is written from, fetched from the hub: `owner/name` or `owner/name/file`.

        They lie beside the models until `clear_origin`; a folder in transformers' form, or the file. Errors as of pull.
        """
        self.check_licence(entry)
        if self.offline:
            raise _offline(f"{origin} is to be fetched")
        owner, name, *inside = origin.split("/")
        there = replace(entry, source=f"{owner}/{name}", revision="main")
        hub = Hub(self.hub, self.token)
        key = hashlib.sha256(f"{there.source}@{there.revision}".encode()).hexdigest()[:16]
        with self._staging(f"{entry.name}{ORIGIN}") as origins:
            staging = origins / key  # of another origin nothing is gone on with
            staging.mkdir(exist_ok=True)
            items = tuple(hub.item(there, path) for path in (("/".join(inside),) if inside else TRANSFORMERS))
            self._fetch_all(hub, there, items, staging, report)
            return staging / items[0].path if inside else staging

    def clear_origin(self, entry: Entry) -> None:
        """Delete what `fetch_origin` brought."""
        shutil.rmtree(self.folder / PARTIAL / f"{entry.name}{ORIGIN}", ignore_errors=True)

    def verify(self, name: str) -> tuple[str, ...]:
        """Paths of files that are not what they were when they came, or are gone; WeightsMissing if there are none.

        If the list of files itself cannot be read, its path.
        """
        if name in self.damaged():
            return (LIST,)
        return tuple(item.path for item in self._items(name) if self._found(name, item) is None)

    def remove(self, name: str) -> None:
        """Delete a model's files, also what a broken pull or export has left; WeightsMissing if there are none.

        Conflict if a pull or an export of it is under way.
        """
        find_entry(name)
        home, stages = self.folder / name, (name, f"{name}{ORIGIN}", f"{name}{EXPORT}")
        if not any(folder.is_dir() for folder in (home, *(self.folder / PARTIAL / stage for stage in stages))):
            raise self._missing(name)
        with ExitStack() as stack:
            staged = [stack.enter_context(self._staging(stage)) for stage in stages]
            (home / LIST).unlink(missing_ok=True)  # first, so that a half-removed model is none
            for folder in (home, *staged):
                if folder.is_dir():
                    shutil.rmtree(folder)

    def bundle(self, names: tuple[str, ...], path: Path, *, report: Report = unheard) -> None:
        """Write models into a zip that another machine takes as its mirror.

        WeightsMissing if one is not here; NotAccessible if the disk is full, and then there is no zip.
        """
        lists = {name: self._items(name) for name in names}
        partial = path.with_name(path.name + ".partial")
        with _writing(path.parent):
            self._check_room(sum(item.size or 0 for items in lists.values() for item in items), path.parent)
            try:
                with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as bundle:
                    for name, items in lists.items():
                        for item in items:
                            bundle.write(self.folder / name / item.path, f"{name}/{item.path}")
                            report(f"{name}/{item.path}", item.size or 0, item.size)
                        bundle.write(self.folder / name / LIST, f"{name}/{LIST}")
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    @contextmanager
    def exporting(self, name: str) -> Generator[Path]:
        """An empty folder to write an export into, for nobody else meanwhile, and gone afterwards.

        NotAccessible if the folder of models refuses, Conflict if another export of the model is under way.
        """
        with self._held(f"{name}{EXPORT}") as folder:
            with _writing(self.folder):
                shutil.rmtree(folder)  # what a killed one has left
                folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def register_export(self, name: str, folder: Path) -> Path:
        """Take over a folder that an export wrote, under a name of the catalogue; errors as of pull.

        What an earlier export has written goes; what was pulled stays.
        """
        find_entry(name)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        with self._staging(name) as staging:
            shutil.rmtree(staging)
            shutil.copytree(folder, staging)
            return self._register(name, staging, tuple(describe(staging, file) for file in files if file != LIST))

    def check_pull(self, name: str, precision: str = "fp32") -> Entry:
        """What can be said before anybody is asked: UnknownName, LicenceNotAllowed, WeightsMissing (see pull)."""
        entry = find_entry(name)
        self.check_licence(entry)
        is_local = self.mirror is not None and "://" not in self.mirror
        if self.offline and not is_local:
            raise _offline(f"{entry.name!r} is not in {self.folder}")
        if self.mirror is None and not entry.is_published:
            raise WeightsMissing(f"Nobody publishes graphs of {name!r}", f"Get it with {way_to(entry)}")
        if self.mirror is None and entry.kept_as(precision) == STATIC:
            raise WeightsMissing(
                f"Nobody publishes an encoder of {name!r} in int8 with measured ranges, which OpenVINO needs",
                _calibrate(name),
            )
        return entry

    def check_licence(self, entry: Entry) -> None:
        """LicenceNotAllowed if the model is under a licence of a class that nobody here has said yes to."""
        if entry.licence_class not in self.licences:
            raise LicenceNotAllowed(
                f"{entry.name!r} is under the licence {entry.licence}, which is {entry.licence_class}; "
                f"allowed here is {', '.join(self.licences)}",
                f"Read it, then say yes with --license {entry.licence_class} or in RUBYLITH_LICENSES",
            )

    def _fetch_all(
        self, source: Source, entry: Entry, items: tuple[Item, ...], staging: Path, report: Report
    ) -> tuple[Item, ...]:
        arrived = {item.path: here(item, staging) for item in items}
        self._check_room(sum(max((item.size or 0) - arrived[item.path], 0) for item in items), self.folder)
        for item in items:
            report(item.path, arrived[item.path], item.size)
        return tuple(fetch(source, entry, item, staging, report) for item in items)

    def _register(self, name: str, staging: Path, arrived: tuple[Item, ...], kept: tuple[Item, ...] = ()) -> Path:
        """Move files in and list them beside those that were there; while files move there is no list, and no model.

        kept: of those that belong together with what has arrived, the ones that are here already.
        """
        home = self.folder / name
        before = read_whole(home)
        if arrived or before is None:
            known = _joined(before or (), arrived, kept)
            home.mkdir(parents=True, exist_ok=True)
            (home / LIST).unlink(missing_ok=True)
            for item in sorted(arrived, key=lambda item: item.path == PAGE):  # the page last: it says what the rest is
                target = home / item.path
                target.parent.mkdir(parents=True, exist_ok=True)
                (staging / item.path).replace(target)
            gone = None if before is None else {item.path for item in before} - set(known)
            _clear(home, set(known), gone)
            write_list(home, tuple(known.values()))
        shutil.rmtree(staging, ignore_errors=True)
        return home

    def _items(self, name: str) -> tuple[Item, ...]:
        entry, home = find_entry(name), self.folder / name
        items = read_whole(home)
        if items is None and (home / LIST).exists():
            raise WeightsMissing(
                f"{home / LIST} cannot be read, so nobody knows whether {name!r} is whole",
                f"Mend it with {way_to(entry)}",
            )
        if items is None:
            raise self._missing(name)
        return tuple(replace(item, sha256=entry.sha256(item.path) or item.sha256) for item in items)

    def _missing(self, name: str) -> WeightsMissing:
        return WeightsMissing(f"{name!r} is not in {self.folder}", f"Get it with {way_to(find_entry(name))}")

    def _kept(self, name: str, items: tuple[Item, ...]) -> dict[str, Item]:
        """Those of the files, by path, that are here and byte by byte what they should be."""
        listed = {item.path: item for item in self._items(name)} if self.has(name) else {}
        kept: dict[str, Item] = {}
        for item in items:
            known = listed.get(item.path, item)
            wanted = Item(item.path, item.sha256 or known.sha256, item.size or known.size)
            if wanted.sha256 is not None and (found := self._found(name, wanted)) is not None:
                kept[item.path] = found
        return kept

    def _found(self, name: str, item: Item) -> Item | None:
        """The file as it is here; None if it is gone, or not what it should be."""
        path = self.folder / name / item.path
        if not path.is_file() or item.size not in {None, path.stat().st_size}:
            return None
        found = describe(self.folder / name, item.path)
        return found if fits(item, found) else None

    @contextmanager
    def _staging(self, name: str) -> Generator[Path]:
        """The folder in which files of a model arrive, for nobody else meanwhile."""
        with _writing(self.folder), self._held(name) as staging:
            yield staging

    @contextmanager
    def _held(self, name: str) -> Generator[Path]:
        staging = self.folder / PARTIAL / name
        with ExitStack() as stack:
            with _writing(self.folder):
                staging.mkdir(parents=True, exist_ok=True)
                lock = staging.with_name(f"{name}.lock")
                model = name.removesuffix(ORIGIN).removesuffix(EXPORT)
                stack.enter_context(locked(lock, f"Another process is at {model!r} already"))
            yield staging

    def _check_room(self, needed: int, folder: Path) -> None:
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise NotAccessible(
                f"The disk with {folder} is too full: {needed} bytes are needed, {free} are free",
                "Free some space, or name another folder with RUBYLITH_MODELS",
            )


def _calibrate(name: str) -> str:
    return (
        f"Write one with `rubylith models export {name} --precision int8 --calibrate PICTURES`, "
        "or use RUBYLITH_PRECISION=bf16 or fp32"
    )


def _joined(before: tuple[Item, ...], arrived: tuple[Item, ...], kept: tuple[Item, ...]) -> dict[str, Item]:
    """What there is, by path, when files have arrived; of two exports, whose graphs do not fit, the new one's alone."""
    known = {item.path: item for item in before}
    new = {item.path: item for item in (*kept, *arrived)}
    is_another = any(_is_exported(item.path) and known.get(item.path) != item for item in arrived)
    if PAGE in new and is_another:
        known = {path: item for path, item in known.items() if not _is_exported(path)}
    return known | new


def _is_exported(path: str) -> bool:
    """True for what our export writes: graphs in the folder itself, and their page."""
    return path == PAGE or ("/" not in path and path.endswith(".onnx"))


def _clear(home: Path, known: set[str], gone: set[str] | None) -> None:
    """Delete files that are listed no longer; without a list before (None), all that somebody has left half-done."""
    for path in [path for path in home.rglob("*") if path.is_file()]:
        name = path.relative_to(home).as_posix()
        if name not in known and (gone is None or name in gone):
            path.unlink()


def _offline(what: str) -> WeightsMissing:
    return WeightsMissing(
        f"{what}, and RUBYLITH_OFFLINE says to ask nobody",
        "Name a bundle or a folder of models with RUBYLITH_MIRROR, or unset RUBYLITH_OFFLINE",
    )


@contextmanager
def _writing(folder: Path) -> Generator[None]:
    """Errors of the file system in our words."""
    try:
        yield
    except OSError as failure:
        raise NotAccessible.writing(folder, failure) from failure
