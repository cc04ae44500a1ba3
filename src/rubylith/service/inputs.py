"""Which pictures the words of a command mean, and which folder each one's results get."""

import glob
import itertools
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rubylith.domain.errors import InvalidPrompt, NotAccessible, NotFound, RubylithError
from rubylith.domain.image import AtHand, Inline, Local
from rubylith.service.intake import DEFAULT_LIMITS, digest_of, read_bytes
from rubylith.service.manifest import MANIFEST, Manifest

STDIN, STDIN_NAME = "-", "standard input"
# of the files that a folder is searched for
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    *(".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".avif"),
)
WILDCARDS = "*?["
ODD_KINDS = (
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)
RESULTS = "rubylith-out"  # what a run leaves is not taken for pictures by the next


@dataclass(frozen=True, slots=True)
class Input:
    """One picture.

    folder: where its results go, relative to the folder of all results, forward slashes. moved_for: the picture of an
    earlier run whose results lie where these would have gone.
    """

    source: AtHand
    folder: str
    moved_for: str | None = None

    @property
    def name(self) -> str:
        """What results call it: the path as given or found, with bytes that are no text written as \\xff."""
        return _printable(self.source.name)


def find_inputs(
    words: Sequence[str],
    *,
    out: Path | None,
    read_stdin: Callable[[], bytes],
    max_bytes: int = DEFAULT_LIMITS.max_bytes,
) -> tuple[Input, ...]:
    """The pictures that files, folders, globs and `-` name, in that order, each once.

    A folder gives the pictures anywhere below it, sorted, without hidden ones and without earlier results. A file that
    does not exist is an input all the same: it fails when its turn comes. NotFound if a folder or glob gives nothing,
    InvalidPrompt for a link, and for a pipe, socket or device; in folders and globs these are passed over.
    What the command was handed as a pipe gives its bytes but once, so that it is read here.
    out: the folder of all results, in which pictures of earlier runs and the inputs themselves keep their places.
    max_bytes: of a picture; of a pipe at most one more is read.
    """
    found: dict[str, tuple[AtHand, PurePosixPath]] = {}
    for word in words:
        if word == STDIN:
            found.setdefault(STDIN, (Inline(read_stdin(), STDIN_NAME), PurePosixPath("stdin")))
            continue
        for path, place in _expand(word, out):
            whole = os.path.abspath(path)  # noqa: PTH100  resolve() follows links
            if whole not in found:
                found[whole] = _at_hand(path, max_bytes), place
    sources = [source for source, _ in found.values()]
    places = [place for _, place in found.values()]
    if out is None:
        folders = distinct_folders(places)
        return tuple(Input(source, folder) for source, folder in zip(sources, folders, strict=True))
    owners = Owners(sources, out)
    folders = distinct_folders(places, owners.files, owners.is_others)
    return tuple(
        Input(source, folder, owners.moved_for(index, folder))
        for index, (source, folder) in enumerate(zip(sources, folders, strict=True))
    )


def distinct_folders(
    places: Sequence[PurePosixPath],
    files: Collection[PurePosixPath] = (),
    is_others: Callable[[int, str], bool] = lambda _index, _folder: False,
) -> list[str]:
    """A folder for each place such as `holiday/beach.jpg`: none twice, and none inside another.

    The name without its suffix where that is free; else all that compete for it keep the suffix; else they are counted.
    Upper and lower case count as the same, as on some disks. files: names that are no folders. is_others: whether the
    results of another picture than the one at this index lie in the folder.
    """
    blocked = {_key(parent) for place in places for parent in place.parents} | {MANIFEST} | {_key(f) for f in files}
    stems = Counter(_key(place.with_suffix("")) for place in places)
    taken: set[str] = set()
    folders: list[str] = []
    for index, place in enumerate(places):
        folder = place.with_suffix("")
        if stems[_key(folder)] > 1 or _key(folder) in blocked or is_others(index, str(folder)):
            numbered = (place.with_name(f"{place.name}-{number}") for number in itertools.count(2))
            folder = next(
                name
                for name in itertools.chain([place], numbered)
                if _key(name) not in taken | blocked | set(stems) and not is_others(index, str(name))
            )
        taken.add(_key(folder))
        folders.append(str(folder))
    return folders


class Owners:
    """Which names in the folder of all results are spoken for."""

    def __init__(self, sources: Sequence[AtHand], out: Path) -> None:
        """files: the inputs that lie in `out` themselves."""
        self._sources = sources
        self._manifest = Manifest(out)
        self._moved: dict[int, str] = {}
        root = out.resolve()
        places = [each.path.parent.resolve() / each.path.name for each in sources if isinstance(each, Local)]
        self.files = {PurePosixPath(p.relative_to(root).as_posix()) for p in places if p.is_relative_to(root)}

    def is_others(self, index: int, folder: str) -> bool:
        """True if an earlier run has put the results of another picture there: another name and other bytes."""
        entry, source = self._manifest.find(folder), self._sources[index]
        if entry is None or not entry.files or _is_stdin(source):
            return False
        if os.path.abspath(entry.input) == os.path.abspath(_printable(source.name)):  # noqa: PTH100  as above
            return False
        try:
            is_same = entry.digest == digest_of(read_bytes(source))
        except RubylithError:
            is_same = False
        if not is_same:
            self._moved.setdefault(index, entry.input)
        return not is_same

    def moved_for(self, index: int, folder: str) -> str | None:
        """The picture that has kept its place, the first time that this one gets `folder` instead."""
        return None if self._manifest.find(folder) else self._moved.get(index)


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _key(place: PurePosixPath) -> str:
    return str(place).casefold()


