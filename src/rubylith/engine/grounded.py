"""Words → masks, for every family: what a phrase names is found, cut by the promptable model, and sorted out.

What needs nothing downloaded (faces, colours, sizes and places, subject, background) is answered here; any other noun
goes to the smallest detector on this machine that knows it, which is shown the picture once for all that it is asked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box
from rubylith.domain.image import Image, UInt8Array
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import Everything, ObjectPrompt, Text
from rubylith.domain.rle import RLE, BoolArray, rle_iou
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter, everything, prompted, subject
from rubylith.engine.progress import ignore, share_of
from rubylith.engine.refine import components, disjoint
from rubylith.engine.shelf import Shelf
from rubylith.engine.words import selection
from rubylith.engine.words.colours import COLOURS, pixels_of_colour
from rubylith.engine.words.faces import find_faces
from rubylith.engine.words.modes import in_mode
from rubylith.engine.words.phrases import ANYTHING, Phrase, read_phrase
from rubylith.language.nouns import singular

FACE, SUBJECT, BACKGROUND = "face", frozenset({"subject", "foreground"}), frozenset({"background", "backdrop"})
SAME_THING = 0.8  # IoU of two masks
LEAST_SHARE = 0.001  # of the picture: what is smaller is a speck
# Shares of the picture's edge: what touches more of it than a thing does is none, and may be what lies behind all.
# THING_EDGE: of .1, .2 and .45 the best for the largest object of 47 photographs (benchmarks/subject.py), 2026-11-28.
THING_EDGE, BACKDROP_EDGE = 0.1, 0.45
SAME_COLOUR = 25  # between two mean colours, of 255 a channel; 0 to 40 made no difference on those photographs
PATCHES_AT_MOST = 50
BOXES_AT_MOST = 100  # of a picture that are cut, whatever the threshold: COCO's measure looks at no more


@dataclass(frozen=True, slots=True)
class Asked:
    """One phrase and who is asked for it.

    detector: by name; None if the phrase needs none. word: what the phrase is called there. least: things with a lower
    score are dropped. is_left_out: what it names is not wanted.
    """

    phrase: Phrase
    least: float
    detector: str | None = None
    word: str = ""
    is_left_out: bool = False


def check(text: Text, shelf: Shelf) -> None:
    """InvalidPrompt, UnknownWord or Unavailable, before anybody looks at the picture."""
    _read(text, shelf)


def segment(
    segmenter: Segmenter,
    image: Image | None,
    embedding: Embedding,
    text: Text,
    shelf: Shelf,
    *,
    defaults: Callable[[], Everything],
    progress: Progress = ignore,
) -> Segmentation:
    """Masks labelled with their phrases, best first. defaults: what everything means to the model."""
    if image is None:
        raise InvalidPrompt("Words are looked up in the picture, which is not at hand", "Send the picture itself")
    asked = _read(text, shelf)
    found: list[Mask] = []
    left_out: list[Mask] = []
    scene = _Scene(segmenter, image, embedding, asked, shelf, defaults, text.tile_side)
    for number, one in enumerate(asked):
        scene.progress = share_of(progress, number, len(asked))
        named = [mask for mask in scene.named(one) if _score(mask) >= one.least]
        (left_out if one.is_left_out else found).extend(named)
    kept = _once(_without(found, left_out))[: text.max_masks]
    progress(1.0)
    masks, is_disjoint = in_mode(kept, text.mode, embedding.size)
    return Segmentation(embedding.size, masks, disjoint=is_disjoint, model=embedding.provenance)


def _read(text: Text, shelf: Shelf) -> tuple[Asked, ...]:
    """Each phrase once, with who knows it; last what is to be left out."""
    things = [colour for colour in COLOURS if shelf.has(colour)]
    limits = dict(zip(text.phrases, text.limits, strict=False))
    asked: list[Asked] = []
    for said, threshold in text.thresholds.items():
        phrase = read_phrase(said, things)
        counted = replace(phrase, count=limits.get(said) or phrase.count)
        asked.append(_addressed(counted, threshold, text.detector, shelf))
    left_out = [_addressed(read_phrase(said, things), None, text.detector, shelf) for said in text.without]
    return (*asked, *(replace(one, is_left_out=True) for one in left_out))


def _addressed(phrase: Phrase, threshold: float | None, wanted: str | None, shelf: Shelf) -> Asked:
    chosen = None
    if _is_face(phrase):  # a detector where one is here that knows faces best, or was named and knows them
        if wanted is not None and shelf.knows(FACE, wanted):
            chosen = shelf.choose(FACE, wanted)
        elif shelf.has(FACE):
            chosen = shelf.choose(FACE)
    elif phrase.head and phrase.head not in SUBJECT | BACKGROUND | ANYTHING:
        chosen = shelf.choose(phrase.head, wanted)
    if chosen is None:
        return Asked(phrase, threshold or 0.0)
    detector, word = chosen
    return Asked(phrase, shelf.threshold_of(detector) if threshold is None else threshold, detector, word)


@dataclass(slots=True)
class _Scene:
    """One picture while its phrases are looked up; what several of them need is found once."""

    segmenter: Segmenter
    image: Image
    embedding: Embedding
    asked: Sequence[Asked]
    shelf: Shelf
    defaults: Callable[[], Everything]
    tile_side: int | None = None
    progress: Progress = ignore  # of the phrase that is being looked up
    _things: tuple[Mask, ...] | None = field(default=None, init=False)
    _seen: tuple[tuple[Asked, Detection], ...] | None = field(default=None, init=False)

    def named(self, asked: Asked) -> Sequence[Mask]:
        """All that answers the phrase, labelled."""
        phrase = asked.phrase
        found = self._found(asked)
        if phrase.colours and phrase.head:
            found = selection.of_colours(found, self.image.pixels, phrase.colours)
        found = selection.in_halves(found, self.embedding.size, phrase.halves)
        found = selection.of_size(found, phrase.size)
        return selection.picked(found, self.embedding.size, phrase.size, phrase.extreme, phrase.count)

    def _found(self, asked: Asked) -> Sequence[Mask]:
        phrase, label = asked.phrase, asked.phrase.text.strip()
        self.progress(0.0)
        if not phrase.head:
            return list(self._patches(phrase.colours, label) if phrase.colours else self._labelled_things(label))
        if phrase.head in SUBJECT:
            return [labelled(mask, label) for mask in self._subject()]
        if phrase.head in BACKGROUND:
            return [labelled(mask, label, is_thing=False) for mask in self._background()]
        if asked.detector is None:
            return self._cut(find_faces(self.image.pixels), label, self.progress)
        found = [seen for other, seen in self._detections() if other is asked]
        whole = [labelled(Mask(one.mask, one.mask.box, one.score), label) for one in found if one.mask is not None]
        boxes = [(one.box, one.score) for one in found if one.mask is None]
        return whole + self._cut(boxes, label, share_of(self.progress, 1, 2))

    def _detections(self) -> tuple[tuple[Asked, Detection], ...]:
        """What detectors see of all phrases: each looks once, for all that it is asked; of boxes the best are kept."""
        if self._seen is None:
            detectors = tuple(dict.fromkeys(one.detector for one in self.asked if one.detector is not None))
            half = share_of(self.progress, 0, 2)  # the other is for cutting
            seen: list[tuple[Asked, Detection]] = []
            for number, detector in enumerate(detectors):
                seen += self._looked(detector, share_of(half, number, len(detectors)))
            boxes = sorted((one for one in seen if one[1].mask is None), key=lambda one: -one[1].score)
            self._seen = (*(one for one in seen if one[1].mask is not None), *boxes[:BOXES_AT_MOST])
        return self._seen

    def _looked(self, detector: str, progress: Progress) -> Iterator[tuple[Asked, Detection]]:
        together = [one for one in self.asked if one.detector == detector]
        words = tuple(dict.fromkeys(one.word for one in together))
        least = min(one.least for one in together)
        found = self.shelf.find(detector, self.image, words, least, tile_side=self.tile_side, progress=progress)
        for one in together:
            yield from ((one, seen) for seen in found if seen.name == one.word and seen.score >= one.least)

    def _cut(self, boxes: Sequence[tuple[Box, float]], label: str, progress: Progress) -> list[Mask]:
        size = self.embedding.size
        usable = [(box.clipped(size), score) for box, score in boxes if box.clipped(size).area > 0]
        prompts = [ObjectPrompt(box=box) for box, _ in usable]
        answers = prompted.decode(self.segmenter, self.embedding, prompts, progress=progress)
        return [
            labelled(candidates[0], label, score)
            for (_, score), candidates in zip(usable, answers, strict=True)
            if candidates and candidates[0].area
        ]

    def _labelled_things(self, label: str) -> Iterator[Mask]:
        if self._things is None:
            found = everything.segment(self.segmenter, None, self.embedding, self.defaults(), progress=self.progress)
            self._things = _things_among(found, self.image.pixels)
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


def _is_face(phrase: Phrase) -> bool:
    return singular(phrase.head) == FACE


def labelled(mask: Mask, name: str, score: float | None = None, *, is_thing: bool = True) -> Mask:
    """A mask with a name, and how certain whoever named it is: by default as certain as the mask is good."""
    label = Label(name, is_thing=is_thing, score=mask.predicted_iou if score is None else score)
    return replace(mask, label=label, object_index=None, points=())


def _score(mask: Mask) -> float:
    return mask.label.score or 0.0 if mask.label else 0.0


def _without(masks: Sequence[Mask], left_out: Sequence[Mask]) -> list[Mask]:
    """The masks without the pixels of those that are left out; one that loses half of its own goes with them."""
    if not left_out:
        return list(masks)
    unwanted = left_out[0].rle.bitmap()
    for mask in left_out[1:]:
        unwanted = unwanted | mask.rle.bitmap()
    kept: list[Mask] = []
    for mask in masks:
        rle = RLE.from_bitmap(mask.rle.bitmap() & ~unwanted)
        if rle.area == mask.area:
            kept.append(mask)
        elif rle.area > mask.area / 2:
            kept.append(replace(mask, rle=rle, box=rle.box, stability_score=None))
    return kept


def _once(masks: Sequence[Mask]) -> list[Mask]:
    """Best first; of two masks of one thing the better, whether one phrase found it twice or two phrases mean it."""
    kept: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: -_score(mask)):
        if not kept or rle_iou([mask.rle], [other.rle for other in kept]).max() <= SAME_THING:
            kept.append(mask)
    return kept


def _things_among(found: Segmentation, pixels: UInt8Array) -> tuple[Mask, ...]:
    """Whole things: neither specks, nor what lies behind all things or is a piece of that, nor parts; disjoint."""
    ordered = sorted(found.masks, key=lambda mask: -mask.area)
    edges = [
        _share_of_edge(mask.rle.bitmap()) for mask in ordered
    ]  # one mask's pixels at a time: pictures may be large
    backdrops = [mask.rle for mask, edge in zip(ordered, edges, strict=True) if edge > BACKDROP_EDGE]
    taken = np.zeros((found.size.height, found.size.width), np.bool_)
    things: list[Mask] = []
    for mask, edge in zip(ordered, edges, strict=True):
        if edge > THING_EDGE or mask.area < LEAST_SHARE * found.size.area:
            continue
        bitmap = mask.rle.bitmap()
        if taken[bitmap].mean() > 0.5 or any(_is_piece(bitmap, edge, one.bitmap(), pixels) for one in backdrops):
            continue
        things.append(mask)
        taken |= bitmap
    return disjoint(things, found.size)


def _share_of_edge(bitmap: BoolArray) -> float:
    """Of the picture's edge, what the mask touches."""
    return float(np.concatenate([bitmap[0], bitmap[-1], bitmap[1:-1, 0], bitmap[1:-1, -1]]).mean())


def _is_piece(bitmap: BoolArray, edge: float, backdrop: BoolArray, pixels: UInt8Array) -> bool:
    """True for what lies in a backdrop and is no thing before it: it reaches the edge, or has the same colour."""
    if backdrop[bitmap].mean() <= 0.5:
        return False
    return edge > 0 or _looks_like(bitmap, backdrop, pixels)


def _looks_like(piece: BoolArray, backdrop: BoolArray, pixels: UInt8Array) -> bool:
    """True if the mean colour of a piece is that of the rest of what it lies in."""
    rest = backdrop & ~piece
    if not rest.any():
        return False
    return float(np.linalg.norm(pixels[piece].mean(axis=0) - pixels[rest].mean(axis=0))) < SAME_COLOUR
