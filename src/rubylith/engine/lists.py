"""The list of a model's files, which makes it whole: written last, and taken away before any of them moves."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rubylith.domain.errors import WeightsMissing

LIST = "files.json"
PART = ".part"  # of a file that has not all arrived
WRITING = f"{LIST}.partial"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a model. path: inside the model's folder. sha256, size: None where nobody says."""

    path: str
    sha256: str | None = None
    size: int | None = None


def parse_list(text: bytes) -> tuple[Item, ...]:
    """What a list says, wherever it came from; ValueError if it is none. Its paths are yet to be asked about."""
    try:
        rows: dict[str, Any] = json.loads(text)["files"]
        return tuple(Item(path, str(row["sha256"]), int(row["size"])) for path, row in rows.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as failure:
        raise ValueError(f"{type(failure).__name__}: {failure}") from failure


def is_plain(path: str) -> bool:
    """True for a path that leads to one and the same file below a folder on every system, and to none of ours."""
    parts = PurePosixPath(path).parts
    plain = bool(parts) and "/".join(parts) == path and not path.startswith("/") and path.isprintable()
    strange = any(part == ".." or part.endswith((".", " ")) or set(part) & set(':\\<>"|?*') for part in parts)
    ours = path.lower() in {LIST, WRITING} or any(part.lower().endswith(PART) for part in parts)
    return plain and not strange and not ours


def read_whole(folder: Path) -> tuple[Item, ...] | None:
    """The files of the model in a folder; None if there is no list, or one that says nothing."""
    try:
        items = parse_list((folder / LIST).read_bytes())
    except (OSError, ValueError):
        return None
    return items if all(is_plain(item.path) for item in items) else None


def is_whole(folder: Path) -> bool:
    """True if all files of a model are here, as far as one sees without reading them."""
    return read_whole(folder) is not None


@contextmanager
def opening(folder: Path, name: str) -> Generator[None]:
    """Around the opening of a model's files: WeightsMissing if others took their place meanwhile, so none are mixed.

    A folder that never had a list is its owner's, and not watched.
    """
    before = _stamp(folder)
    try:
        yield
    finally:
        if _stamp(folder) != before:
            raise WeightsMissing(f"The files of {name!r} were replaced while they were opened", "Ask again")


def _stamp(folder: Path) -> bytes | None:
    try:
        return (folder / LIST).read_bytes()
    except OSError:
        return None


def write_list(folder: Path, items: tuple[Item, ...]) -> None:
    """Write the list of a folder's files; it appears whole or not at all."""
    rows = {item.path: {"sha256": item.sha256, "size": item.size} for item in items}
    partial = folder / WRITING
    with partial.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"files": rows}, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / LIST)
