"""What on this machine knows things by name: its detectors, its universal models; each opened when first needed."""

import importlib.util
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from rubylith.domain.detection import Detection
from rubylith.domain.errors import Unavailable, UnknownName, UnknownWord
from rubylith.domain.image import Image
from rubylith.engine import Progress, detectors, models
from rubylith.engine.catalog import (
    find_detector,
    find_entry,
    find_weights,
    installed_universals,
    known_detectors,
    known_universals,
)
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.detectors._tiles import find_everywhere, usual_side
from rubylith.engine.folders import has_graph, read_detector_folder
from rubylith.engine.graphs import Part, settle
from rubylith.engine.lists import opening
from rubylith.engine.progress import ignore
from rubylith.engine.runtimes import Device
from rubylith.engine.universal import Universal
from rubylith.engine.words.scenes import names_of
from rubylith.engine.words.vocabulary import known_part, name_in, nearest
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
        """The detector that knows a noun, and the noun's name in its vocabulary.

        wanted: the only detector to ask, by name, or a folder that transformers wrote; None asks all that are here, the
        smallest first. One with an open vocabulary knows any noun as it is said. UnknownWord with what to do if none
        is here that knows it, Unavailable if one is and the packages to run it are not.
        """
        names = known_detectors()
        if wanted is not None and _is_folder(wanted):
            read_detector_folder(Path(wanted))  # says what is wrong with it
            names = (wanted,)
        if wanted is not None and wanted not in names:
            raise UnknownName.among("detector", wanted, names)
        able = [(name, word) for name in names if (word := _name_of(noun, name)) is not None]
        here = [(name, word) for name, word in able if wanted in {None, name} and self._folder_of(name) is not None]
        for name, word in here:
            if not self._lacking(name):
                return name, word
        if here:
            lacking = self._lacking(here[0][0])
            extra = "torch" if "torch" in lacking else "words"
            raise Unavailable(
                f"The detector {here[0][0]} is here, but {' and '.join(lacking)} is not installed",
                f"Install rubylith[{extra}]",
            )
        raise _unknown(noun, able, names, wanted, installed_universals(self._folder))

    def knows(self, noun: str, name: str) -> bool:
        """True if the detector of this name knows the noun, be it here or not."""
        return _name_of(noun, name) is not None

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

    def takes_any_words(self) -> bool:
        """True if a detector on this machine does, and what runs it is installed."""
        return any(
            vocabulary_of(name) is None and find_detector(name, self._folder) is not None and not self._lacking(name)
            for name in known_detectors()
        )

    def threshold_of(self, name: str) -> float:
        """The score from which a detector trusts itself."""
        return float(_room(name).THRESHOLD)

    def find(
        self,
        name: str,
        image: Image,
        words: Sequence[str],
        threshold: float | None,
        *,
        tile_side: int | None = None,
        progress: Progress = ignore,
    ) -> tuple[Detection, ...]:
        """What a detector sees of these words, best first.

        tile_side: also look at tiles of so many pixels; None leaves it to the detector, which does so in a picture that
        is large for it unless each look takes long. progress: the share of the looks that are done.
        """
        own: int | None = _room(name).TILE
        side = tile_side if tile_side is not None or own is None else usual_side(image.size, own)
        if side is None:
            return self.get(name).find(image, words, threshold)
        return find_everywhere(self.get(name), image, words, threshold, side=side, progress=progress)

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
                with opening(self._folder / name, name):
                    folder = self._folder_of(name)
                    if folder is None:
                        raise UnknownWord(f"The detector {name} is not on this machine", _pull(name))
                    opened = cast("Detector", _room(name).load(DetectorWeights(name, folder), self._device))
                self._opened[name] = opened
            return self._opened[name]

    def _folder_of(self, name: str) -> Path | None:
        """Where a detector's files are; None if they are not here."""
        return Path(name) if _is_folder(name) else find_detector(name, self._folder)

    def _lacking(self, name: str) -> tuple[str, ...]:
        """Packages that a detector here needs, which are in extras, and which are not installed."""
        folder = self._folder_of(name)
        if folder is None or vocabulary_of(name) is not None:
            return ()
        needed = ("tokenizers",) if has_graph(folder) else ("torch", "transformers", "tokenizers")
        return tuple(package for package in needed if importlib.util.find_spec(package) is None)

    def universal_name(self) -> str | None:
        """The smallest universal model on this machine."""
        return next(iter(installed_universals(self._folder)), None)

    def universal(self) -> Universal | None:
        """The same, opened; in fp32, for the precision asked for is that of the model that it stands beside."""
        name = self.universal_name()
        if name is None:
            return None
        with self._lock:
            if name not in self._universal:
                with opening(self._folder / name, name):
                    family, weights = find_weights(name, self._folder)
                    room = cast("Any", load(models.__name__, models.NAMES, family, kind="model family"))
                    opened = cast("Universal", room.load(weights, settle(Part.EXACT, self._device)))
                self._universal[name] = opened
            return self._universal[name]

    def nobody(self) -> UnknownWord:
        """What to say if nobody on this machine knows anything by name."""
        smallest = next(name for name in known_detectors() if len(vocabulary_of(name) or ()) > 1)
        return UnknownWord("No model on this machine names what is in a picture", _pull(smallest))


