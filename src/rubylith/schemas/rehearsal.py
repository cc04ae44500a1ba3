"""A plan is tried with made-up results before any picture is opened, so that limits of the schema come to light."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jsonschema.exceptions import ValidationError

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.language import Wish
from rubylith.schemas import Picture
from rubylith.schemas.checks import Schema, validator
from rubylith.schemas.faults import LIMITS, reason_of
from rubylith.schemas.results import MISSING, UNLABELLED, Facts, Found, Scope, Value
from rubylith.schemas.shapes import choices

SIZE = Size(48, 64)
CONCEPTS = 3  # that are tried with
COUNTS = 100  # up to which whole numbers are tried that the made-up results do not have
Steps = tuple[str, ...]
OF_THE_PICTURE = frozenset(  # keywords whose fate depends on what will be found
    ("minItems", "maxItems", "minProperties", "maxProperties", "contains", "minContains", "maxContains")
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """wrong: paths at which no made-up document is allowed, and why; the root is the empty one. None if all is well.

    draws: the document refers to an overlay, for which the picture's pixels are needed.
    """

    wrong: Mapping[str, str]
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
    wrong: dict[str, str] = {}
    documents: list[object] = []
    doubts: dict[Steps, ValidationError] = {}
    for found in (_many(labels), *((one,) for one in _many(labels[:1]))):
        facts = Facts(SIZE, wish, tuple(dict.fromkeys(one.label for one in found)), model, source, pictures)
        document = value(Scope(facts, found))
        if document is MISSING:
            return Rehearsed({"": ""}, pictures.draws)
        documents.append(document)
        for error in check.iter_errors(cast("Any", document)):
            steps = tuple(error.absolute_path)
            if _is_limit(error):
                doubts.setdefault(tuple("[]" if isinstance(step, int) else step for step in steps), error)
            elif error.validator not in OF_THE_PICTURE:
                wrong |= dict.fromkeys(_paths(steps, frozenset(labels)), reason_of(error))
    for steps, error in doubts.items():
        if not _may_be_met(steps, error.schema, documents):
            wrong |= dict.fromkeys(_paths(tuple(error.absolute_path), frozenset(labels)), reason_of(error))
    return Rehearsed(wrong, pictures.draws)


def _is_limit(error: ValidationError) -> bool:
    """True for a property whose number is out of its limits, which another picture's may not be."""
    told = (
        {one.validator for one in error.context or ()} if error.validator in {"anyOf", "oneOf"} else {error.validator}
    )
    is_number = isinstance(error.instance, int | float) and not isinstance(error.instance, bool)
    return is_number and bool(told & LIMITS) and isinstance(next(reversed(error.absolute_path), None), str)


def _may_be_met(steps: Steps, limits: object, documents: list[object]) -> bool:
    """True if one of the made-up figures at this place is within the limits, or one of up to COUNTS for whole ones."""
    figures = [one for document in documents for one in _figures_at(document, steps)]
    counts = range(COUNTS + 1) if all(isinstance(one, int) for one in figures) else ()
    return any(_allows(limits, one) for one in (*figures, *counts))


def _figures_at(document: object, steps: Steps) -> Iterator[float]:
    if not steps:
        if isinstance(document, int | float):
            yield document
    elif steps[0] == "[]" and isinstance(document, list):
        for one in cast("list[object]", document):
            yield from _figures_at(one, steps[1:])
    elif isinstance(document, dict):
        yield from _figures_at(cast("dict[str, object]", document).get(steps[0]), steps[1:])


def _allows(limits: object, figure: float) -> bool:
    """Keywords of numbers alone, so that hundreds are tried in no time."""
    if not isinstance(limits, Mapping):
        return limits is not False
    told = cast("Schema", limits)
    branches = told.get("anyOf") or told.get("oneOf")
    listed, step = choices(told), told.get("multipleOf")
    return (
        told.get("minimum", -math.inf) <= figure <= told.get("maximum", math.inf)
        and told.get("exclusiveMinimum", -math.inf) < figure < told.get("exclusiveMaximum", math.inf)
        and (listed is None or figure in listed)
        and (step is None or math.isclose(figure / step, round(figure / step), abs_tol=1e-9))
        and told.get("type") not in {"null", "string", "array", "object", "boolean"}
        and (not branches or any(_allows(branch, figure) for branch in branches))
    )


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
