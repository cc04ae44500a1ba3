"""Segmentation → files in a folder, each whole or not there at all."""

import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rubylith import formats
from rubylith.domain.errors import InvalidPrompt, NotAccessible
from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded, Format
from rubylith.registry import load
from rubylith.service.claim import PARTIAL, clear_leftovers, mark


def find_formats(names: Iterable[str]) -> tuple[Format, ...]:
    """The formats of these names, each once; UnknownName if one is not known."""
    wanted = tuple(dict.fromkeys(names))
    return tuple(cast("Format", load(formats.__name__, formats.NAMES, name, kind="format")) for name in wanted)


def encode(
    segmentation: Segmentation, image: Image | None, names: Iterable[str], *, path: str = ""
) -> tuple[Encoded, ...]:
    """The files of these formats, in the order asked. path: what the picture is called.

    image: may be None if no format draws on it; InvalidPrompt otherwise.
    """
    wanted = find_formats(names)
    if image is None and any(form.NEEDS_PIXELS for form in wanted):
        raise InvalidPrompt("A format asked for draws on the picture, which is not at hand", "Send the picture itself")
    return tuple(file for form in wanted for file in form.encode(segmentation, image, path))


def make_folder(folder: Path) -> None:
    """Make sure that it is there, before any work is done for it; NotAccessible if the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAccessible(
            f"The folder {folder} cannot be made: {error.strerror}", "Choose another folder for the results"
        ) from None


def write_files(files: Iterable[Encoded], folder: Path, *, stale: Iterable[str] = ()) -> tuple[Path, ...]:
    """Put the files into the folder and return their paths; NotAccessible if the system refuses.

    All are written elsewhere on the same disk first and then renamed, so an interrupted run leaves no half a file.
    stale: names of an earlier result, removed where no new file replaces them. Nothing else in the folder is touched.
    """
    files = tuple(files)
    try:
        with _partial(folder) as partial:
            for file in files:
                (partial / file.name).parent.mkdir(parents=True, exist_ok=True)
                (partial / file.name).write_bytes(file.data)
            _remove(folder, set(stale) - {file.name for file in files})
            if not _becomes(partial, folder):
                for file in files:
                    (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
                    (partial / file.name).replace(folder / file.name)
    except OSError as error:
        raise NotAccessible.writing(folder, error) from error
    return tuple(folder / file.name for file in files)


@contextmanager
def _partial(folder: Path) -> Generator[Path]:
    """An empty folder of our own, from which a rename leads to `folder`: beside it, or inside it once it is there.

    A folder that exists may be the root of a disk, and a new one must appear with all its files at once.
    """
    near = folder if folder.exists() else folder.parent
    near.mkdir(parents=True, exist_ok=True)
    clear_leftovers(near)
    private = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{mark()}-", dir=near))
    try:
        partial = private / "files"  # with the permissions of any new folder
        partial.mkdir()
        yield partial
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _becomes(partial: Path, folder: Path) -> bool:
    """Rename the whole folder; False if there is one of that name, perhaps since a moment ago."""
    if folder.exists():
        return False
    try:
        partial.rename(folder)
    except OSError:
        if folder.exists():
            return False
        raise
    return True


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove these files, but nothing that a link in the folder leads out of it."""
    root = folder.resolve()
    for name in names:
        path = folder / name
        if not path.resolve().is_relative_to(root) or not path.is_file():
            continue
        path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
