"""Is it a schema that we take? Draft 2020-12, references inside it only, of a size that is planned in milliseconds."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import count, pairwise
from typing import Any, cast
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]
from referencing import Registry

from rubylith.domain.errors import InvalidSchema
from rubylith.schemas.patterns import MAX_WEIGHT, Pattern

Schema = Mapping[str, Any]

MAX_NODES, MAX_DEPTH = 500, 16
MAX_PLACES, MAX_FOLLOWED = 4000, 64  # with references followed
MEMBERS_A_NODE = 10  # of an enum
_IN_PLACE = ("not", "if", "then", "else")
_SINGLE = ("items", "additionalProperties", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
           *_IN_PLACE)  # fmt: skip
_UNIONS = ("anyOf", "oneOf", "allOf")
_LISTED = (*_UNIONS, "prefixItems", "items")
_DEFINITIONS = ("$defs", "definitions")
_MAPPED = ("properties", "patternProperties", "dependentSchemas", *_DEFINITIONS)
_DATA = ("const", "enum", "default", "examples")
_IDENTIFIERS = ("$schema", "$id", "$anchor", "$dynamicAnchor")
_LIMITS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minContains",
           "maxContains")  # fmt: skip


def checked(schema: object) -> dict[str, Any]:
    """The schema, ready to be planned and validated with. InvalidSchema says what is wrong with it."""
    if not isinstance(schema, dict):
        raise InvalidSchema(
            "The schema is no JSON object", "Send a JSON schema, as pydantic's model_json_schema() gives"
        )
    tidy = cast("dict[str, Any]", _tidied(_sound(cast("object", schema), depth=0)))
    tidy.pop("id", None) if isinstance(tidy.get("id"), str) else None
    nodes, roots = _nodes_of(tidy)
    for root in roots:
        _check_keywords(root)
    _ready_patterns(nodes)
    _check_unfolded(tidy)
    return tidy


def subschemas(schema: object, depth: int = 0) -> Iterator[tuple[Schema, int]]:
    """The schema and all schemas in it, with how deep they lie; references are not followed."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH + 1:
        return
    node = cast("dict[str, Any]", schema)
    yield node, depth
    for name, child in _children(node):
        yield from subschemas(child, depth if name in _DEFINITIONS else depth + 1)


def validator(schema: Schema) -> Validator:
    """What checks a document against a checked schema."""
    return _VALIDATOR(schema, registry=Registry[Any]())


def pointed(schema: Schema, reference: str) -> object:
    """What a local reference points to; None for nothing."""
    found: object = schema
    for part in reference.removeprefix("#").split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = cast("dict[str, object]", found).get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[object]", found)):
            found = cast("list[object]", found)[int(name)]
        else:
            return None
    return found


def _children(node: Schema) -> Iterator[tuple[str, object]]:
    """The keywords that hold schemas, each with every schema in it."""
    for name in _SINGLE:
        if isinstance(node.get(name), dict):
            yield name, node[name]
    for name in _LISTED:
        if isinstance(node.get(name), list):
            yield from ((name, one) for one in node[name])
    for name in _MAPPED:
        if isinstance(node.get(name), dict):
            yield from ((name, one) for one in node[name].values())


def _sound(node: object, *, depth: int) -> object:
    """A copy of what can be read and written as JSON."""
    if depth > 6 * MAX_DEPTH:
        raise InvalidSchema("The schema is nested too deeply", f"Nest at most {MAX_DEPTH} schemas within each other")
    if isinstance(node, list):
        return [_sound(one, depth=depth + 1) for one in cast("list[object]", node)]
    if isinstance(node, dict):
        told = cast("dict[object, object]", node)
        return {str(_sound(name, depth=depth)): _sound(one, depth=depth + 1) for name, one in told.items()}
    if isinstance(node, float) and not math.isfinite(node):
        raise InvalidSchema("The schema holds a number that is not finite", "Use numbers that JSON can hold")
    try:
        _ = isinstance(node, str) and node.encode()
    except UnicodeEncodeError:
        raise InvalidSchema(
            "The schema holds half a character, a lone surrogate", "Send whole Unicode characters"
        ) from None
    return node