@cache
def vocabulary_of(name: str) -> tuple[str, ...] | None:
    """All that a detector knows; None if it takes any words, which is known without loading what runs it."""
    if _is_folder(name) or find_entry(name).pull:
        return None
    return cast("tuple[str, ...]", _room(name).VOCABULARY)


def _name_of(noun: str, detector: str) -> str | None:
    vocabulary = vocabulary_of(detector)
    return noun if vocabulary is None else name_in(noun, vocabulary)


def _room(name: str) -> Any:
    family = read_detector_folder(Path(name)) if _is_folder(name) else find_entry(name).family
    return load(detectors.__name__, detectors.NAMES, family, kind="detector")


def _is_folder(name: str) -> bool:
    """True if a detector is called by the path of its folder, which doors for strangers do not let through."""
    return "/" in name or "\\" in name


def _unknown(
    noun: str, able: list[tuple[str, str]], names: tuple[str, ...], wanted: str | None, universals: tuple[str, ...]
) -> UnknownWord:
    """universals: those on this machine."""
    known = [part for name in names if (part := known_part(noun, vocabulary_of(name) or ())) is not None]
    if known:
        who = f"The detector {wanted}" if wanted is not None else "No model on this machine"
        pull = [] if wanted is not None else [_pull_any(able[0][0])]
        return _partly_known(who, noun, known[0], pull)
    if wanted is not None and wanted not in [name for name, _ in able]:
        return unknown_to(f"The detector {wanted}", noun, vocabulary_of(wanted) or ())
    first = wanted or able[0][0] if able else None
    if first is not None and vocabulary_of(first) is not None:
        return UnknownWord(f"No model on this machine knows {noun!r}", _pull(first))
    seers = [name for name in known_universals() if name_in(noun, names_of(name)) is not None]
    here = next((name for name in seers if name in universals), None)
    if wanted is None and here is not None:
        return UnknownWord(f"No detector on this machine knows {noun!r}", f"Ask the model {here}, which does")
    near = tuple(dict.fromkeys(word for name in names for word in nearest(noun, vocabulary_of(name) or ())))
    ways = [_export(seers[0])] if seers and wanted is None else []
    ways += [_pull_any(first)] if first is not None else []
    who = "No model on this machine" if ways else "No model in the catalogue"
    return UnknownWord(
        f"{who} knows {noun!r}", ". ".join((*ways, _instead(() if seers else near, "Or name" if ways else "Name")))
    )


def unknown_to(who: str, noun: str, vocabulary: tuple[str, ...]) -> UnknownWord:
    """What to say if a model that knows a fixed list of names does not know this one."""
    known = known_part(noun, vocabulary)
    if known is not None:
        return _partly_known(who, noun, known, [])
    return UnknownWord(f"{who} does not know {noun!r}", _instead(nearest(noun, vocabulary)))


def _partly_known(who: str, noun: str, known: str, ways: list[str]) -> UnknownWord:
    """A vocabulary has names only: what the rest of a phrase says of them would be lost."""
    does = "knows" if who.startswith("No ") else "does not know"
    name = f"{'Or name' if ways else 'Name'} {known!r} alone"
    return UnknownWord(f"{who} {does} {noun!r}, only {known!r}", ". ".join((*ways, name)))


def _pull(name: str) -> str:
    return f"Get one that does with `rubylith models pull {name}`"


def _pull_any(name: str) -> str:
    return f"Get a model that takes any words with `rubylith models pull {name}`"


def _export(name: str) -> str:
    return f"Get one that does with `rubylith models export {name}`, and ask the model {name}"


def _instead(near: tuple[str, ...], otherwise: str = "Name") -> str:
    known = "a colour, 'face', 'subject', 'background', 'largest object', 'left'"
    return f"Try {' or '.join(repr(word) for word in near)}, or {known}" if near else f"{otherwise} {known}"
