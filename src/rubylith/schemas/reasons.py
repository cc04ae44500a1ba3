"""Why nothing goes into a field, for the refusal that names it."""

import re
from collections.abc import Mapping, Sequence

from rubylith.schemas import figures, texts
from rubylith.schemas.checks import Schema
from rubylith.schemas.names import says, synonyms, words_of
from rubylith.schemas.shapes import NOTHING, Shapes, choices, is_numeric, is_only, members_of, types_of

_BOXES = synonyms("bbox box bounding_box bounds rect rectangle")
_SIZES = synonyms("size dimensions resolution image_shape")


def reason_at(path: str, schema: Schema, concepts: Sequence[str]) -> str:
    """In a few words; "" where nothing more can be said than that nobody knows the field."""
    name, node = field_at(path, schema)
    words = words_of(name)
    another = figures.not_asked_for(words, concepts)
    if another and (is_numeric(node) or "boolean" in types_of(node)):
        return f"{another} was not asked for"
    if is_only(node, "object") and not members_of(node):
        names = choices(Shapes(schema).first(node.get("propertyNames", NOTHING)))
        unlike = texts.unlike(names, tuple(concepts)) if names else ()
        if unlike:
            return f"none of its names means {' or '.join(repr(one) for one in unlike)}"
        if says(words, _BOXES, concepts):
            return "it names no members, such as x, y, w and h"
    if is_only(node, "array") and says(words, _SIZES, concepts):
        return "call it image_size for the picture's, or bbox for a thing's"
    return ""


def field_at(path: str, schema: Schema) -> tuple[str, Schema]:
    """The name of the field at a path such as `items[].label`, and its schema."""
    shapes, name = Shapes(schema), ""
    node = shapes.first(schema)
    for step in re.findall(r"\[\]|[^.\[\]]+", path):
        name = name if step == "[]" else step
        node = shapes.first(node.get("items", {}) if step == "[]" else members_of(node).get(step, {}))
    return name, node


def with_reasons(paths: Sequence[str], reasons: Mapping[str, str]) -> str:
    """The paths in one line, each with its reason behind it where there is one."""
    return ", ".join(f"{path} ({why})" if (why := reasons.get(path)) else path for path in paths)
