"""Plan and masks → the document, which the caller's schema allows, or an error."""

from typing import Any, cast

from rubylith.domain.errors import NothingFound, UnsatisfiedSchema
from rubylith.domain.segmentation import Segmentation
from rubylith.schemas import Pictures
from rubylith.schemas.checks import validator
from rubylith.schemas.planning import Plan
from rubylith.schemas.results import MISSING, Facts, Scope, arranged


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
    wrong = next(iter(validator(plan.schema).iter_errors(cast("Any", document))), None)
    if wrong is not None:
        where = ".".join(str(step) for step in wrong.absolute_path) or "root"
        raise UnsatisfiedSchema(
            f"What was found is not allowed by the schema at {where}: {wrong.message[:200]}",
            "Loosen the schema there, or ask for other things",
        )
    return document
