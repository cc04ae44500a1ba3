"""Numbers for labels, as data sets want them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from rubylith.domain.mask import Label
from rubylith.domain.segmentation import Segmentation

Named: TypeAlias = int | str

UNLABELLED = "object"  # what a mask without a label is called


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of thing. `label`: None for masks without one."""

    number: int
    name: str
    label: Label | None


def categories(segmentation: Segmentation) -> tuple[list[Category], list[int]]:
    """The categories in the order of classes, and the number of each mask's.

    First the vocabulary in its own order, whatever the picture shows of it, then all else in order of numbers. A label
    keeps its own number unless the vocabulary has given it away; the first name under a number stands. Labels without
    one are numbered after the largest, in order of their appearance. Masks without a label are category 0, or the next
    free one if 0 is taken.
    """
    found: dict[int, Category] = {}
    numbers: dict[Named, int] = {}
    _number(segmentation.vocabulary, found, numbers)
    known = list(found)
    _number([mask.label for mask in segmentation.masks if mask.label is not None], found, numbers)
    nameless = max((0, *found)) + 1 if 0 in found else 0
    if any(mask.label is None for mask in segmentation.masks):
        found[nameless] = Category(nameless, UNLABELLED, None)
    of_masks = [nameless if mask.label is None else numbers[_named(mask.label)] for mask in segmentation.masks]
    return [found[number] for number in (*known, *sorted(found.keys() - known))], of_masks


def count_of_words(segmentation: Segmentation) -> int:
    """How many of the categories, the first ones, are the vocabulary: it is told by this when it is read back."""
    return len(categories(replace(segmentation, masks=()))[0])


def words_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Those categories of a document from outside that are the vocabulary; ValueError, KeyError or TypeError."""
    count, kinds = dict(document["info"]).get("vocabulary", 0), document["categories"]
    if type(count) is not int or not 0 <= count <= len(kinds):
        raise ValueError
    words = kinds[:count]
    if any(not isinstance(word["name"], str) or type(word["id"]) is not int for word in words):
        raise ValueError
    return words


def _number(labels: Sequence[Label], found: dict[int, Category], numbers: dict[Named, int]) -> None:
    """Add these labels to the categories, and to the numbers of what is there."""
    taken = set(found)  # by the vocabulary, which goes first
    for label in labels:
        own = label.category_id
        if own is not None and own not in taken:
            numbers.setdefault(own, own)
            found.setdefault(own, Category(own, label.name, label))
    for label in labels:
        if _named(label) not in numbers:
            number = max((0, *found)) + 1
            numbers[_named(label)] = number
            found[number] = Category(number, label.name, label)


def _named(label: Label) -> Named:
    """What tells a label from others: its own number, or its name where it has none."""
    return label.name if label.category_id is None else label.category_id