def _tidied(node: object, *, names: bool = False) -> object:
    """The schema as 2020-12 writes it: tuples of earlier drafts, whole limits, no identifiers. Data stay as they are.

    names: the keys are names of properties and the like, not keywords.
    """
    if isinstance(node, list):
        return [_tidied(one) for one in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    told = cast("dict[str, object]", node)
    if names:
        return {name: _tidied(one) for name, one in told.items()}
    tidy: dict[str, object] = {}
    for name, one in told.items():
        if name in _LIMITS and isinstance(one, float) and one.is_integer():
            tidy[name] = int(one)
        elif name not in _IDENTIFIERS or not isinstance(one, str):
            tidy[name] = one if name in _DATA else _tidied(one, names=name in _MAPPED)
    if isinstance(tidy.get("items"), list) and "prefixItems" not in tidy:
        tidy["prefixItems"] = tidy.pop("items")
        if "additionalItems" in tidy:
            tidy["items"] = tidy.pop("additionalItems")
    return tidy


def _nodes_of(tidy: dict[str, Any]) -> tuple[list[dict[str, Any]], list[object]]:
    """All schemas in it and what its references lead to; and the roots of those: itself, and targets elsewhere."""
    nodes: dict[int, dict[str, Any]] = {}
    roots: list[object] = [tidy]
    size = 0
    for root in roots:
        for node, depth in subschemas(root):
            if id(node) in nodes:
                continue
            nodes[id(node)] = cast("dict[str, Any]", node)
            listed = node.get("enum")
            size += 1 + (len(cast("list[object]", listed)) // MEMBERS_A_NODE if isinstance(listed, list) else 0)
            if size > MAX_NODES or depth > MAX_DEPTH:
                raise InvalidSchema(
                    f"The schema has more than {MAX_NODES} parts, ten members of an enum counted as one, "
                    f"or more than {MAX_DEPTH} within each other",
                    "Ask for less in one answer",
                )
            target = _target(node, tidy)
            if isinstance(target, dict) and id(cast("object", target)) not in nodes:
                roots.append(cast("object", target))
    standard = {id(node) for node, _ in subschemas(tidy)}
    return list(nodes.values()), [tidy, *(root for root in roots[1:] if id(root) not in standard)]


def _target(node: Schema, root: Schema) -> object:
    """What the reference of a schema leads to; None if it has none."""
    if "$dynamicRef" in node or "$recursiveRef" in node:
        raise InvalidSchema("Dynamic references are not understood here", "Use $ref with #/…")
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return None
    steps = reference.split("/")
    into_data = any(name in _DATA and before not in _MAPPED for before, name in pairwise(steps))
    target = pointed(root, reference) if re.match(r"#(?:/|$)", reference) and not into_data else None
    if not isinstance(target, dict | bool):
        raise InvalidSchema(f"The reference {reference[:200]!r} leads nowhere", "Use references inside the schema: #/…")
    return cast("object", target)


def _check_keywords(root: object) -> None:
    try:
        Draft202012Validator.check_schema(cast("Any", root), format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path) or "the root"
        raise InvalidSchema(
            f"The schema is not valid at {where}: {error.message[:200]}", "Send JSON Schema, draft 2020-12"
        ) from None
    except RecursionError:
        raise InvalidSchema("The schema is nested too deeply", "Ask for less in one answer") from None


def _ready_patterns(nodes: list[dict[str, Any]]) -> None:
    """Puts patterns that are ready to match in the place of those that are read."""
    ready: dict[str, Pattern] = {}

    def of(pattern: str) -> Pattern:
        if pattern not in ready:
            ready[pattern] = Pattern(pattern, MAX_WEIGHT - sum(one.weight for one in ready.values()))
        return ready[pattern]

    for node in nodes:
        if "pattern" in node:
            node["pattern"] = of(node["pattern"])
        if "patternProperties" in node:
            node["patternProperties"] = {of(name): one for name, one in node["patternProperties"].items()}
    if (
        ready
        and any("patternProperties" in node for node in nodes)
        and any("unevaluatedProperties" in node for node in nodes)
    ):
        raise InvalidSchema(
            "unevaluatedProperties beside patternProperties is not understood here", "Use additionalProperties"
        )


def _check_unfolded(tidy: dict[str, Any]) -> None:
    """Counts what a document may be compared with, references followed: a small schema can mean a very large one.

    What is unevaluated is found by comparing again with all that is in place.
    """
    left: list[tuple[object, tuple[str, ...], tuple[str, ...], int]] = [(tidy, (), (), 0)]
    for seen in count(1):
        if not left:
            return
        node, within, in_place, depth = left.pop()  # the references that lead here; those that led no step inwards
        if seen > MAX_PLACES or depth > MAX_FOLLOWED:
            raise InvalidSchema(
                f"The schema unfolds to more than {MAX_PLACES} fields, or more than {MAX_FOLLOWED} within each other",
                "Ask for less in one answer",
            )
        if not isinstance(node, dict):
            continue
        told = cast("dict[str, Any]", node)
        again = 3 if "unevaluatedProperties" in told or "unevaluatedItems" in told else 1
        reference = told.get("$ref")
        if isinstance(reference, str):
            if reference in in_place:
                raise InvalidSchema(f"The reference {reference[:200]!r} leads to itself", "Let it lead to a part")
            if reference not in within:
                target = (pointed(tidy, reference), (*within, reference), (*in_place, reference), depth + 1)
                left += [target] * again
        for name, child in _children(told):
            if name in _DEFINITIONS:
                continue
            stays = name in {*_UNIONS, *_IN_PLACE, "dependentSchemas"}
            left += [(child, within, in_place if stays else (), depth + 1)] * (again if stays else 1)


def _matches(_: Validator, pattern: Pattern, instance: object, __: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not pattern.matches(instance):
        yield ValidationError(f"does not match {str(pattern)!r}")


def _of_patterns(check: Any, patterns: Schema, instance: object, _: Schema) -> Iterator[ValidationError]:
    for name, value in _members(instance):
        for pattern, schema in patterns.items():
            if cast("Pattern", pattern).matches(name):
                yield from check.descend(value, schema, path=name, schema_path=pattern)


def _additional(check: Any, allowed: object, instance: object, schema: Schema) -> Iterator[ValidationError]:
    named: Schema = schema.get("properties", {})
    patterns = cast("list[Pattern]", list(schema.get("patternProperties", ())))
    for name, value in _members(instance):
        if name in named or any(pattern.matches(name) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"{name!r} is not allowed beside the other properties")
        else:
            yield from check.descend(value, allowed, path=name)


def _members(instance: object) -> Iterator[tuple[str, object]]:
    return iter(cast("dict[str, object]", instance).items() if isinstance(instance, dict) else ())


_VALIDATOR = cast("Any", extend)(
    Draft202012Validator,
    {"pattern": _matches, "patternProperties": _of_patterns, "additionalProperties": _additional},
)
