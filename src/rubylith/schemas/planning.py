"""Schema and request → what goes into every field, before any picture is opened.

The walk begins at the root, which tells of the whole picture. A field that plays no role is filled with its default,
left out, or null, in this order; if it may be none of these, the schema is refused with every such field named.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rubylith.domain.errors import InvalidSchema, NothingAsked, UnfillableSchema
from rubylith.language import Wish, sentences
from rubylith.language.phrases import MAX_CONCEPTS
from rubylith.schemas import texts
from rubylith.schemas.checks import Schema, checked
from rubylith.schemas.fields import Asked
from rubylith.schemas.hints import hints
from rubylith.schemas.places import Place, Planned, Unplanned
from rubylith.schemas.reasons import field_at, reason_at, with_reasons
from rubylith.schemas.rehearsal import rehearse
from rubylith.schemas.results import Value
from rubylith.schemas.shapes import Shapes, choices, is_only, types_of
from rubylith.schemas.walk import Walk

MAX_REHEARSALS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that can be answered. model, source: what the answer says of them.

    draws: the answer refers to an overlay, for which the picture's pixels are needed.
    """

    wish: Wish
    schema: Schema = field(repr=False)
    value: Value = field(repr=False)
    model: str = ""
    source: str | None = None
    draws: bool = False


def plan(schema: object, text: str, *, system: str = "", model: str = "", source: str | None = None) -> Plan:
    """What goes into every field of an answer to this request.

    system: instructions beside the request. model: what answers, source: the picture's address, where a field asks.
    InvalidSchema; NothingAsked for a text that names nothing; UnfillableSchema names all fields that stay empty.
    """
    tidy = checked(schema)
    hinted = hints(tidy)
    wish = sentences.read(text, system=system, hints=hinted)
    if wish is None:
        raise NothingAsked(
            "The text names nothing to look for", "Say what to segment, such as: Segment all the cars in this image"
        )
    if len(hinted) > MAX_CONCEPTS and wish.names == hinted:
        raise InvalidSchema(
            f"The text names nothing, and the schema {len(hinted)} things, of which one request takes {MAX_CONCEPTS}",
            f"Name in the text what to segment, or list at most {MAX_CONCEPTS} labels in the enum",
        )
    barred: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for _ in range(MAX_REHEARSALS):
        planned = _planned(tidy, Asked(wish, model, source, Shapes(tidy).first), barred, reasons)
        made = Plan(wish, tidy, planned.value, model, source)
        rehearsed = rehearse(made.schema, made.value, made.wish, model=model, source=source)
        if not rehearsed.wrong:
            return replace(made, draws=rehearsed.draws)
        reasons |= rehearsed.wrong
        hopeless = tuple(path for path in rehearsed.wrong if barred[path] > 1 or not path)
        if hopeless:
            raise _unfillable(hopeless, tidy, wish, reasons)
        barred.update(tuple(rehearsed.wrong))
    raise _unfillable(tuple(barred), tidy, wish, reasons)


def _planned(schema: Schema, asked: Asked, barred: Mapping[str, int], reasons: Mapping[str, str]) -> Planned:
    shapes, wish = Shapes(schema), asked.wish
    root = shapes.read(schema)
    name = str(schema.get("title") or "") if not any("object" in types_of(one) for one in root.variants) else ""
    outcome = Walk(shapes, asked, barred).field(schema, Place(name=name))
    if isinstance(outcome, Unplanned) and _is_list_of_strings(shapes, root.variants):
        outcome = Walk(shapes, asked, barred).field(schema, Place(name="labels"))  # unless they are called otherwise
    if isinstance(outcome, Unplanned):
        raise _unfillable(outcome.fields, schema, wish, reasons)
    if not outcome.roles and barred:
        raise _unfillable(tuple(barred), schema, wish, reasons)
    if not outcome.roles:
        raise UnfillableSchema(
            "No field of the schema asks for anything that a segmentation tells",
            "Ask for a list of objects with fields such as label, mask_url, xywh, score, area",
            ("root",),
        )
    return outcome


def _is_list_of_strings(shapes: Shapes, variants: Sequence[Schema]) -> bool:
    return any(is_only(one, "array") and is_only(shapes.first(one.get("items")), "string") for one in variants)


def _unfillable(fields: tuple[str, ...], schema: Schema, wish: Wish, reasons: Mapping[str, str]) -> UnfillableSchema:
    """reasons: of fields whose limits allow nothing of what can be found."""
    names = tuple(dict.fromkeys(path or "root" for path in fields))
    lists = {path: members for path in names if (members := _members_at(path, schema))}
    unfit = {path: unlike for path, members in lists.items() if (unlike := texts.unlike(members, wish.names))}
    if set(unfit) == set(names):
        path, unlike = next(iter(unfit.items()))
        return UnfillableSchema(
            f"No member of the enum of {', '.join(names)} means {' or '.join(repr(name) for name in unlike)}",
            f"Add one that does, or 'other', or ask for {' or '.join(repr(str(one)) for one in lists[path][:8])}",
            names,
        )
    told = {path: reasons.get(path) or reason_at(path, schema, wish.names) for path in names}
    return UnfillableSchema(
        f"Nothing that a segmentation tells goes into these fields of the schema: {with_reasons(names, told)}",
        "Make them optional, leave them out, or use names such as label, mask_url, xywh, score, area, count",
        names,
    )


def _members_at(path: str, schema: Schema) -> tuple[object, ...]:
    """The members of the enum of a label at this path; none where there is something else."""
    name, node = field_at(path, schema)
    if is_only(node, "array"):
        node = Shapes(schema).first(node.get("items", {}))
    return choices(node) or () if texts.is_label(name) else ()
