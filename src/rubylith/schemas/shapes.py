"""What a schema says about one place: references followed, unions taken apart, types told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from rubylith.domain.errors import InvalidSchema
from rubylith.schemas.checks import MAX_PLACES, Schema, pointed

ALL_TYPES = frozenset(("object", "array", "string", "number", "integer", "boolean"))
NOTHING: Schema = {}
MAX_VARIANTS, MAX_DESCRIPTION = 8, 1000
_PYTHON: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A place in a document. variants: what it may hold, null left out. cyclic: it is inside itself."""

    variants: tuple[Schema, ...]
    nullable: bool
    description: str = ""
    cyclic: bool = False
    within: tuple[str, ...] = ()  # the references that lead here


@dataclass(slots=True)
class Shapes:
    """Reads the places of one schema. Counts them: references can make a small schema very large."""

    root: Schema
    _places: int = field(default=0, init=False)

    def read(self, schema: object, within: tuple[str, ...] = ()) -> Shape:
        """What may stand there. InvalidSchema when the whole has become too large."""
        self._places += 1
        if self._places > MAX_PLACES:
            raise InvalidSchema(f"The schema unfolds to more than {MAX_PLACES} fields", "Ask for less in one answer")
        node: dict[str, Any] = dict(cast("Mapping[str, Any]", schema)) if isinstance(schema, Mapping) else {}
        description = description_of(node)
        while isinstance(reference := node.pop("$ref", None), str):
            if reference in within:
                return Shape((), nullable=False, description=description, cyclic=True, within=within)
            within = (*within, reference)
            target = pointed(self.root, reference)
            node = {**(cast("dict[str, Any]", target) if isinstance(target, dict) else {}), **node}
            description = " ".join(dict.fromkeys((description, description_of(node)))).strip()
        for part in cast("list[object]", node.pop("allOf", None) or []):
            inner = self.read(part, within)
            if inner.cyclic or not inner.variants:
                return inner
            within = (*within, *(r for r in inner.within if r not in within))
            node = _both(inner.variants[0], node)
        return self._union(node, description, within)

    def first(self, schema: object) -> Schema:
        """The first thing that may stand there; an empty schema for nothing."""
        return next(iter(self.read(schema).variants), NOTHING)

    def _union(self, node: dict[str, Any], description: str, within: tuple[str, ...]) -> Shape:
        branches = [cast("list[object]", node.pop(name)) for name in ("anyOf", "oneOf") if name in node]
        if not branches:
            kinds = node.get("type")
            nullable = kinds == "null" or (isinstance(kinds, list) and "null" in kinds) or _is_open(node)
            nullable = nullable or (None in node.get("enum", ()) if isinstance(node.get("enum"), list) else False)
            return Shape(() if kinds == "null" else (node,), nullable, description, within=within)
        shapes = [self.read(branch, within) for branch in branches[0]][: MAX_VARIANTS + 1]
        variants = tuple(_both(node, one) for shape in shapes for one in shape.variants)[:MAX_VARIANTS]
        nullable = any(shape.nullable for shape in shapes)
        description = " ".join(dict.fromkeys((description, *(s.description for s in shapes if s.variants)))).strip()
        within = tuple(dict.fromkeys((*within, *(r for shape in shapes for r in shape.within))))
        return Shape(variants, nullable, description, cyclic=any(s.cyclic for s in shapes) and not variants,
                     within=within)  # fmt: skip


def description_of(schema: Schema) -> str:
    """What is written about it, as far as it is read."""
    return str(schema.get("description") or "")[:MAX_DESCRIPTION]


def types_of(schema: Schema) -> frozenset[str]:
    """The types that a value may have; null left out."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return frozenset((kinds,)) & ALL_TYPES
    if isinstance(kinds, list):
        return frozenset(cast("list[str]", kinds)) & ALL_TYPES
    if "const" in schema:
        return frozenset((_type_name(schema["const"]),)) & ALL_TYPES
    if isinstance(schema.get("enum"), list):
        return frozenset(_type_name(one) for one in cast("list[object]", schema["enum"])) & ALL_TYPES
    if "properties" in schema or "additionalProperties" in schema:
        return frozenset(("object",))
    if "items" in schema or "prefixItems" in schema:
        return frozenset(("array",))
    return ALL_TYPES


def members_of(schema: Schema) -> Mapping[str, object]:
    """The properties of an object."""
    return cast("Mapping[str, object]", schema.get("properties") or NOTHING)


def is_only(schema: Schema, kind: str) -> bool:
    """True if a value may have this type only; null left out."""
    return types_of(schema) == frozenset((kind,))


def takes_anything(schema: Schema) -> bool:
    """True for a schema that lets every type be, as pydantic writes the items of a bare `list`."""
    return types_of(schema) == ALL_TYPES


def is_numeric(schema: Schema) -> bool:
    """True for numbers, whole or not."""
    return bool(types_of(schema) & {"number", "integer"})


def is_whole(schema: Schema) -> bool:
    """True for whole numbers only."""
    kinds = types_of(schema)
    return "integer" in kinds and "number" not in kinds


def takes_strings(schema: Schema, *formats: str) -> bool:
    """True for strings, unless they must be of another format than one of these."""
    wanted = schema.get("format")
    return "string" in types_of(schema) and (wanted is None or wanted in formats)


def choices(schema: Schema) -> tuple[object, ...] | None:
    """The values of an enum, or the one of a constant; None where there is neither."""
    if "const" in schema:
        return (schema["const"],)
    listed = schema.get("enum")
    return tuple(cast("list[object]", listed)) if isinstance(listed, list) else None


def plain(text: str) -> str:
    """A name up to case, number and separators, to compare members of an enum by."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def _type_name(value: object) -> str:
    return next((name for kind, name in _PYTHON.items() if type(value) is kind), "null")


def _is_open(node: Schema) -> bool:
    """True for a schema that says nothing about the type."""
    return not any(name in node for name in ("type", "const", "enum", "properties", "items", "prefixItems",
                                             "additionalProperties", "not", "pattern", "$ref"))  # fmt: skip


def _both(one: Schema, other: Schema) -> dict[str, Any]:
    """A schema that says what both say; where they say different things, the second."""
    merged = {**one, **other}
    for name in ("properties", "patternProperties"):
        if name in one and name in other:
            merged[name] = {**one[name], **other[name]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys((*one["required"], *other["required"])))
    return merged
