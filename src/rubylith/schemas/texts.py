"""Fields that hold words: labels, descriptions, and what is always the same."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from rubylith.language.nouns import plural
from rubylith.schemas.boxes import centroid_of
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Field, Level, Role, called
from rubylith.schemas.names import says, synonyms, words_of
from rubylith.schemas.results import MISSING, Found, Scope, Value
from rubylith.schemas.shapes import choices, is_only, plain, takes_strings

LABELS = ("label name class class_name category category_name object object_name concept tag entity kind type title "
          "species label_name object_type object_class")  # fmt: skip
OTHERS = ("other", "others", "unknown", "object", "misc", "miscellaneous", "none of the above")


def label(field: Field, asked: Asked) -> Value | None:
    """The concept; of the whole picture all of them; a member of an enum that means it."""
    schema = field.schema
    if choices(schema) is not None:
        return _member(schema, asked)
    if not takes_strings(schema):
        return None
    if field.level is Level.IMAGE:
        return lambda scope: ", ".join(scope.labels) if scope.labels else MISSING
    return lambda scope: MISSING if scope.label is None else scope.label


def forms_of(members: Iterable[object]) -> dict[str, str]:
    """The members of an enum by their plain forms."""
    return {plain(one): one for one in members if isinstance(one, str)}


def member_of(members: Mapping[str, str], name: str) -> object:
    """The member of an enum, by plain form, that means this label, else the one for all others; MISSING for none."""
    forms = (plain(name), plain(plural(name)), *OTHERS)
    return next((members[form] for form in forms if form in members), MISSING)


def unlike(members: tuple[object, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that no member of an enum means."""
    forms = forms_of(members)
    return tuple(name for name in names if member_of(forms, name) is MISSING)


def is_label(name: str) -> bool:
    """True for what a field is called that holds the label of a result."""
    return says(words_of(name), synonyms(LABELS), ())


def named_members(schema: Schema) -> tuple[str, ...]:
    """The members of an enum that name something to look for."""
    members = [plain(one) for one in choices(schema) or () if isinstance(one, str)]
    return tuple(dict.fromkeys(one for one in members if one and one not in {*OTHERS, "background", "none"}))


def description(field: Field, _: Asked) -> Value | None:
    """A sentence about a result, or about all."""
    if not takes_strings(field.schema) or choices(field.schema) is not None:
        return None
    return lambda scope: told(scope.found) if scope.one is None else _described(scope.one, scope)


def told(found: tuple[Found, ...]) -> str:
    """`2 cars and 1 person`, or that there is nothing."""
    counts = [f"{n} {name if n == 1 else plural(name)}" for name, n in Counter(one.label for one in found).items()]
    if not counts:
        return "nothing that was asked for"
    return counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"


def constant(field: Field, asked: Asked) -> Value | None:
    """The file format, the media type, the mode, the model."""
    words, mode = set(field.words), asked.wish.mode.value
    if "model" in words:
        wanted = [asked.model]
    elif words & {"mime", "media", "content"}:
        wanted = ["image/png"]
    elif "format" in words:
        wanted = ["png", "image/png"]
    else:
        wanted = [mode, f"{mode} segmentation", "segmentation", "image segmentation"]
    listed = choices(field.schema)
    if listed is None:
        return (lambda _: wanted[0]) if takes_strings(field.schema) else None
    members = forms_of(listed)
    meant = next((members[plain(one)] for one in wanted if plain(one) in members), None)
    return None if meant is None else lambda _: meant


def _member(schema: Schema, asked: Asked) -> Value | None:
    members = forms_of(choices(schema) or ())
    if not is_only(schema, "string") or any(member_of(members, name) is MISSING for name in asked.concepts):
        return None

    def value(scope: Scope) -> object:
        name = scope.label if scope.label is not None else next(iter(scope.labels), None)
        return MISSING if name is None else member_of(members, name)

    return value


def _described(one: Found, scope: Scope) -> str:
    size = scope.facts.size
    x, y = centroid_of(one)
    across = "left" if x < size.width / 3 else "right" if x > 2 * size.width / 3 else ""
    down = "upper" if y < size.height / 3 else "lower" if y > 2 * size.height / 3 else ""
    where = " ".join(part for part in (down, across) if part) or "centre"
    share = 100 * one.rle.area / size.area
    side = "" if where == "centre" or (down and across) else " part" if down else " side"
    return f"{one.label} covering {share:.1f}% of the image at the {where}{side}"


_A = r"(?:the|a|an|this|short|plain|human[- ]readable|readable|semantic|english|detected|segmented|predicted|main)"
LABEL = Role(
    called(LABELS),
    re.compile(  # at the start: `licence plate, beside the object label` is another thing
        rf"(?:^|[.;:(]\s*)(?:{_A} )*(?:(?:name|label|class|category) of (?:the|this|each|an?) "
        r"(?:(?:segmented|detected) )?(?:object|region|class|segment|instance)\b|"
        r"(?:object|class|category|region|segment|instance) (?:label|name|category|class)\b)"
    ),
    label,
    of_instances=False,
)
DESCRIPTION = Role(called("description caption summary explanation"), None, description, of_instances=False)
CONSTANT = Role(
    called("format mime_type media_type content_type mode task model model_name image_format mask_format file_format "
           "segmentation_mode task_type segmentation_type"),
    None,
    constant,
    of_instances=False,
)  # fmt: skip
