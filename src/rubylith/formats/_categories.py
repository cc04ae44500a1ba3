"""Numbers for labels, as data sets want them."""

from dataclasses import dataclass

from rubylith.domain.mask import Label, Mask

UNLABELLED = "object"  # what a mask without a label is called


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of thing. `label`: None for masks without one."""

    number: int
    name: str
    label: Label | None


def categories(masks: tuple[Mask, ...]) -> tuple[list[Category], list[int]]:
    """The categories in order of their numbers, and the number of each mask's.

    A label keeps its own number; the first name under a number stands. Labels without one are numbered after the
    largest, in order of their appearance. Masks without a label are category 0, or the next free one if 0 is taken.
    """
    found: dict[int, Category] = {}
    for label in (mask.label for mask in masks):
        if label is not None and label.category_id is not None:
            found.setdefault(label.category_id, Category(label.category_id, label.name, label))
    named: dict[str, int] = {}
    after = max((0, *found)) + 1
    for label in (mask.label for mask in masks):
        if label is not None and label.category_id is None and label.name not in named:
            named[label.name] = after
            found[after] = Category(after, label.name, label)
            after += 1
    nameless = after if 0 in found else 0
    numbers: list[int] = []
    for label in (mask.label for mask in masks):
        if label is None:
            found.setdefault(nameless, Category(nameless, UNLABELLED, None))
            numbers.append(nameless)
        else:
            numbers.append(named[label.name] if label.category_id is None else label.category_id)
    return [found[number] for number in sorted(found)], numbers
