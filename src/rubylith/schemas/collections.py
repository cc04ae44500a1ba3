"""Arrays and mappings: an element per result, per label, or per label of what is in a group."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from rubylith.schemas import figures, files, texts
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Level
from rubylith.schemas.places import Place, Planned, Unplanned
from rubylith.schemas.results import MISSING, Found, Scope, Value
from rubylith.schemas.roles import find_role
from rubylith.schemas.shapes import Shapes, choices, is_only, types_of
from rubylith.schemas.subjects import Subjects


class Walker(Protocol):
    """What goes into the objects inside."""

    def members(self, schema: Schema, place: Place, about: str) -> Planned | Unplanned:
        """The properties of an object."""
        ...


@dataclass(frozen=True, slots=True)
class Arrays:
    """Plans what has several elements."""

    walk: Walker
    shapes: Shapes
    asked: Asked

    def plan(self, schema: Schema, place: Place, about: str) -> Planned | Unplanned:
        """An array."""
        items = schema.get("items")
        if not isinstance(items, Mapping) or "prefixItems" in schema:
            return Unplanned((place.shown,))
        shape = self.shapes.read(items, place.within)  # type: ignore[arg-type]
        if shape.cyclic:
            empty = Planned(lambda _: [], 0, constant=True)
            return Unplanned((place.shown,)) if schema.get("minItems", 0) else empty
        refused: Unplanned | None = None
        for item in shape.variants:
            inner = replace(place.item(), within=shape.within)
            described = f"{about} {shape.description}".strip()
            if is_only(item, "object"):
                outcome = self._collection(item, schema, inner, described)
            else:
                outcome = self._values(item, schema, inner, described)
            if isinstance(outcome, Planned):
                return outcome
            refused = refused or outcome
        return refused or Unplanned((place.shown,))

    def mapping(self, values: object, names: object, place: Place) -> Planned | Unplanned:
        """An object whose keys are labels, or the members of an enum that mean them. names: the schema of keys."""
        listed = None if names is None else choices(self.shapes.first(names))
        keys = {one: texts.member_of(texts.forms_of(listed), one) for one in self.asked.concepts} if listed else {}
        if MISSING in keys.values() or len(set(keys.values())) < len(keys):
            return Unplanned((place.shown,))
        shape = self.shapes.read(values, place.within)
        inner = replace(place.item(), within=shape.within, level=Level.GROUP)
        for schema in shape.variants:
            value = self._of_label(schema, inner, shape.description)
            if value is not None:
                break
        else:
            return Unplanned((place.shown,))
        is_flag = is_only(schema, "boolean")

        def filled(scope: Scope) -> object:
            labels = dict.fromkeys((*(scope.facts.wish.names if is_flag else ()), *scope.labels))
            told = {label: value(scope.of(label)) for label in labels}
            return {keys.get(label, label): one for label, one in told.items() if one is not MISSING}

        return Planned(filled, 1)

    def _of_label(self, schema: Schema, place: Place, about: str) -> Value | None:
        field = place.field(schema, about)
        named = find_role(field, self.asked)
        if named is not None:
            return named[1]
        kinds = types_of(schema)
        if kinds == frozenset(("array",)):
            outcome = self.plan(schema, place, about)
        elif kinds == frozenset(("object",)):
            outcome = self.walk.members(schema, place, about)
        else:
            return self._usual(schema, place)
        return outcome.value if isinstance(outcome, Planned) and outcome.roles else None

    def _usual(self, schema: Schema, place: Place) -> Value | None:
        """What a value is that no name explains."""
        field = place.field(schema, "")
        kinds = types_of(schema)
        if kinds == frozenset(("integer",)):
            return figures.count(field, self.asked)
        if kinds == frozenset(("string",)):
            return files.link(field, self.asked)
        if kinds <= {"number", "integer"} and kinds:
            return lambda scope: MISSING if scope.one is None else round(scope.one.rle.area / scope.facts.size.area, 6)
        return (lambda scope: bool(scope.found)) if kinds == frozenset(("boolean",)) else None

    def _collection(self, item: Schema, array: Schema, place: Place, about: str) -> Planned | Unplanned:
        if place.level is Level.INSTANCE:
            return Unplanned((place.shown.removesuffix("[]"),))
        of_results = Subjects(self.shapes, self.asked).is_item(item, place)
        level = Level.INSTANCE if of_results else Level.GROUP
        outcome = self.walk.members(item, replace(place, level=level), about)
        if isinstance(outcome, Unplanned) or not outcome.roles:
            return outcome if isinstance(outcome, Unplanned) else Unplanned((place.shown.removesuffix("[]"),))
        return Planned(_each(outcome.value, array, of_results=of_results), outcome.roles)

    def _values(self, item: Schema, array: Schema, place: Place, about: str) -> Planned | Unplanned:
        """An array of strings, numbers, or arrays of numbers."""
        found = find_role(place.field(item, about, Level.INSTANCE), self.asked)
        if found is None:
            return Unplanned((place.shown.removesuffix("[]"),))
        role, value = found
        of_results = role not in {texts.LABEL, figures.COUNT, figures.FLAG} or place.parallel
        of_results = of_results or place.level is Level.INSTANCE
        return Planned(_each(value, array, of_results=of_results), 1)


def _each(value: Value, array: Schema, *, of_results: bool) -> Value:
    """An element per result, or per label; the best where there may be only so many."""
    most, unique = array.get("maxItems"), bool(array.get("uniqueItems"))

    def filled(scope: Scope) -> object:
        if of_results:
            scopes = [scope.single(one) for one in _best(scope.found, most)]
        else:
            scopes = [scope.of(label) for label in scope.labels[:most]]
        told = [one for inner in scopes if (one := value(inner)) is not MISSING]
        if not unique:
            return told
        return [one for place, one in enumerate(told) if one not in told[:place]]

    return filled


def _best(found: tuple[Found, ...], most: int | None) -> tuple[Found, ...]:
    if most is None or len(found) <= most:
        return found
    best = sorted(found, key=lambda one: -one.score)[:most]
    return tuple(one for one in found if one in best)
