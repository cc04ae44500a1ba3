"""Segmentation → files in a folder, each whole or not there at all."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from rubylith import formats
from rubylith.domain.errors import InvalidPrompt, NotReadable
from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded, Format
from rubylith.registry import load


def find_formats(names: Iterable[str]) -> tuple[Format, ...]:
    """The formats of these names, each once; UnknownName if one is not known."""
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        raise InvalidPrompt("No format is asked for", f"Name at least one of {', '.join(formats.NAMES)}")
    return tuple(cast("Format", load(formats.__name__, formats.NAMES, name, kind="format")) for name in wanted)


def encode(segmentation: Segmentation, image: Image, names: Iterable[str], *, path: str = "") -> tuple[Encoded, ...]:
    """The files of these formats, in the order asked. path: what the picture is called."""
    return tuple(file for form in find_formats(names) for file in form.encode(segmentation, image, path))


def make_folder(folder: Path) -> None:
    """Make sure that it is there, before any work is done for it; NotReadable if the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReadable(
            f"The folder {folder} cannot be made: {error.strerror}", "Choose another folder for the results"
        ) from None


def write_files(files: Iterable[Encoded], folder: Path, *, stale: Iterable[str] = ()) -> tuple[Path, ...]:
    """Put the files into the folder and return their paths; NotReadable if the system refuses.

    All are written beside the folder first and then renamed, so an interrupted run leaves no half a file. stale: names
    of an earlier result, removed where no new file replaces them. Nothing else in the folder is touched.
    """
    files = tuple(files)
    partial = folder.parent / f".{folder.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)  # also where there is no file
        for file in files:
            (partial / file.name).parent.mkdir(parents=True, exist_ok=True)
            (partial / file.name).write_bytes(file.data)
        _remove(folder, set(stale) - {file.name for file in files})
        if not folder.exists():
            partial.rename(folder)
        else:
            for file in files:
                (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
                (partial / file.name).replace(folder / file.name)
    except OSError as error:
        raise NotReadable(
            f"{folder} cannot be written: {error.strerror or error}",
            "Free some space, mend the permissions or choose another folder",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return tuple(folder / file.name for file in files)


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
