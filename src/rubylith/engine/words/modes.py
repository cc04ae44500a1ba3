"""Labelled masks → one per thing, one per name, or a panoptic mixture of both."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import Mode
from rubylith.domain.rle import RLE
from rubylith.language.vocabularies import is_amorphous


def in_mode(masks: Sequence[Mask], mode: Mode, size: Size) -> tuple[tuple[Mask, ...], bool]:
    """The masks as this mode has them, best first, and whether they share no pixel."""
    if mode is Mode.INSTANCE:
        return tuple(masks), False
    if mode is Mode.SEMANTIC:
        return _apart(_united(masks), size), True
    things = [mask for mask in masks if not _is_stuff(mask)]
    stuff = [mask for mask in masks if _is_stuff(mask)]
    return _apart([*things, *_united(stuff)], size), True


def _is_stuff(mask: Mask) -> bool:
    assert mask.label is not None, "words label what they find"
    return not mask.label.is_thing or is_amorphous(mask.label.name)


def _united(masks: Sequence[Mask]) -> Iterable[Mask]:
    """One mask of each name, as good as its best part; the best name first."""
    by_name = sorted(masks, key=lambda mask: _label(mask).name)
    united = [_union(list(same)) for _, same in groupby(by_name, key=lambda mask: _label(mask).name)]
    return sorted(united, key=lambda mask: -(_label(mask).score or 0))


def _union(masks: Sequence[Mask]) -> Mask:
    best = max(masks, key=lambda mask: _label(mask).score or 0)
    if len(masks) == 1:
        return best
    rle = RLE.from_bitmap(np.logical_or.reduce([mask.rle.bitmap() for mask in masks]))
    return replace(best, rle=rle, box=rle.box, stability_score=None)


def _apart(masks: Iterable[Mask], size: Size) -> tuple[Mask, ...]:
    """Each pixel to the first mask that has it, things before stuff; masks that keep none go."""
    taken = np.zeros((size.height, size.width), np.bool_)
    result: list[Mask] = []
    for mask in masks:
        bitmap = mask.rle.bitmap() & ~taken
        taken |= bitmap
        rle = RLE.from_bitmap(bitmap)
        if rle.area:
            label = replace(_label(mask), is_thing=not _is_stuff(mask))
            result.append(replace(mask, rle=rle, box=rle.box, label=label))
    return tuple(result)


def _label(mask: Mask) -> Label:
    assert mask.label is not None, "words label what they find"
    return mask.label
