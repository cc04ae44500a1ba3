"""Whose a folder is while it is written to, and which leftovers belong to nobody any more."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Generator
from pathlib import Path

from rubylith.domain.errors import NotAccessible

LOCK = ".rubylith.lock"
PARTIAL = ".partial-"
FORGOTTEN_SECONDS = 24 * 3600  # after which a leftover of another machine is nobody's
WRITING_SECONDS = 10  # that a lock may be without its text


def mark() -> str:
    """This process, as `process id-machine`, so that the machines that share a disk are told apart."""
    return f"{os.getpid()}-{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}"


def is_gone(owner: str) -> bool:
    """True if the process of this mark has ended; False if it runs or is another machine's."""
    found = re.match(r"(\d{1,9})-([0-9a-f]{8})", owner)
    return found is not None and found[2] == mark().split("-")[1] and not _is_running(int(found[1]))


def clear_leftovers(folder: Path) -> None:
    """Remove what killed runs were about to put here. Whatever cannot be removed stays."""
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            is_old = time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS
            if is_old or is_gone(path.name.removeprefix(PARTIAL)):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def claimed(folder: Path) -> Generator[None]:
    """The folder belongs to this process meanwhile; NotAccessible if it is another's. A dead one's is taken over."""
    lock = folder / LOCK
    try:
        if not _create(lock):
            _set_aside(lock)
            if not _create(lock):
                raise _in_use(folder)
    except OSError as error:
        raise NotAccessible.writing(folder, error) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _in_use(folder: Path) -> NotAccessible:
    return NotAccessible(
        f"The folder {folder} is in use by another run",
        f"Wait for it, or choose another folder with --out; if there is no other run, delete {folder / LOCK}",
    )


def _create(lock: Path) -> bool:
    """False if it is there already."""
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(mark())
    return True


def _set_aside(lock: Path) -> None:
    """Remove the lock if its process has ended. Of two that try, one gives back what the other has just made."""
    if not _is_stale(lock):
        return
    aside = lock.with_name(f"{lock.name}-{mark()}")
    with contextlib.suppress(FileNotFoundError):  # another was quicker
        lock.replace(aside)
        if _is_stale(aside):
            aside.unlink()
        else:
            aside.replace(lock)


def _is_stale(lock: Path) -> bool:
    try:
        owner = lock.read_text(errors="replace")
        age = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return False
    return is_gone(owner) or owner == mark() or (not owner and age > WRITING_SECONDS)


def _is_running(process: int) -> bool:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415

        query, still_active = 0x1000, 259
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(query, False, process)  # noqa: FBT003
        if not handle:
            return False
        status = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(status))
        kernel.CloseHandle(handle)
        return status.value == still_active
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
