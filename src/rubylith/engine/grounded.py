"""Words → masks, for every family: what a phrase names is found, cut by the promptable model, and sorted out.

What needs nothing downloaded (faces, colours, sizes and places, subject, background) is answered here; any other noun
goes to the smallest detector on this machine that knows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import Everything, ObjectPrompt, Text
from rubylith.domain.rle import RLE, BoolArray, rle_iou
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter, everything, prompted, subject
from rubylith.engine.progress import ignore, share_of
from rubylith.engine.refine import components, disjoint
from rubylith.engine.shelf import Shelf
from rubylith.engine.words import selection
from rubylith.engine.words.colours import pixels_of_colour
from rubylith.engine.words.faces import find_faces
from rubylith.engine.words.modes import in_mode
from rubylith.engine.words.phrases import ANYTHING, Phrase, read_phrase
from rubylith.language.nouns import singular

FACE, SUBJECT, BACKGROUND = "face", frozenset({"subject", "foreground"}), frozenset({"background", "backdrop"})
SAME_THING = 0.8  # IoU of two masks that answer different phrases
LEAST_SHARE = 0.001  # of the picture: what is smaller is a speck
EDGE_SHARE = 0.45  # of the picture's edge: what touches more of it is background, not a thing
PATCHES_AT_MOST = 50


def check(text: Text, shelf: Shelf) -> None:
    """InvalidPrompt or UnknownWord, before anybody looks at the picture."""
    for phrase in map(read_phrase, text.phrases):
        if _needs_detector(phrase):
            shelf.choose(phrase.head, text.detector)


def segment(
    segmenter: Segmenter,
    image: Image | None,
    embedding: Embedding,
    text: Text,
    shelf: Shelf,
    *,
    progress: Progress = ignore,
) -> Segmentation:
    """Masks labelled with their phrases, best first."""
    if image is None:
        raise InvalidPrompt("Words are looked up in the picture, which is not at hand", "Send the picture itself")
    phrases = tuple(dict.fromkeys(text.phrases))
    found: list[Mask] = []
    scene = _Scene(segmenter, image, embedding, text, shelf)
    for number, phrase in enumerate(phrases):
        scene.progress = share_of(progress, number, len(phrases))
        found += scene.named(read_phrase(phrase))
    least = text.threshold or 0.0
    kept = _once([mask for mask in found if _score(mask) >= least])[: text.max_masks]
    progress(1.0)
    masks, is_disjoint = in_mode(kept, text.mode, embedding.size)
    return Segmentation(embedding.size, masks, disjoint=is_disjoint, model=embedding.provenance)


@dataclass(slots=True)
class _Scene:
    """One picture while its phrases are looked up; what several of them need is found once."""

    segmenter: Segmenter
    image: Image
    embedding: Embedding
    text: Text
    shelf: Shelf
    progress: Progress = ignore  # of the phrase that is being looked up
    _things: tuple[Mask, ...] | None = field(default=None, init=False)

    def named(self, phrase: Phrase) -> Sequence[Mask]:
        """All that answers the phrase, labelled."""
        found = self._found(phrase)
        if phrase.colours and phrase.head:
            found = selection.of_colours(found, self.image.pixels, phrase.colours)
        found = selection.in_halves(found, self.embedding.size, phrase.halves)
        return selection.one_of(found, self.embedding.size, phrase.size, phrase.extreme)

    def _found(self, phrase: Phrase) -> Sequence[Mask]:
        label = phrase.text.strip()
        self.progress(0.0)
        if not phrase.head:
            return list(self._patches(phrase.colours, label) if phrase.colours else self._labelled_things(label))
        if phrase.head in SUBJECT:
            return [labelled(mask, label) for mask in self._subject()]
        if phrase.head in BACKGROUND:
            return [labelled(mask, label, is_thing=False) for mask in self._background()]
        if _needs_detector(phrase):
            name, word = self.shelf.choose(phrase.head, self.text.detector)
            detections = self.shelf.find(name, self.image, [word], self.text.threshold)
            return self._cut([(one.box, one.score) for one in detections], label)
        return self._cut(self._faces(), label)

    def _faces(self) -> Sequence[tuple[Box, float]]:
        """By a detector where one is here, else by the cascade."""
        if not self.shelf.has(FACE):
            return find_faces(self.image.pixels)
        name, word = self.shelf.choose(FACE)
        return [(one.box, one.score) for one in self.shelf.find(name, self.image, [word], self.text.threshold)]

    def _cut(self, boxes: Sequence[tuple[Box, float]], label: str) -> list[Mask]:
        size = self.embedding.size
        usable = [(box.clipped(size), score) for box, score in boxes if box.clipped(size).area > 0]
        prompts = [ObjectPrompt(box=box) for box, _ in usable]
        answers = prompted.decode(self.segmenter, self.embedding, prompts, progress=self.progress)
        return [
            labelled(candidates[0], label, score)
            for (_, score), candidates in zip(usable, answers, strict=True)
            if candidates and candidates[0].area
        ]

    def _labelled_things(self, label: str) -> Iterator[Mask]:
        if self._things is None:
            found = everything.segment(self.segmenter, None, self.embedding, Everything(), progress=self.progress)
            self._things = _things_among(found)
        yield from (labelled(mask, label) for mask in self._things)

    def _patches(self, colours: Sequence[str], label: str) -> Iterator[Mask]:
        """Connected patches of these colours, the largest first."""
        bitmap = np.logical_or.reduce([pixels_of_colour(self.image.pixels, colour) for colour in colours])
        labels, areas = components(bitmap)
        areas[0] = 0  # what has another colour
        order = np.argsort(-areas, kind="stable")[:PATCHES_AT_MOST]
        for index in order[areas[order] >= LEAST_SHARE * bitmap.size]:
            rle = RLE.from_bitmap(labels == index)
            yield labelled(Mask(rle, rle.box, 1.0), label)

    def _subject(self) -> tuple[Mask, ...]:
        return subject.segment(self.segmenter, self.embedding, progress=self.progress).masks

    def _background(self) -> Iterator[Mask]:
        taken = np.zeros((self.embedding.size.height, self.embedding.size.width), np.bool_)
        for mask in self._subject():
            taken |= mask.rle.bitmap()
            quality = mask.predicted_iou
            rle = RLE.from_bitmap(~taken)
            if rle.area:
                yield Mask(rle, rle.box, quality)


def _needs_detector(phrase: Phrase) -> bool:
    is_face = singular(phrase.head) == FACE
    return bool(phrase.head) and not is_face and phrase.head not in SUBJECT | BACKGROUND | ANYTHING


def labelled(mask: Mask, name: str, score: float | None = None, *, is_thing: bool = True) -> Mask:
    """A mask with a name, and how certain whoever named it is: by default as certain as the mask is good."""
    label = Label(name, is_thing=is_thing, score=mask.predicted_iou if score is None else score)
    return replace(mask, label=label, object_index=None, points=())


def _score(mask: Mask) -> float:
    return mask.label.score or 0.0 if mask.label else 0.0


def _once(masks: Sequence[Mask]) -> list[Mask]:
    """Best first; of two masks of one thing under different phrases, the better."""
    kept: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: -_score(mask)):
        others = [other for other in kept if other.label != mask.label]
        if not others or rle_iou([mask.rle], [other.rle for other in others]).max() <= SAME_THING:
            kept.append(mask)
    return kept


def _things_among(found: Segmentation) -> tuple[Mask, ...]:
    """Neither specks, nor what lies behind all things, nor parts of that; each pixel in one of them at most."""
    backdrop = np.zeros((found.size.height, found.size.width), np.bool_)
    for mask in found.masks:
        bitmap: BoolArray = mask.rle.bitmap()
        edge = np.concatenate([bitmap[0], bitmap[-1], bitmap[1:-1, 0], bitmap[1:-1, -1]])
        if edge.mean() > EDGE_SHARE:
            backdrop |= bitmap
    before = [mask for mask in found.masks if backdrop[mask.rle.bitmap()].mean() <= 0.5]
    least = LEAST_SHARE * found.size.area
    return tuple(mask for mask in disjoint(before, found.size) if mask.area >= least)
