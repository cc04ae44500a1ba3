"""What on this machine knows things by name: its detectors, its universal models; each opened when first needed."""

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from rubylith.domain.detection import Detection
from rubylith.domain.errors import UnknownName, UnknownWord
from rubylith.domain.image import Image
from rubylith.engine import detectors, models
from rubylith.engine.catalog import find_detector, find_entry, find_weights, installed_universals, known_detectors
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.detectors._tiles import find_everywhere
from rubylith.engine.runtimes import Device
from rubylith.engine.universal import Universal
from rubylith.engine.words.vocabulary import name_in, nearest
from rubylith.registry import load


class Shelf:
    """Detectors and universal models in a folder of models; safe to share between threads."""

    def __init__(self, models_folder: Path, device: Device) -> None:
        self._folder = models_folder
        self._device = device
        self._lock = threading.Lock()
        self._opened: dict[str, Detector] = {}
        self._universal: dict[str, Universal] = {}

    def choose(self, noun: str, wanted: str | None = None) -> tuple[str, str]:
        """The detector that knows a noun, and the noun's name in its vocabulary; UnknownWord, with what to do.

        wanted: the only detector to ask, by name; None asks all that are here, the smallest first. One with an open
        vocabulary knows any noun as it is said.
        """
        names = known_detectors()
        if wanted is not None and wanted not in names:
            raise UnknownName.among("detector", wanted, names)
        able = [(name, word) for name in names if (word := _name_of(noun, name)) is not None]
        for name, word in able:
            if wanted in {None, name} and find_detector(name, self._folder) is not None:
                return name, word
        raise _unknown(noun, able, names, wanted)

    def has(self, noun: str) -> bool:
        """True if a detector whose vocabulary has the noun is on this machine."""
        closed = [name for name in known_detectors() if vocabulary_of(name) is not None]
        return any(
            find_detector(name, self._folder) is not None and _name_of(noun, name) is not None for name in closed
        )

    def known_here(self) -> tuple[str, ...]:
        """All that the closed-set detectors on this machine know, as people write it."""
        here = [name for name in known_detectors() if find_detector(name, self._folder) is not None]
        words = [word for name in here for word in vocabulary_of(name) or ()]
        return tuple(dict.fromkeys(word.replace("-", " ") for word in words))

    def find(self, name: str, image: Image, words: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """What a detector sees of these words, best first; a picture that is large for it is also seen in tiles."""
        tile = _room(name).TILE
        if tile is None:
            return self.get(name).find(image, words, threshold)
        return find_everywhere(self.get(name), image, words, threshold, tile=tile)

    def find_all(self, image: Image) -> tuple[Detection, ...]:
        """All that the closed-set detectors here see."""
        found: list[Detection] = []
        for name in known_detectors():
            words = vocabulary_of(name)
            if words is not None and find_detector(name, self._folder) is not None:
                found += self.find(name, image, words, None)
        return tuple(found)

    def get(self, name: str) -> Detector:
        """The detector, opened."""
        with self._lock:
            if name not in self._opened:
                file = find_detector(name, self._folder)
                if file is None:
                    raise UnknownWord(f"The detector {name} is not on this machine", _pull(name))
                self._opened[name] = _room(name).load(DetectorWeights(name, file), self._device)
            return self._opened[name]

    def universal_name(self) -> str | None:
        """The smallest universal model on this machine."""
        return next(iter(installed_universals(self._folder)), None)

    def universal(self) -> Universal | None:
        """The same, opened."""
        name = self.universal_name()
        if name is None:
            return None
        with self._lock:
            if name not in self._universal:
                family, weights = find_weights(name, self._folder)
                room = cast("Any", load(models.__name__, models.NAMES, family, kind="model family"))
                self._universal[name] = room.load(weights, self._device)
            return self._universal[name]

    def nobody(self) -> UnknownWord:
        """What to say if nobody on this machine knows anything by name."""
        smallest = next(name for name in known_detectors() if len(vocabulary_of(name) or ()) > 1)
        return UnknownWord("No model on this machine names what is in a picture", _pull(smallest))


@cache
def vocabulary_of(name: str) -> tuple[str, ...] | None:
    """All that a detector knows; None if it takes any words."""
    return cast("tuple[str, ...] | None", _room(name).VOCABULARY)


def _name_of(noun: str, detector: str) -> str | None:
    vocabulary = vocabulary_of(detector)
    return noun if vocabulary is None else name_in(noun, vocabulary)


def _room(name: str) -> Any:
    return load(detectors.__name__, detectors.NAMES, find_entry(name).family, kind="detector")


def _unknown(noun: str, able: list[tuple[str, str]], names: tuple[str, ...], wanted: str | None) -> UnknownWord:
    if wanted is not None and wanted not in [name for name, _ in able]:
        return unknown_to(f"The detector {wanted}", noun, vocabulary_of(wanted) or ())
    first = wanted or able[0][0] if able else None
    if first is not None and vocabulary_of(first) is not None:
        return UnknownWord(f"No model on this machine knows {noun!r}", _pull(first))
    near = tuple(dict.fromkeys(word for name in names for word in nearest(noun, vocabulary_of(name) or ())))
    if first is not None:
        return UnknownWord(f"No model on this machine knows {noun!r}", _instead(near, _pull_any(first)))
    return UnknownWord(f"No model in the catalogue knows {noun!r}", _instead(near))


def unknown_to(who: str, noun: str, vocabulary: tuple[str, ...]) -> UnknownWord:
    """What to say if a model that knows a fixed list of names does not know this one."""
    return UnknownWord(f"{who} does not know {noun!r}", _instead(nearest(noun, vocabulary)))


def _pull(name: str) -> str:
    return f"Get one that does with `rubylith models pull {name}`"


def _pull_any(name: str) -> str:
    return f"Get a model that takes any words with `rubylith models pull {name}`"


def _instead(near: tuple[str, ...], first: str | None = None) -> str:
    known = "a colour, 'face', 'subject', 'background', 'largest object', 'left'"
    said = f"Try {' or '.join(repr(word) for word in near)}, or " + known if near else f"Click on it, or name {known}"
    return said if first is None else f"{first}. {said}"
