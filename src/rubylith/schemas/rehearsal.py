"""A plan is tried with made-up results before any picture is opened, so that limits of the schema come to light."""

import re
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.language import Wish
from rubylith.schemas import Picture
from rubylith.schemas.checks import Schema, validator
from rubylith.schemas.results import MISSING, UNLABELLED, Facts, Found, Scope, Value

SIZE = Size(48, 64)
CONCEPTS = 3  # that are tried with
OF_THE_PICTURE = frozenset(  # keywords whose fate depends on what will be found
    ("minItems", "maxItems", "minProperties", "maxProperties", "contains", "minContains", "maxContains")
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """wrong: paths at which a made-up document is not allowed, the root as the empty one; none if all is well.

    draws: the document refers to an overlay, for which the picture's pixels are needed.
    """

    wrong: tuple[str, ...]
    draws: bool


@dataclass(slots=True)
class _MadeUp:
    """Files that nobody will read. draws: an overlay was asked for."""

    draws: bool = False

    def mask(self, rle: RLE) -> Picture:
        del rle
        return Picture("img_0a1b2c", "http://127.0.0.1:8000/v1/artifacts/session/img_0a1b2c.png?expires=1", b"PNG")

    def label_map(self) -> Picture:
        return self.mask(RLE(SIZE, b""))

    def overlay(self) -> Picture:
        self.draws = True
        return self.mask(RLE(SIZE, b""))

    def address(self, picture: Picture) -> str:
        return picture.id.replace("img_", "url_")


def rehearse(schema: Schema, value: Value, wish: Wish, *, model: str, source: str | None) -> Rehearsed:
    """What a plan makes of made-up results."""
    pictures = _MadeUp()
    labels = wish.names[:CONCEPTS] or (UNLABELLED,)
    check = validator(schema)
    wrong: dict[str, None] = {}
    for found in (_many(labels), *((one,) for one in _many(labels[:1]))):
        facts = Facts(SIZE, wish, tuple(dict.fromkeys(one.label for one in found)), model, source, pictures)
        document = value(Scope(facts, found))
        if document is MISSING:
            return Rehearsed(("",), pictures.draws)
        for error in check.iter_errors(cast("Any", document)):
            if error.validator not in OF_THE_PICTURE:
                wrong |= dict.fromkeys(_paths(tuple(error.absolute_path), frozenset(labels)))
    return Rehearsed(tuple(wrong), pictures.draws)


def _many(labels: tuple[str, ...]) -> tuple[Found, ...]:
    """Some of the first and one of each other: the whole picture, surely, a single pixel, hardly, and odd figures."""
    whole = np.ones((SIZE.height, SIZE.width), np.bool_)
    pixel = np.zeros_like(whole)
    pixel[-1, -1] = True
    odd = np.zeros_like(whole)
    odd[7:30, 11:48] = True
    masks = [(labels[0], whole, 1.0), (labels[0], pixel, 0.0), (labels[0], odd, 0.8713),
             *((label, pixel, 0.6) for label in labels[1:])]  # fmt: skip
    return tuple(Found(label, RLE.from_bitmap(m), score, n) for n, (label, m, score) in enumerate(masks, 1))


def _paths(steps: tuple[str | int, ...], labels: frozenset[str]) -> tuple[str, ...]:
    """How the planner may write this path, without trailing []: a label may be a key, or the name of a property."""
    shown = "".join("[]" if isinstance(s, int) or s in labels else f".{s}" for s in steps)
    plain = "".join("[]" if isinstance(s, int) else f".{s}" for s in steps)
    return tuple(dict.fromkeys(re.sub(r"(\[\])+$", "", path).removeprefix(".") for path in (shown, plain)))
