"""All that a picture shows, by name and without overlap: by a universal model, else by what detectors know.

Asked for is the model in use if it is a universal one, else the first universal model on this machine, else every
detector here is asked for all it knows, or one that takes any words for the commonest things of scenes, and what they
find is cut and made disjoint; then the rest has no name.
"""

from collections.abc import Callable
from dataclasses import replace

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import MAX_PHRASES, Everything, Mode, Scene, Text
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Segmenter, grounded
from rubylith.engine.labelling import by_boxes, by_regions
from rubylith.engine.refine import box_array
from rubylith.engine.shelf import Shelf, unknown_to
from rubylith.engine.universal import Universal
from rubylith.engine.words.phrases import read_phrase
from rubylith.engine.words.vocabulary import name_in
from rubylith.language.vocabularies import DEFAULT


def check(segmenter: Segmenter, shelf: Shelf) -> None:
    """UnknownWord with what to do if nobody here knows anything by name, before anybody opens a picture."""
    if isinstance(segmenter, Universal) or shelf.universal_name() is not None:
        return
    if not shelf.known_here() and not shelf.takes_any_words():
        raise shelf.nobody()


def segment(
    segmenter: Segmenter,
    image: Image | None,
    embedding: Embedding,
    scene: Scene,
    shelf: Shelf,
    *,
    defaults: Callable[[], Everything],
) -> Segmentation:
    """Disjoint masks with a label each, best first. defaults: what everything means to the model."""
    masks = named_masks(segmenter, image, embedding, scene, shelf, defaults=defaults)
    return Segmentation(embedding.size, masks[: scene.max_masks], disjoint=True, model=embedding.model)


def named_masks(
    segmenter: Segmenter,
    image: Image | None,
    embedding: Embedding,
    scene: Scene,
    shelf: Shelf,
    *,
    defaults: Callable[[], Everything],
) -> tuple[Mask, ...]:
    """The same as bare masks."""
    if isinstance(segmenter, Universal):
        return segmenter.parse(embedding, scene.mode)
    image = with_pixels(image)
    universal = shelf.universal()
    if universal is not None:
        return universal.parse(universal.embed(image), scene.mode)
    text = Text(names_to_find(scene, shelf), scene.mode)
    return grounded.segment(segmenter, image, embedding, text, shelf, defaults=defaults).masks


def names_to_find(scene: Scene, shelf: Shelf) -> tuple[str, ...]:
    """What detectors are asked for where no universal model is here."""
    return (shelf.known_here() or scene.names or DEFAULT)[:MAX_PHRASES]


def with_words(universal: Universal, embedding: Embedding, text: Text) -> Segmentation:
    """What a universal model sees of what words name, labelled with the words; of words with one meaning the first.

    With INSTANCE each thing is one mask, and what cannot be counted, such as sky, is one of its name.
    """
    found: list[Mask] = []
    shown = tuple(name.replace(" ", "-") for name in universal.names.shown)
    masks = universal.parse(embedding, Mode.PANOPTIC if text.mode is Mode.INSTANCE else text.mode)
    left_out = {name_in(read_phrase(phrase).head, shown) for phrase in text.without}
    named: set[str] = set()
    for phrase, threshold in text.thresholds.items():
        name = name_in(read_phrase(phrase).head, shown)
        if name is None or name in named | left_out:
            continue
        named.add(name)
        found += [
            grounded.labelled(mask, phrase.strip(), mask.label.score, is_thing=mask.label.is_thing)
            for mask in masks
            if mask.label is not None and mask.label.name.replace(" ", "-") == name
            if mask.predicted_iou >= (threshold or 0.0)
        ]
    found.sort(key=lambda mask: -mask.predicted_iou)
    return Segmentation(embedding.size, tuple(found[: text.max_masks]), disjoint=True, model=embedding.model)


def label(found: Segmentation, segmenter: Segmenter, image: Image | None, shelf: Shelf) -> Segmentation:
    """The same masks with the names that a universal model, else the detectors here, have for them."""
    if isinstance(segmenter, Universal):
        return found  # it has named them itself
    image = with_pixels(image)
    universal = shelf.universal()
    if universal is not None:
        embedding = universal.embed(image)
        named = (*universal.parse(embedding, Mode.PANOPTIC), *universal.parse(embedding, Mode.SEMANTIC))
        return replace(found, masks=by_regions(found.masks, named))
    detections = sorted(shelf.find_all(image), key=lambda one: -one.score)
    labels = [Label(one.name.replace("-", " "), score=one.score) for one in detections]
    return replace(found, masks=by_boxes(found.masks, labels, box_array([one.box for one in detections])))


def check_words(universal: Universal, text: Text) -> None:
    """UnknownWord for a phrase that the model has no name for, or that says more than a name."""
    shown = tuple(name.replace(" ", "-") for name in universal.names.shown)
    for phrase in map(read_phrase, (*text.phrases, *text.without)):
        if phrase.colours or phrase.size or phrase.extreme or phrase.halves or phrase.count:
            raise InvalidPrompt(
                f"{universal.model} knows names only, and {phrase.text!r} says more",
                "Give the bare name, or ask another model, such as embedded",
            )
        if text.tile_side is not None:
            raise InvalidPrompt(
                f"{universal.model} looks at the whole picture once, and tile_side is given",
                "Leave it out, or ask another model, such as embedded",
            )
        if name_in(phrase.head, shown) is None:
            raise unknown_to(universal.model, phrase.head or phrase.text, shown)


def with_pixels(image: Image | None) -> Image:
    """The picture; InvalidPrompt if only its embedding is at hand."""
    if image is None:
        raise InvalidPrompt("Names are looked up in the picture, which is not at hand", "Send the picture itself")
    return image
