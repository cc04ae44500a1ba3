"""Plan and masks → the document, which the caller's schema allows, or an error."""

import copy
from collections.abc import Iterable
from typing import Any, cast

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from rubylith.domain.errors import NothingFound, UnsatisfiedSchema
from rubylith.domain.segmentation import Segmentation
from rubylith.schemas import Pictures
from rubylith.schemas.checks import validator
from rubylith.schemas.faults import sentence_of
from rubylith.schemas.planning import Plan
from rubylith.schemas.results import MISSING, Facts, Scope, arranged

MAX_FAULTS = 12  # of different kinds that are mended; each takes a copy and looks at the whole document


def fill(plan: Plan, segmentation: Segmentation, pictures: Pictures) -> object:
    """The document. NothingFound where it must tell of one thing; UnsatisfiedSchema where it is not allowed."""
    found = arranged(segmentation, plan.wish)
    labels = tuple(dict.fromkeys(one.label for one in found))
    facts = Facts(segmentation.size, plan.wish, labels, plan.model, plan.source, pictures)
    document = plan.value(Scope(facts, found))
    if document is MISSING:
        raise NothingFound(
            f"There is no {' and no '.join(plan.wish.names) or 'object'} in the picture",
            "Make the field optional, or ask for a list",
        )
    check = validator(plan.schema)
    wrong = list(check.iter_errors(cast("Any", document)))
    if not wrong:
        return document
    allowed = _without_what_is_not_allowed(document, wrong, check)
    if allowed is None:
        raise UnsatisfiedSchema(
            f"What was found is not allowed by the schema: {sentence_of(wrong[0])}",
            "Loosen the schema there, make the field optional, or ask for other things",
        )
    return allowed


def _without_what_is_not_allowed(document: object, wrong: list[ValidationError], check: Validator) -> object | None:
    """The document after figures and texts that may be left out, or be null, were; None where that does not help.

    Results themselves stay: a list of what was found is never left out, nor all there is.
    """
    for _ in range(MAX_FAULTS):
        if not wrong:
            break
        places = _places_of(wrong[0], wrong)
        for candidate in (_changed(document, places, null=False), _changed(document, places, null=True)):
            left = list(check.iter_errors(cast("Any", candidate)))
            if candidate and len(left) < len(wrong):
                document, wrong = candidate, left
                break
        else:
            return None
    return None if wrong else document


def _places_of(first: ValidationError, wrong: list[ValidationError]) -> list[tuple[str | int, ...]]:
    """Where properties with the same fault stand: in every element of a list alike."""
    return list(dict.fromkeys(_property(one) for one in wrong if _kind(one) == _kind(first)))


def _property(error: ValidationError) -> tuple[str | int, ...]:
    """The path of the property that the fault lies in."""
    steps = tuple(error.absolute_path)
    last = max((place for place, step in enumerate(steps) if isinstance(step, str)), default=-1)
    return steps[: last + 1]


def _kind(error: ValidationError) -> tuple[str, ...]:
    return tuple("[]" if isinstance(step, int) else step for step in _property(error))


def _changed(document: object, places: Iterable[tuple[str | int, ...]], *, null: bool) -> object | None:
    """A copy without the values at these places, or with null there; None if one of them holds objects."""
    changed = copy.deepcopy(document)
    for *steps, name in (place for place in places if place):
        parent: Any = changed
        for step in steps:
            parent = parent[step]
        value: object = parent[name]
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):  # pyright: ignore[reportUnknownVariableType]
            return None
        if null:
            parent[name] = None
        else:
            del parent[name]
    return changed
