"""Masks as an answer shows them: in the order of the request, limited, merged by class or made disjoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rubylith.domain.geometry import Box, Size
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Mode
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.language import Wish
from rubylith.language.vocabularies import is_amorphous
from rubylith.schemas import Pictures

UNLABELLED = "object"


class Missing:
    """What a field is filled with that has nothing to tell of."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Found:
    """One result. number: its place in the answer, from 1. score: the detector's, else the mask's own, 0 to 1."""

    label: str
    rle: RLE
    score: float
    number: int = 0

    @property
    def box(self) -> Box:
        """The smallest box of whole pixels."""
        return self.rle.box


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the same for every field of one answer."""

    size: Size
    wish: Wish
    labels: tuple[str, ...]
    model: str
    source: str | None
    pictures: Pictures


@dataclass(frozen=True, slots=True)
class Scope:
    """What a field tells of: these results; one of them, or all of one label taken as one."""

    facts: Facts
    found: tuple[Found, ...]
    one: Found | None = None
    label: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Distinct labels in order."""
        return tuple(dict.fromkeys(one.label for one in self.found))

    def of(self, label: str) -> "Scope":
        """The results of one label, as a group."""
        found = tuple(one for one in self.found if one.label == label)
        return replace(self, found=found, one=united(found, label), label=label)

    def about(self, concept: str) -> "Scope":
        """The results of one concept, still each by itself."""
        return replace(self, found=tuple(one for one in self.found if one.label == concept))

    def single(self, one: Found) -> "Scope":
        """One result."""
        return replace(self, found=(one,), one=one, label=one.label)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of several results is meant; of equals the one of the higher score. key: the largest of these."""

    key: Callable[[Found], float]

    def of(self, scope: Scope) -> Scope:
        """About that result, though all are still counted."""
        best = max(scope.found, key=lambda one: (self.key(one), one.score), default=None)
        return replace(scope, one=best, label=None if best is None else best.label)


BEST = Choice(lambda one: one.score)
_CHOICES: tuple[tuple[str, Choice], ...] = (
    ("largest biggest", Choice(lambda one: one.rle.area)),
    ("smallest tiniest", Choice(lambda one: -one.rle.area)),
    ("leftmost left", Choice(lambda one: -one.box.x0)),
    ("rightmost right", Choice(lambda one: one.box.x1)),
    ("topmost uppermost highest top upper", Choice(lambda one: -one.box.y0)),
    ("bottommost lowermost lowest bottom lower", Choice(lambda one: one.box.y1)),
)
_OF_SCORES = frozenset("score confidence confident probability ranked scoring match hit result detection".split())


def choice(words: tuple[str, ...], concepts: tuple[str, ...]) -> Choice:
    """The choice that a name makes, such as largest_car; the highest score if it makes none, or `top_match`."""
    said = set(words).difference(*(concept.split() for concept in concepts))
    if said & {"top", "highest"} and said & _OF_SCORES:
        return BEST
    return next((one for names, one in _CHOICES if said & set(names.split())), BEST)


Value = Callable[[Scope], object]  # what goes into a field, or MISSING


def arranged(segmentation: Segmentation, wish: Wish) -> tuple[Found, ...]:
    """Results in the order of the concepts, then by score, then from the top left."""
    found = [_found(mask) for mask in segmentation.masks if mask.area]
    order = {name: place for place, name in enumerate(wish.names)}
    found.sort(key=lambda one: (order.get(one.label, len(order)), -one.score, one.box.y0, one.box.x0))
    limits = {concept.name: concept.limit for concept in wish.concepts}
    kept = [one for place, one in enumerate(found) if _is_within(one, found[:place], limits)]
    if wish.mode is not Mode.INSTANCE:
        kept = _by_class(kept, amorphous_only=wish.mode is Mode.PANOPTIC)
    if wish.mode is Mode.PANOPTIC:
        kept = _disjoint(kept)
    return tuple(replace(one, number=number) for number, one in enumerate(kept, 1))


def united(found: tuple[Found, ...], label: str) -> Found | None:
    """All of these as one, with the highest score; None for none."""
    if len(found) <= 1:
        return found[0] if found else None
    bitmap = np.logical_or.reduce([one.rle.bitmap() for one in found])
    return Found(label, RLE.from_bitmap(bitmap), max(one.score for one in found), found[0].number)


def _found(mask: Mask) -> Found:
    label = mask.label
    score = mask.predicted_iou if label is None or label.score is None else label.score
    return Found(UNLABELLED if label is None else label.name, mask.rle, float(min(max(score, 0.0), 1.0)))


def _is_within(one: Found, before: list[Found], limits: Mapping[str, int | None]) -> bool:
    limit = limits.get(one.label)
    return limit is None or sum(other.label == one.label for other in before) < limit


def _by_class(found: list[Found], *, amorphous_only: bool) -> list[Found]:
    """One result per label, in place of the first of them; things stay apart if only the amorphous are merged."""
    kept: list[Found] = []
    for one in found:
        if amorphous_only and not is_amorphous(one.label):
            kept.append(one)
        elif all(other.label != one.label for other in kept):
            same = tuple(other for other in found if other.label == one.label)
            kept.append(united(same, one.label) or one)
    return kept


def _disjoint(found: list[Found]) -> list[Found]:
    """Each pixel goes to the highest score."""
    taken: dict[int, Found] = {}
    covered = None
    for place in sorted(range(len(found)), key=lambda p: -found[p].score):
        bitmap = found[place].rle.bitmap()
        covered = np.zeros_like(bitmap) if covered is None else covered
        own = bitmap & ~covered
        covered |= bitmap
        if own.any():
            taken[place] = replace(found[place], rle=RLE.from_bitmap(own))
    return [taken[place] for place in sorted(taken)]