def _expand(word: str, out: Path | None) -> Iterator[tuple[Path, PurePosixPath]]:
    """Each path with its place among the results."""
    if "://" in word:
        raise InvalidPrompt(f"{word} is a link, and links are not fetched", "Download it and give the file")
    path = Path(word)
    if _is_folder(path):
        found = list(_below(path, path, Results(path, out)))
        if not found:
            raise NotFound(f"There is no picture in {word}", f"Pictures end in {', '.join(SUFFIXES)}")
        yield from found
    elif any(character in word for character in WILDCARDS) and not os.path.lexists(word):
        found = list(_matching(word, out))
        if not found:
            hint = "Check the pattern; in quotes, ** stands for any folders, and earlier results are passed over"
            raise NotFound(f"Nothing matches {word}", hint)
        yield from found
    else:
        kind = _odd_kind(path)
        if kind is not None and not _is_descriptor(path):
            raise InvalidPrompt(f"{word} is a {kind} and not a regular file", "Give a file, or - for standard input")
        yield path, PurePosixPath(path.name or "picture")


def _matching(pattern: str, out: Path | None) -> Iterator[tuple[Path, PurePosixPath]]:
    """Places are relative to the last folder before the first wildcard."""
    fixed = itertools.takewhile(lambda part: not any(c in part for c in WILDCARDS), Path(pattern).parts)
    root = Path(*fixed)
    results = Results(root, out)
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  Path.glob takes no absolute pattern
        path = Path(match)
        if path.name == MANIFEST or results.hold(path):
            continue
        if _is_folder(path):
            yield from _below(path, root, results)
        elif _odd_kind(path) is None:
            yield path, _place(path, root)


def _place(path: Path, root: Path) -> PurePosixPath:
    """Without `..`, which a pattern may hold and which would lead out of the results."""
    return PurePosixPath(*(part for part in path.relative_to(root).parts if part != ".."))


def _below(folder: Path, root: Path, results: "Results") -> Iterator[tuple[Path, PurePosixPath]]:
    """The pictures anywhere in the folder; places are relative to `root`."""
    for here, folders, files in os.walk(folder, onerror=_refuse):
        inner = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in inner if not results.hold(Path(here, name))]
        for name in sorted(files):
            path = Path(here, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and _odd_kind(path) is None:
                yield path, _place(path, root)


class Results:
    """What earlier runs have left below a folder. The folder itself was asked for, so it is none."""

    def __init__(self, root: Path, out: Path | None) -> None:
        """out: where the results of this run go."""
        self._root = root.resolve()
        self._out = None if out is None else out.resolve()
        self._named: dict[Path, frozenset[Path]] = {}

    def hold(self, path: Path) -> bool:
        """True for a folder of results, and for all that lies in one."""
        whole = path.parent.resolve() / path.name
        if not whole.is_relative_to(self._root):
            return False
        parts = whole.relative_to(self._root).parts
        below = [self._root.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
        return RESULTS in parts or any(each == self._out or self._is_named(each) for each in below)

    def _is_named(self, folder: Path) -> bool:
        return any(folder in self._named_by(parent) for parent in folder.parents)

    def _named_by(self, folder: Path) -> frozenset[Path]:
        """The folders of results that the manifest in this folder names."""
        if folder not in self._named:
            try:
                self._named[folder] = frozenset(folder / name for name in Manifest(folder).folders)
            except RubylithError:
                self._named[folder] = frozenset()
        return self._named[folder]


def _refuse(error: OSError) -> None:
    message = f"The folder {error.filename} cannot be read: {error.strerror}"
    raise NotAccessible(message, "Mend its permissions, or name the pictures to cut") from None


def _odd_kind(path: Path) -> str | None:
    """What it is instead of a file, which may keep whoever reads it waiting for ever; None for a file or nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # as in _is_folder
        return None
    return next((kind for is_kind, kind in ODD_KINDS if is_kind(mode)), None)


def _is_descriptor(path: Path) -> bool:
    """True for what this command was started with, such as `/dev/stdin`, or `/dev/fd/63` for `<(...)` of a shell."""
    parts = Path(os.path.abspath(path)).parts  # noqa: PTH100  resolve() would follow it
    return parts == ("/", "dev", "stdin") or parts[1:-1] in {("dev", "fd"), ("proc", "self", "fd")}


def _is_stdin(source: AtHand) -> bool:
    """True for `-`, whose results have a place of their own."""
    return isinstance(source, Inline) and source.name == STDIN_NAME


def _at_hand(path: Path, max_bytes: int) -> AtHand:
    """The file; of a pipe, which is what the command was started with, its bytes, at most one too many."""
    if _odd_kind(path) is None:
        return Local(path)
    try:
        with path.open("rb") as file:
            return Inline(file.read(max_bytes + 1), str(path))
    except OSError:  # told of when its turn comes
        return Local(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no permission, a name too long, a null byte: intake says it when its turn comes
        return False
