"""Is it a schema that we take? Draft 2020-12, references inside it only, of a size that is planned in milliseconds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]
from referencing import Registry

from rubylith.domain.errors import InvalidSchema

Schema = Mapping[str, Any]

MAX_NODES, MAX_DEPTH, MAX_PATTERN, MAX_MATCHED = 500, 16, 500, 4096
_SINGLE = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames",
           "unevaluatedItems", "unevaluatedProperties")  # fmt: skip
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_MAPPED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_GROUP_REPEATED = re.compile(r"[|*+}][^()]*\)+\s*(?:[*+]|\{\d+,)")  # the time of a match may grow without bound


def checked(schema: object) -> dict[str, Any]:
    """The schema, ready to be planned and validated with. InvalidSchema says what is wrong with it."""
    if not isinstance(schema, dict):
        raise InvalidSchema(
            "The schema is no JSON object", "Send a JSON schema, as pydantic's model_json_schema() gives"
        )
    tidy = cast("dict[str, Any]", _tidied(cast("object", schema), depth=0))
    for name in ("$schema", "$id", "id"):
        tidy.pop(name, None) if isinstance(tidy.get(name), str) else None
    for number, (node, depth) in enumerate(subschemas(tidy), 1):
        if number > MAX_NODES or depth > MAX_DEPTH:
            raise InvalidSchema(
                f"The schema has more than {MAX_NODES} parts, or more than {MAX_DEPTH} within each other",
                "Ask for less in one answer",
            )
        _check_node(node, tidy)
    try:
        Draft202012Validator.check_schema(tidy)
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path) or "the root"
        raise InvalidSchema(
            f"The schema is not valid at {where}: {error.message[:200]}", "Send JSON Schema, draft 2020-12"
        ) from None
    except (RecursionError, re.error) as error:
        raise InvalidSchema(f"The schema cannot be read: {error}", "Send JSON Schema, draft 2020-12") from None
    return tidy


def subschemas(schema: object, depth: int = 0) -> Iterator[tuple[Schema, int]]:
    """The schema and all schemas in it, with how deep they lie; references are not followed."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH + 1:
        return
    node = cast("dict[str, Any]", schema)
    yield node, depth
    for name in _SINGLE:
        yield from subschemas(node.get(name), depth + 1)
    for name in _LISTED:
        if isinstance(node.get(name), list):
            for one in node[name]:
                yield from subschemas(one, depth + 1)
    for name in _MAPPED:
        if isinstance(node.get(name), dict):
            for one in node[name].values():
                yield from subschemas(one, depth if "def" in name else depth + 1)


def validator(schema: Schema) -> Validator:
    """What checks a document against a checked schema."""
    return _VALIDATOR(schema, registry=Registry[Any]())


def pointed(schema: Schema, reference: str) -> object:
    """What a local reference points to; None for nothing."""
    found: object = schema
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = cast("dict[str, object]", found).get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[object]", found)):
            found = cast("list[object]", found)[int(name)]
        else:
            return None
    return found


def _tidied(node: object, *, depth: int) -> object:
    """A copy in which tuples of earlier drafts are written as those of 2020-12."""
    if depth > 6 * MAX_DEPTH:
        raise InvalidSchema("The schema is nested too deeply", f"Nest at most {MAX_DEPTH} schemas within each other")
    if isinstance(node, list):
        return [_tidied(one, depth=depth + 1) for one in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    copy = {str(name): _tidied(one, depth=depth + 1) for name, one in cast("dict[object, object]", node).items()}
    if isinstance(copy.get("items"), list) and "prefixItems" not in copy:
        copy["prefixItems"] = copy.pop("items")
        if "additionalItems" in copy:
            copy["items"] = copy.pop("additionalItems")
    return copy


def _check_node(node: Schema, root: Schema) -> None:
    reference = node.get("$ref")
    if isinstance(reference, str) and not (
        re.match(r"#(?:/|$)", reference) and isinstance(pointed(root, reference), dict | bool)
    ):
        raise InvalidSchema(f"The reference {reference[:200]!r} leads nowhere", "Use references inside the schema: #/…")
    if "$dynamicRef" in node or "$recursiveRef" in node:
        raise InvalidSchema("Dynamic references are not understood here", "Use $ref with #/…")
    patterns = [node.get("pattern"), *(node.get("patternProperties") or ())]
    for pattern in patterns:
        if isinstance(pattern, str) and (len(pattern) > MAX_PATTERN or _GROUP_REPEATED.search(pattern)):
            raise InvalidSchema(
                f"The pattern {pattern[:60]!r} is too long, or repeats a group that repeats or branches",
                "Use a simpler pattern",
            )


def _matches(_: Validator, pattern: str, instance: object, __: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and (len(instance) > MAX_MATCHED or not re.search(pattern, instance)):
        yield ValidationError(f"does not match {pattern!r}")


_VALIDATOR = cast("Any", extend)(Draft202012Validator, {"pattern": _matches})
