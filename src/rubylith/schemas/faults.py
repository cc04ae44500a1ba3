"""What a document breaks in its schema, in a sentence that shows no value: values may be links that are secrets."""

from collections.abc import Sized
from typing import Any, cast

from jsonschema.exceptions import ValidationError

_COUNTED = {  # keyword: what is counted, and how the limit is worded
    "minItems": ("items", "at least"),
    "maxItems": ("items", "at most"),
    "minProperties": ("members", "at least"),
    "maxProperties": ("members", "at most"),
    "minLength": ("characters", "at least"),
    "maxLength": ("characters", "at most"),
}
_LIMITED = {
    "minimum": "too small, the schema wants at least {}",
    "maximum": "too large, the schema wants at most {}",
    "exclusiveMinimum": "too small, the schema wants more than {}",
    "exclusiveMaximum": "too large, the schema wants less than {}",
    "multipleOf": "no multiple of {}, as the schema wants",
}
LIMITS = frozenset((*_LIMITED, "enum"))  # of numbers
_TOLD = {
    "enum": "is none of the values that the schema allows",
    "const": "is not the value that the schema allows",
    "pattern": "does not match the pattern of the schema",
    "uniqueItems": "has items that are alike, which the schema does not allow",
    "contains": "has too few or too many of the items that the schema says it must contain",
    "type": "is of another type than the schema allows",
    "format": "is not in the format that the schema wants",
    "additionalProperties": "has members that the schema does not allow",
    "propertyNames": "has a member whose name the schema does not allow",
}


def sentence_of(error: ValidationError) -> str:
    """Such as `segmentations has 2 items, the schema wants at least 3`."""
    error = next((one for one in error.context or () if one.validator in LIMITS), error)
    where, keyword, limit = _where(error), str(error.validator), cast("object", error.validator_value)
    if keyword in _COUNTED:
        what, bound = _COUNTED[keyword]
        return f"{where} has {len(cast('Sized', error.instance))} {what}, the schema wants {bound} {limit}"
    if keyword in _LIMITED:
        return f"{where} is {_LIMITED[keyword].format(limit)}"
    if keyword == "required":
        lacking = [name for name in cast("list[str]", limit) if name not in cast("Any", error.instance)]
        return f"{where} has no {' and no '.join(lacking[:8])}, which the schema wants"
    return f"{where} {_TOLD.get(keyword, f'is not what {keyword[:40]} of the schema allows')}"


def reason_of(error: ValidationError) -> str:
    """Why a field takes nothing of what can be found: `its minimum is 2`."""
    error = next((one for one in error.context or () if one.validator in LIMITS), error)
    keyword, limit = str(error.validator), cast("object", error.validator_value)
    if "propertyNames" in error.absolute_schema_path:
        return f"it may have no member called {str(error.instance)[:80]!r}"
    return (
        f"its {keyword} is {limit}" if keyword in _LIMITED or keyword in _COUNTED else f"its {keyword[:40]} allows none"
    )


def _where(error: ValidationError) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return path.removeprefix(".")[:200] or "The answer"
