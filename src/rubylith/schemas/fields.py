"""A field that is being planned: its name, what is written about it, and where it stands."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rubylith.language import Wish
from rubylith.schemas.checks import Schema
from rubylith.schemas.names import Words, says, synonyms
from rubylith.schemas.results import Value
from rubylith.schemas.shapes import description_of, is_numeric, is_whole, types_of


class Level(enum.Enum):
    """What a field tells of: the whole picture, all results of one label, or one result."""

    IMAGE = enum.auto()
    GROUP = enum.auto()
    INSTANCE = enum.auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is the same for every field of one schema. source: the picture's address, if it came by one."""

    wish: Wish
    model: str
    source: str | None
    inner: Callable[[object], Schema] = field(repr=False)  # the first variant of a schema inside the one at hand

    @property
    def concepts(self) -> tuple[str, ...]:
        """What is looked for."""
        return self.wish.names or ("object",)


@dataclass(frozen=True, slots=True)
class Field:
    """about: its own description; around: those of the objects it lies in; both in lower case.

    siblings: names of the properties beside it. inside: the words of the object's own name.
    """

    name: str
    words: Words
    about: str
    around: str
    path: str
    schema: Schema = field(repr=False)
    level: Level = Level.IMAGE
    siblings: frozenset[str] = frozenset()
    inside: Words = ()

    def has_words(self, pattern: str) -> bool:
        """True if its name or its description says so."""
        return re.search(pattern, f"{' '.join(self.words)} {self.about}") is not None


@dataclass(frozen=True, slots=True)
class Role:
    """One thing that a field can be. named: by its name; told: by its description.

    build: what goes in, or None where type or place do not fit. of_instances: not for fields of the whole picture.
    """

    named: Callable[[Field, Asked], bool]
    told: re.Pattern[str] | None
    build: Callable[[Field, Asked], Value | None]
    of_instances: bool = True


def called(names: str) -> Callable[[Field, Asked], bool]:
    """A test for any of these names."""
    known = synonyms(names)

    def test(field_: Field, asked: Asked) -> bool:
        return says(field_.words, known, asked.concepts)

    return test


_TO = r"\s*(?:[-\u2013\u2014,]|to|and|\.\.+)\s*"
_IN_PIXELS, _NORMALIZED = re.compile(r"\b(?:pixels?|px|absolute)\b"), re.compile(r"relative|fraction|ratio")
_ALL_IN_PIXELS = re.compile(r"\b(?:in|absolute) (?:absolute |image )?(?:pixels?|px)\b|\((?:pixels?|px)\)|pixel coord|"
                            r"absolute coord")  # fmt: skip
_ALL_NORMALIZED = re.compile(r"relative coord")
_TO_A_THOUSAND = re.compile(r"(?:normali[sz]ed|scaled|relative) (?:to|by|on|over) (?:a )?1000\b|"
                            r"\b1000\s*[x\u00d7]\s*1000\b")  # fmt: skip


def spans(text: str, most: int) -> bool:
    """True for a text that says `0 to 100`, `0-100` and the like."""
    return re.search(rf"\b0{_TO}{most}\b(?!\.?\d)", text) is not None


class Unit(enum.Enum):
    """How coordinates are written."""

    NORMALIZED = enum.auto()  # 0 to 1
    PIXELS = enum.auto()
    THOUSANDTHS = enum.auto()


def unit_of(field_: Field, number: Schema) -> Unit:
    """How the coordinates of a field are written. number: the schema of one of them."""
    told = f"{' '.join(field_.words)} {field_.about} {description_of(number).lower()}"
    most = number.get("maximum", number.get("exclusiveMaximum"))
    if re.search(r"\b1000\b", told) or spans(field_.around, 1000) or _TO_A_THOUSAND.search(field_.around):
        return Unit.THOUSANDTHS
    if is_whole(number):
        return Unit.PIXELS
    if most is not None and most <= 1:
        return Unit.NORMALIZED
    for unit in (_said(told, _IN_PIXELS, _NORMALIZED), _said(field_.around, _ALL_IN_PIXELS, _ALL_NORMALIZED)):
        if unit is not None:
            return unit
    return Unit.NORMALIZED if most is None else Unit.PIXELS


def _said(text: str, in_pixels: re.Pattern[str], normalized: re.Pattern[str]) -> Unit | None:
    if re.search(r"normali[sz]ed", text):
        return Unit.NORMALIZED
    if in_pixels.search(text):
        return Unit.PIXELS
    return Unit.NORMALIZED if normalized.search(text) or spans(text, 1) else None


def written(pixels: float, extent: int, unit: Unit, number: Schema) -> float:
    """A coordinate. pixels: from 0 to `extent`, the picture's width or height. number: the schema it is written for."""
    if unit is Unit.PIXELS:
        value = min(pixels, number["maximum"]) if isinstance(number.get("maximum"), int | float) else pixels
        return round(value) if is_whole(number) else round(float(value), 2)
    if unit is Unit.THOUSANDTHS:
        return round(1000 * pixels / extent)
    share = round(pixels / extent, 4)
    return round(share) if is_whole(number) else share


def numbers_in(array: Schema, count: int, asked: Asked) -> tuple[Schema, ...] | None:
    """The schemas of `count` numbers that an array may consist of; None if it cannot."""
    if "array" not in types_of(array) or array.get("minItems", 0) > count or array.get("maxItems", count) < count:
        return None
    first = [asked.inner(one) for one in array.get("prefixItems", ())][:count]
    if len(first) < count:
        rest = array.get("items", {})
        if rest is False:
            return None
        first += [asked.inner(rest)] * (count - len(first))
    return tuple(first) if all(is_numeric(one) for one in first) else None
