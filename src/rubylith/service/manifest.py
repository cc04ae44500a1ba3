"""What has become of each picture of a folder of results, so that the same command can go on where it stopped.

One JSON line before the files of a picture are written ("begun"), and one when it is finished or has failed, appended
and synced; a later line about the same folder replaces an earlier one. A run that is killed leaves at most a torn last
line, which is skipped.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, Literal, TypeAlias, cast, get_args

from rubylith.domain.errors import NotAccessible

MANIFEST = "manifest.jsonl"
Status: TypeAlias = Literal["begun", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    folder: where the results lie, relative to the manifest, forward slashes. digest: SHA-256 of the picture's bytes, if
    they could be read. options: digest of all that was asked for. files: relative to `folder`; those that may
    lie there, unless it is done. masks: how many. model, weights: its name, and a digest of its files. sizes: bytes of
    each of `files` as they were written; none in a manifest of an earlier version.
    """

    folder: str
    input: str
    status: Status
    options: str
    digest: str | None = None
    masks: int | None = None
    files: tuple[str, ...] = ()
    error: str | None = None
    model: str | None = None
    weights: str | None = None
    sizes: tuple[int, ...] = ()


class Manifest:
    """The entries of one folder of results. It keeps no file open."""

    def __init__(self, out: Path) -> None:
        """Reads what earlier runs have left; NotAccessible if the system refuses."""
        self.path = out / MANIFEST
        try:
            lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        except OSError as error:
            raise NotAccessible(
                f"{self.path} cannot be read: {error.strerror}", "Mend it or choose another folder"
            ) from None
        entries = (_parse(line) for line in lines)
        self._entries = {entry.folder: entry for entry in entries if entry is not None}

    @property
    def folders(self) -> tuple[str, ...]:
        """Those that there is an entry about."""
        return tuple(self._entries)

    def find(self, folder: str) -> Entry | None:
        """The last entry about this folder."""
        return self._entries.get(folder)

    def add(self, entry: Entry) -> None:
        """Append one line and have the system keep it; NotAccessible if it refuses."""
        line = json.dumps(asdict(entry)).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                if _is_torn(file):
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotAccessible.writing(self.path, error) from None
        self._entries[entry.folder] = entry


def _is_torn(file: BinaryIO) -> bool:
    """True if the last line lacks its end."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _parse(line: bytes) -> Entry | None:
    """None for a torn line, and for one that another program wrote."""
    try:
        fields: dict[str, Any] = json.loads(line)
        fields["files"] = tuple(fields["files"])
        fields["sizes"] = tuple(_listed(fields.get("sizes", [])))
        entry = Entry(**fields)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return entry if _is_sound(entry) else None


def _is_sound(entry: Entry) -> bool:
    """True if every field is what it should be, and no file lies outside the folder."""
    texts: tuple[Any, ...] = (entry.folder, entry.input, entry.options)
    perhaps: tuple[Any, ...] = (entry.digest, entry.error, entry.model, entry.weights)
    masks: Any = entry.masks
    return (
        all(isinstance(text, str) for text in texts)
        and all(text is None or isinstance(text, str) for text in perhaps)
        and entry.status in get_args(Status)
        and (masks is None or (isinstance(masks, int) and not isinstance(masks, bool)))
        and all(_is_below(name) for name in entry.files)
        and len(entry.sizes) in {0, len(entry.files)}
        and all(_is_count(size) for size in entry.sizes)
    )


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return cast("list[Any]", value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_below(name: Any) -> bool:
    """True for a relative path that stays below the folder, on every system."""
    if not isinstance(name, str) or "\0" in name:
        return False
    path = PureWindowsPath(name)  # knows both slashes
    return bool(path.parts) and not path.anchor and ".." not in path.parts
