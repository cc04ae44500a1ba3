"""Which pictures the words of a command mean, and which folder each one's results get."""

import glob
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rubylith.domain.errors import InvalidPrompt, NotFound, NotReadable
from rubylith.domain.image import AtHand, Inline, Local
from rubylith.service.manifest import MANIFEST

STDIN = "-"
# of the files that a folder is searched for
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    *(".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".avif"),
)
WILDCARDS = "*?["
RESULTS = "rubylith-out"  # what a run leaves is not taken for pictures by the next


@dataclass(frozen=True, slots=True)
class Input:
    """One picture. `folder`: where its results go, relative to the folder of all results, forward slashes."""

    source: AtHand
    folder: str

    @property
    def name(self) -> str:
        """What results call it: the path as given or found, with bytes that are no text written as \\xff."""
        return self.source.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def find_inputs(words: Sequence[str], *, out: Path, read_stdin: Callable[[], bytes]) -> tuple[Input, ...]:
    """The pictures that files, folders, globs and `-` name, in that order, each once.

    A folder gives the pictures anywhere below it, sorted, without hidden ones and without earlier results. A file that
    does not exist is an input all the same: it fails when its turn comes. NotFound if a folder or glob gives nothing.
    """
    found: dict[str, tuple[AtHand, PurePosixPath]] = {}
    for word in words:
        if word == STDIN:
            found.setdefault(STDIN, (Inline(read_stdin(), "standard input"), PurePosixPath("stdin")))
            continue
        for path, place in _expand(word, out):
            found.setdefault(os.path.abspath(path), (Local(path), place))  # noqa: PTH100  resolve() follows links
    sources = [source for source, _ in found.values()]
    folders = distinct_folders([place for _, place in found.values()])
    return tuple(Input(source, folder) for source, folder in zip(sources, folders, strict=True))


def distinct_folders(places: Sequence[PurePosixPath]) -> list[str]:
    """A folder for each place such as `holiday/beach.jpg`: none twice, and none inside another.

    The name without its suffix where that is free; else all that compete for it keep the suffix; else they are counted.
    So a name depends on the set of inputs only. Upper and lower case count as the same, as on some disks.
    """
    parents = {_key(parent) for place in places for parent in place.parents} | {MANIFEST}
    stems = Counter(_key(place.with_suffix("")) for place in places)
    taken: set[str] = set()
    folders: list[str] = []
    for place in places:
        folder = place.with_suffix("")
        if stems[_key(folder)] > 1 or _key(folder) in parents:
            numbered = (place.with_name(f"{place.name}-{number}") for number in itertools.count(2))
            free = (
                name for name in itertools.chain([place], numbered) if _key(name) not in taken | parents | set(stems)
            )
            folder = next(free)
        taken.add(_key(folder))
        folders.append(str(folder))
    return folders


def _key(place: PurePosixPath) -> str:
    return str(place).casefold()


def _expand(word: str, out: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Each path with its place among the results."""
    if "://" in word:
        raise InvalidPrompt(f"{word} is a link, and links are not fetched", "Download it and give the file")
    path = Path(word)
    if _is_folder(path):
        found = list(_below(path, path, out))
        if not found:
            raise NotFound(f"There is no picture in {word}", f"Pictures end in {', '.join(SUFFIXES)}")
        yield from found
    elif any(character in word for character in WILDCARDS) and not os.path.lexists(word):
        found = list(_matching(word, out))
        if not found:
            raise NotFound(f"Nothing matches {word}", "Check the pattern; in quotes, ** stands for any folders")
        yield from found
    else:
        yield path, PurePosixPath(path.name or "picture")


def _matching(pattern: str, out: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Places are relative to the last folder before the first wildcard."""
    fixed = itertools.takewhile(lambda part: not any(c in part for c in WILDCARDS), Path(pattern).parts)
    root = Path(*fixed)
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  Path.glob takes no absolute pattern
        path = Path(match)
        if _is_folder(path):
            yield from _below(path, root, out)
        else:
            yield path, PurePosixPath(path.relative_to(root).as_posix())


def _below(folder: Path, root: Path, out: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """The pictures anywhere in the folder; places are relative to `root`."""
    for here, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(here, name), out))
        for name in sorted(files):
            path = Path(here, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield path, PurePosixPath(path.relative_to(root).as_posix())


def _refuse(error: OSError) -> None:
    message = f"The folder {error.filename} cannot be read: {error.strerror}"
    raise NotReadable(message, "Mend its permissions, or name the pictures to cut") from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no permission, a name too long, a null byte: intake says it when its turn comes
        return False


def _is_skipped(folder: Path, out: Path) -> bool:
    return folder.name.startswith(".") or folder.name == RESULTS or folder.resolve() == out.resolve()
