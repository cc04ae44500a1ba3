"""The detectors of this machine: which of them knows a word, and each opened when it is first needed."""

import threading
from functools import cache
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import UnknownName, UnknownWord
from rubylith.engine import detectors
from rubylith.engine.catalog import find_detector, find_entry, known_detectors
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.runtimes import Device
from rubylith.engine.words.vocabulary import name_in, nearest
from rubylith.registry import load


class Shelf:
    """Detectors in a folder of models; safe to share between threads."""

    def __init__(self, models_folder: Path, device: Device) -> None:
        self._folder = models_folder
        self._device = device
        self._lock = threading.Lock()
        self._opened: dict[str, Detector] = {}

    def choose(self, noun: str, wanted: str | None = None) -> tuple[str, str]:
        """The detector that knows a noun, and the noun's name in its vocabulary; UnknownWord, with what to do.

        wanted: the only detector to ask, by name; None asks all that are here, the smallest first.
        """
        names = known_detectors()
        if wanted is not None and wanted not in names:
            raise UnknownName.among("detector", wanted, names)
        able = [(name, word) for name in names if (word := name_in(noun, vocabulary_of(name))) is not None]
        for name, word in able:
            if wanted in {None, name} and find_detector(name, self._folder) is not None:
                return name, word
        raise _unknown(noun, able, names, wanted)

    def has(self, noun: str) -> bool:
        """True if a detector that knows the noun is on this machine."""
        return any(
            find_detector(name, self._folder) is not None
            for name in known_detectors()
            if name_in(noun, vocabulary_of(name)) is not None
        )

    def get(self, name: str) -> Detector:
        """The detector, opened."""
        with self._lock:
            if name not in self._opened:
                file = find_detector(name, self._folder)
                if file is None:
                    raise UnknownWord(f"The detector {name} is not on this machine", _pull(name))
                self._opened[name] = _room(name).load(DetectorWeights(name, file), self._device)
            return self._opened[name]


@cache
def vocabulary_of(name: str) -> tuple[str, ...]:
    """All that a detector knows."""
    return cast("tuple[str, ...]", _room(name).VOCABULARY)


def _room(name: str) -> Any:
    return load(detectors.__name__, detectors.NAMES, find_entry(name).family, kind="detector")


def _unknown(noun: str, able: list[tuple[str, str]], names: tuple[str, ...], wanted: str | None) -> UnknownWord:
    if wanted is not None and wanted not in [name for name, _ in able]:
        near = nearest(noun, vocabulary_of(wanted))
        return UnknownWord(f"The detector {wanted} does not know {noun!r}", _instead(near))
    if able:
        return UnknownWord(f"No model on this machine knows {noun!r}", _pull(wanted or able[0][0]))
    near = tuple(dict.fromkeys(word for name in names for word in nearest(noun, vocabulary_of(name))))
    return UnknownWord(f"No model in the catalogue knows {noun!r}", _instead(near))


def _pull(name: str) -> str:
    return f"Get one that does with `rubylith models pull {name}`"


def _instead(near: tuple[str, ...]) -> str:
    known = "a colour, 'face', 'subject', 'background', 'largest object', 'left'"
    return f"Try {' or '.join(repr(word) for word in near)}, or " + known if near else f"Click on it, or name {known}"
