"""Loads one file of a room by its name."""

import importlib
from types import ModuleType

from rubylith.domain.errors import UnknownName


def load(room: str, names: tuple[str, ...], name: str, *, kind: str) -> ModuleType:
    """The module `room.name`; UnknownName, which lists `names`, if there is none.

    Nothing else is imported: a format nobody asks for costs no time.
    """
    if name not in names:
        raise UnknownName.among(kind, name, names)
    return importlib.import_module(f"{room}.{name}")
