"""One file from a source into a folder: gone on with where it stopped, checked, and only then under its own name."""

import os
import zipfile
from collections.abc import Callable, Generator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import IO

from rubylith.domain.errors import SourceUnreachable, WrongDigest
from rubylith.engine.catalog import Entry
from rubylith.engine.downloads import Opened
from rubylith.engine.lists import PART, Item
from rubylith.engine.sources import Source, chunks, describe

TRIES = 3  # of one file in one pull; each goes on where the last one broke off

Report = Callable[[str, int, int | None], None]  # file, bytes here so far, bytes in all if known


def fetch(source: Source, entry: Entry, item: Item, staging: Path, report: Report) -> Item:
    """Bring one file into the staging folder and return it with its digest.

    What an earlier pull has left there counts for what it is: with a digest promised it is gone on with, without one it
    may be of another file, and is fetched anew. SourceUnreachable if the connection breaks again and again, WrongDigest
    if the file is not what was promised.
    """
    path = staging / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PART)
    if item.sha256 is None:
        path.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    if path.exists():
        found = describe(staging, item.path)
        if fits(item, found):
            return found
        path.unlink()
    for left in reversed(range(TRIES)):
        try:
            _append(source, entry, item, partial, report)
            break
        except _Broken as broken:
            if not left:
                raise broken.told from broken.__cause__
    found = describe(staging, f"{item.path}{PART}")
    _check(entry, item, found, partial)
    partial.replace(path)
    return replace(found, path=item.path)


def fits(item: Item, found: Item) -> bool:
    """True if a file is what was promised, as far as anything was."""
    return item.sha256 in {None, found.sha256} and item.size in {None, found.size}


def here(item: Item, staging: Path) -> int:
    """Bytes of a file that have arrived earlier, and that are gone on with."""
    if item.sha256 is None:
        return 0
    whole = staging / item.path
    partial = whole.with_name(whole.name + PART)
    return next((path.stat().st_size for path in (whole, partial) if path.is_file()), 0)


def _append(source: Source, entry: Entry, item: Item, partial: Path, report: Report) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    if item.size is not None and start >= item.size > 0:
        return
    opened = source.open(entry, item, start)
    size = opened.size if item.size is None else item.size
    arrived = opened.start
    with opened.stream, partial.open("ab" if opened.start else "wb") as file:
        try:
            for chunk in _received(opened):
                file.write(chunk)
                arrived += len(chunk)
                report(item.path, arrived, size)
                if size is not None and arrived > size:
                    break  # its digest will be wrong; a host that never ends must not fill the disk
        except _CutOff as failure:
            raise _broken(item, arrived, size) from failure.__cause__
        _keep(file)
    if size is not None and arrived < size:
        raise _broken(item, arrived, size)


def _received(opened: Opened) -> Generator[bytes]:
    """What comes, a megabyte at a time. Errors of the network are told from those of the disk that it is written to."""
    try:
        yield from chunks(opened.stream)
    except (HTTPException, OSError, EOFError) as failure:
        raise _CutOff from failure
    except zipfile.BadZipFile as failure:
        raise WrongDigest(f"The bundle is damaged: {failure}", "Copy it again, or make it again") from failure


def _keep(file: IO[bytes]) -> None:
    """What has arrived survives a power cut."""
    file.flush()
    if os.fstat(file.fileno()).st_size:  # a device has nothing to keep
        os.fsync(file.fileno())


def _check(entry: Entry, item: Item, found: Item, partial: Path) -> None:
    if fits(item, found):
        return
    partial.unlink()
    raise WrongDigest(
        f"{entry.name}: {item.path} has {found.size} bytes with SHA-256 {found.sha256}, "
        f"but {item.size or 'any number of'} bytes with {item.sha256} were promised",
        "Nothing of it was kept. Try again; if it happens twice, the source is wrong: do not use it",
    )


def _broken(item: Item, arrived: int, size: int | None) -> "_Broken":
    whole = "" if size is None else f" of {size}"
    return _Broken(
        SourceUnreachable(
            f"The connection broke after {arrived}{whole} bytes of {item.path} and after {TRIES} tries",
            "Run the same command again: it goes on from there",
        )
    )


class _Broken(Exception):
    """A connection that broke off. told: what to say if no further try is made."""

    def __init__(self, told: SourceUnreachable) -> None:
        super().__init__(told)
        self.told = told


class _CutOff(Exception):
    """The network failed while a file was being read."""
