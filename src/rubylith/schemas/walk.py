"""The walk through a schema: roles first, then collections, objects and mappings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from rubylith.schemas.checks import Schema
from rubylith.schemas.collections import Arrays
from rubylith.schemas.fields import Asked, Level
from rubylith.schemas.names import concept_named, is_collective, words_of
from rubylith.schemas.places import Place, Planned, Unplanned
from rubylith.schemas.results import MISSING, Choice, Scope, Value, choice
from rubylith.schemas.roles import find_role
from rubylith.schemas.shapes import Shape, Shapes, description_of, types_of
from rubylith.schemas.subjects import Subjects, shows_the_whole

Outcome = Planned | Unplanned
NOT_MAPPINGS = frozenset(("metadata", "meta", "extra", "attribute", "property", "info", "header", "context", "option"))


@dataclass(frozen=True, slots=True)
class Walk:
    """barred: paths at which a value of ours, or at the second time the default, was found not to be allowed."""

    shapes: Shapes
    asked: Asked
    barred: Mapping[str, int]

    @property
    def subjects(self) -> Subjects:
        """What the parts of the schema are about."""
        return Subjects(self.shapes, self.asked)

    def field(self, schema: object, place: Place) -> Outcome:
        """What goes into one place."""
        shape = self.shapes.read(schema, place.within)
        if place.path in self.barred or shape.cyclic:
            return Unplanned((place.shown,))
        place = replace(place, within=shape.within)
        refused: Unplanned | None = None
        for variant in shape.variants:
            outcome = self._variant(variant, shape, place)
            if isinstance(outcome, Planned):
                return replace(outcome, value=_or_null(outcome.value)) if shape.nullable else outcome
            refused = refused or outcome
        return refused or Unplanned((place.shown,))

    def members(self, schema: Schema, place: Place, about: str) -> Outcome:
        """The properties of an object, one by one; or a mapping from labels."""
        properties: Mapping[str, object] = schema.get("properties") or {}
        if not properties:
            return self._mapping(schema, place)
        alone = place.level is Level.IMAGE and self.subjects.is_one_result(schema, place, about)
        inner = replace(
            place,
            level=Level.INSTANCE if alone else place.level,
            around=f"{place.around} {about}"[-2000:],
        )
        siblings = frozenset(properties)
        parallel = self.subjects.has_parallel_arrays(properties, inner)
        members: list[_Member] = []
        problems: list[str] = [
            f"{place.path}.{name}".lstrip(".") for name in schema.get("required", ()) if name not in properties
        ]
        for name, inside in properties.items():
            child = replace(inner.child(name, siblings), parallel=parallel)
            if alone and shows_the_whole(child, self.shapes.read(inside, place.within)):
                child = replace(child, level=Level.IMAGE)
            outcome = self._member(name, inside, child, required=name in schema.get("required", ()))
            if isinstance(outcome, _Member):
                members.append(outcome)
            elif outcome is not None:
                problems += outcome.fields
        if problems:
            return Unplanned(tuple(problems))
        about_concept = self._narrowing(properties, inner)
        chosen = choice(place.words, self.asked.wish.names) if alone else None

        def value(scope: Scope) -> object:
            return _filled(members, about_concept, scope if chosen is None else chosen.of(scope), chosen)

        return Planned(value, sum(member.roles for member in members))

    def _variant(self, schema: Schema, shape: Shape, place: Place) -> Outcome:
        if "const" in schema:
            return _constant(schema["const"])
        about = " ".join(dict.fromkeys((shape.description, description_of(schema))))
        found = find_role(place.field(schema, about), self.asked)
        if found is not None:
            return Planned(found[1], 1)
        if len(schema.get("enum", ())) == 1:
            return _constant(schema["enum"][0])
        kinds = types_of(schema)
        if kinds == frozenset(("array",)):
            return Arrays(self, self.shapes, self.asked).plan(schema, place, about)
        if kinds == frozenset(("object",)):
            return self.members(schema, place, about)
        return Unplanned((place.shown,))

    def _member(self, name: str, schema: object, place: Place, *, required: bool) -> "_Member | Unplanned | None":
        """A property; None to leave it out."""
        outcome = self.field(schema, place)
        shape = self.shapes.read(schema, place.within)
        may_default = isinstance(schema, Mapping) and "default" in schema and self.barred.get(place.path, 0) < 2
        default = cast("Schema", schema)["default"] if may_default else MISSING
        if isinstance(outcome, Planned):
            says_something = outcome.roles or outcome.constant or (required and not shape.nullable)
            if says_something:
                return _Member(name, outcome.value, outcome.roles, default, required=required)
        if not required:
            return None if default is MISSING else _Member(name, lambda _: default, 0, default, required=False)
        if shape.nullable:
            return _Member(name, lambda _: None, 0, MISSING, required=True)
        return outcome if isinstance(outcome, Unplanned) else Unplanned((place.shown,))

    def _narrowing(self, properties: Mapping[str, object], place: Place) -> dict[str, str | None]:
        """Which properties tell of one concept only; None: of none that was asked for."""
        concepts = self.asked.wish.names
        named = {name: concept_named(words_of(name), concepts) for name in properties}
        narrowed: dict[str, str | None] = {name: concept for name, concept in named.items() if concept is not None}
        if place.level is Level.INSTANCE and len(concepts) > 1:
            for name in properties:
                within = [c for c in concepts if set(words_of(c)) <= set(words_of(name))]
                if len(within) == 1:
                    narrowed[name] = within[0]
        if any(named.values()):
            for name, schema in properties.items():
                is_another = named[name] is None and not is_collective(words_of(name))
                if is_another and name not in narrowed and self.subjects.is_about_results(schema, place.within):
                    narrowed[name] = None
        return narrowed

    def _mapping(self, schema: Schema, place: Place) -> Outcome:
        """Keys are labels."""
        values: object = schema.get("additionalProperties")
        if not isinstance(values, Mapping) or place.level is Level.INSTANCE or set(place.words) & NOT_MAPPINGS:
            return Unplanned((place.shown,))
        return Arrays(self, self.shapes, self.asked).mapping(cast("object", values), schema.get("propertyNames"), place)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    value: Value
    roles: int
    default: object
    required: bool


def _filled(members: list[_Member], narrowed: Mapping[str, str | None], scope: Scope, chosen: Choice | None) -> object:
    document: dict[str, object] = {}
    for member in members:
        inner = scope
        if member.name in narrowed:
            concept = narrowed[member.name]
            inner = replace(scope, found=()) if concept is None else scope.about(concept)
            inner = inner if chosen is None else chosen.of(inner)
        value = member.value(inner)
        if value is MISSING:
            value = MISSING if member.required else member.default
            if value is MISSING and member.required:
                return MISSING
        if value is not MISSING:
            document[member.name] = value
    return document


def _constant(value: object) -> Planned:
    return Planned(lambda _: value, 0, constant=True)


def _or_null(value: Value) -> Value:
    def filled(scope: Scope) -> object:
        found = value(scope)
        return None if found is MISSING else found

    return filled
