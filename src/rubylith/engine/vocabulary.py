"""Every label that a prompt can give, whatever the picture: formats number classes by it, the same in all pictures."""

from collections.abc import Iterable

from rubylith.domain.mask import Label
from rubylith.domain.prompt import Everything, Mode, Prompt, Scene, Text
from rubylith.engine import Segmenter, scene
from rubylith.engine.grounded import BACKGROUND
from rubylith.engine.shelf import Shelf
from rubylith.engine.universal import Universal
from rubylith.engine.words.phrases import read_phrase
from rubylith.engine.words.vocabulary import name_in
from rubylith.language.vocabularies import is_amorphous


def vocabulary(prompt: Prompt, segmenter: Segmenter, shelf: Shelf) -> tuple[Label, ...]:
    """Phrases in the order in which they are asked for; else the names of who names, in its own; each once."""
    if isinstance(prompt, Text):
        return _of_phrases(prompt, segmenter)
    asks_names = isinstance(prompt, Scene) or (isinstance(prompt, Everything) and prompt.label)
    mode = prompt.mode if isinstance(prompt, Scene) else Mode.PANOPTIC
    if isinstance(segmenter, Universal):
        return segmenter.vocabulary(mode)
    if not asks_names:
        return ()
    universal = shelf.universal()
    if universal is not None:
        return universal.vocabulary(mode)
    if isinstance(prompt, Scene):
        return _labels(scene.names_to_find(prompt, shelf), mode)
    return _labels(shelf.known_here(), Mode.INSTANCE)


def _of_phrases(text: Text, segmenter: Segmenter) -> tuple[Label, ...]:
    names = [phrase.strip() for phrase in text.phrases]
    if not isinstance(segmenter, Universal):
        return _labels(names, text.mode)
    own = {label.name.replace(" ", "-"): label.is_thing for label in segmenter.vocabulary(Mode.PANOPTIC)}
    is_thing = {name: own.get(name_in(read_phrase(name).head, tuple(own)) or "", True) for name in names}
    return tuple(Label(name, is_thing=thing) for name, thing in is_thing.items())


def _labels(names: Iterable[str], mode: Mode) -> tuple[Label, ...]:
    return tuple(Label(name, is_thing=_is_thing(name, mode)) for name in dict.fromkeys(names))


def _is_thing(name: str, mode: Mode) -> bool:
    """As masks of this name are told in this mode."""
    return read_phrase(name).head not in BACKGROUND and (mode is Mode.INSTANCE or not is_amorphous(name))
