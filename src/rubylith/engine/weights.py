"""The models on this machine: pulled, checked, bundled, removed. What is listed is whole.

Files arrive in a folder of their own and move in when all are there and right; the list of a model's files is written
last, so nothing half-written is ever loaded. What arrived before a connection broke stays, and the next try goes on.
"""

import re
import shutil
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rubylith.domain.errors import LicenceNotAllowed, NotAccessible, NotFound, WeightsMissing
from rubylith.engine.arrivals import Report, fetch, here
from rubylith.engine.catalog import (
    LIST,
    PAGE,
    SEGMENTER,
    Entry,
    catalog,
    find_entry,
    is_folder_name,
    way_to,
)
from rubylith.engine.locks import locked
from rubylith.engine.runtimes import KEPT_AS
from rubylith.engine.sources import (
    HUB,
    TRANSFORMERS,
    FolderMirror,
    Hub,
    Item,
    Source,
    describe,
    open_source,
    read_list,
    write_list,
)

PARTIAL = ".partial"
ENCODER = re.compile(r"(?:(?:vision_)?encoder|network|onnx/model)(_fp16|_int8_static|_int8|_quantized)?\.onnx$")
PRECISIONS = {None: "fp32", "_fp16": "fp16", "_int8": "int8", "_int8_static": "int8", "_quantized": "int8"}


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
        return (self.folder / name / LIST).is_file()

    def find(self, name: str) -> Installed:
        """A model that is here; UnknownName, or WeightsMissing if it is not."""
        items = self._items(name)
        paths = {item.path for item in items}
        size = sum(item.size or 0 for item in items)
        return Installed(name, self.folder / name, size, _precisions(paths), PAGE in paths)

    def lacks(self, name: str, precision: str) -> bool:
        """True if a pull would bring what running the model in that precision needs; False for a model's folder."""
        if is_folder_name(name) or name not in catalog():
            return False
        found, kept = self.find(name) if self.has(name) else None, KEPT_AS.get(precision, precision)
        return found is None or (bool(found.precisions) and not (found.is_export or kept in found.precisions))

    @property
    def source(self) -> Source:
        """Where models come from."""
        return open_source(self.mirror, self.hub, self.token)

    def names_at_source(self) -> tuple[str, ...]:
        """The models that a bundle or a mirror's folder has, as far as the catalogue knows them."""
        source = self.source
        names = source.names() if isinstance(source, FolderMirror) else ()
        return tuple(name for name in names if name in catalog())

    def pull(self, name: str, precision: str | None = "fp32", *, report: Report = unheard) -> Path:
        """Bring a model here and return its folder; of one that is here already only what is missing or damaged.

        precision: of the encoder; a mirror gives what it has, and None is content with that. report: told of every
        file before any is fetched, then of every megabyte. UnknownName, LicenceNotAllowed,
        WeightsMissing (offline, or no published graphs), NotFound, SourceUnreachable, WrongDigest, NotAccessible (the
        folder refuses, or the disk is full), Conflict (another pull of it is under way): nothing is registered then.
        """
        entry = self.check_pull(name)
        with self._staging(name) as staging:
            source = self.source
            items = source.items(entry, precision or "fp32")
            found = _precisions({item.path for item in items})
            has_precisions = entry.kind == SEGMENTER or any(path.endswith(".onnx") for path in entry.pull)
            if has_precisions and (not found or precision not in {None, *found}):
                found = ", ".join(found) or "none at all"
                raise NotFound(
                    f"{source.shown} has no graphs of {name} in {precision or 'any precision'}, it has {found}",
                    "Ask for another --precision, or another mirror",
                )
            wanted = tuple(item for item in items if not self._has(name, item))
            arrived = self._fetch_all(source, entry, wanted, staging, report)
            return self._register(name, staging, arrived)

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
        with self._staging(_origin(entry)) as staging:
            items = tuple(hub.item(there, path) for path in (("/".join(inside),) if inside else TRANSFORMERS))
            self._fetch_all(hub, there, items, staging, report)
            return staging / items[0].path if inside else staging

    def clear_origin(self, entry: Entry) -> None:
        """Delete what `fetch_origin` brought."""
        shutil.rmtree(self.folder / PARTIAL / _origin(entry), ignore_errors=True)

    def verify(self, name: str) -> tuple[str, ...]:
        """Paths of files that are not what they were when they came, or are gone; WeightsMissing if there are none."""
        return tuple(item.path for item in self._items(name) if not self._has(name, item))

    def remove(self, name: str) -> None:
        """Delete a model's files, also what a broken pull has left; WeightsMissing if there are none."""
        find_entry(name)
        home, staging = self.folder / name, self.folder / PARTIAL / name
        if not home.is_dir() and not staging.is_dir():
            raise self._missing(name)
        with _writing(self.folder):
            (home / LIST).unlink(missing_ok=True)  # first, so that a half-removed model is none
            for folder in (home, staging):
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

    def register_export(self, name: str, folder: Path) -> Path:
        """Take over a folder that an export wrote, under a name of the catalogue; errors as of pull."""
        find_entry(name)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        with self._staging(name) as staging:
            shutil.rmtree(staging)
            shutil.copytree(folder, staging)
            return self._register(name, staging, tuple(describe(staging, file) for file in files if file != LIST))

    def check_pull(self, name: str) -> Entry:
        """What can be said before anybody is asked: UnknownName, LicenceNotAllowed, WeightsMissing (see pull)."""
        entry = find_entry(name)
        self.check_licence(entry)
        is_local = self.mirror is not None and "://" not in self.mirror
        if self.offline and not is_local:
            raise _offline(f"{entry.name!r} is not in {self.folder}")
        if self.mirror is None and not entry.is_published:
            raise WeightsMissing(f"Nobody publishes graphs of {name!r}", f"Get it with {way_to(entry)}")
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

    def _register(self, name: str, staging: Path, arrived: tuple[Item, ...]) -> Path:
        """Move files in; while any that is listed is replaced, there is no list, and so no model."""
        home = self.folder / name
        known = {item.path: item for item in self._items(name)} if (home / LIST).is_file() else {}
        if any(item.path in known for item in arrived):
            (home / LIST).unlink()
        for item in arrived:
            target = home / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / item.path).replace(target)
            known[item.path] = item
        if arrived:
            write_list(home, tuple(known.values()))
        shutil.rmtree(staging, ignore_errors=True)
        return home

    def _items(self, name: str) -> tuple[Item, ...]:
        entry, path = find_entry(name), self.folder / name / LIST
        if not path.is_file():
            raise self._missing(name)
        return read_list(path.read_bytes(), entry, str(path))

    def _missing(self, name: str) -> WeightsMissing:
        return WeightsMissing(f"{name!r} is not in {self.folder}", f"Get it with {way_to(find_entry(name))}")

    def _has(self, name: str, item: Item) -> bool:
        """True if the file is here, listed, and byte by byte what it should be."""
        if not (self.folder / name / LIST).is_file() or not (self.folder / name / item.path).is_file():
            return False
        listed = {one.path: one for one in self._items(name)}.get(item.path)
        return listed is not None and describe(self.folder / name, item.path) == Item(
            item.path, item.sha256 or listed.sha256, item.size or listed.size
        )

    @contextmanager
    def _staging(self, name: str) -> Generator[Path]:
        """The folder in which files of a model arrive, for nobody else meanwhile."""
        staging = self.folder / PARTIAL / name
        with _writing(self.folder):
            staging.mkdir(parents=True, exist_ok=True)
            with locked(staging.with_name(f"{name}.lock"), f"Another process is at {name!r} already"):
                yield staging

    def _check_room(self, needed: int, folder: Path) -> None:
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise NotAccessible(
                f"The disk with {folder} is too full: {needed} bytes are needed, {free} are free",
                "Free some space, or name another folder with RUBYLITH_MODELS",
            )


def _precisions(paths: set[str]) -> tuple[str, ...]:
    """Those of the encoders among these files."""
    found = {PRECISIONS[match[1]] for path in paths if (match := ENCODER.search(path))}
    return tuple(precision for precision in dict.fromkeys(PRECISIONS.values()) if precision in found)


def _origin(entry: Entry) -> str:
    return f"{entry.name}.origin"


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
