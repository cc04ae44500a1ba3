"""Secrets that are made once and kept in the data folder, readable by nobody else."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rubylith.domain.errors import NotAccessible


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds; made and written, mode 600, if there is none.

    Of several processes that start at once one writes and all get what it wrote. NotAccessible.
    """
    try:
        with suppress(FileNotFoundError):
            return path.read_bytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)  # unlike a rename, this never replaces another's
        finally:
            Path(name).unlink()
        return path.read_bytes()
    except OSError as error:
        raise NotAccessible(
            f"{path}: {error.strerror}", "Make the folder writable, or set another RUBYLITH_HOME"
        ) from None
