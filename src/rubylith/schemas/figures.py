"""Fields that hold a number or a yes: scores, counts, areas, ids, flags."""

import re
from collections.abc import Callable, Sequence

from rubylith.language.vocabularies import is_amorphous
from rubylith.schemas.fields import Asked, Field, Level, Role, called, spans
from rubylith.schemas.names import NEUTRAL, Words, concept_named, words_of
from rubylith.schemas.results import MISSING, Scope, Value
from rubylith.schemas.shapes import choices, is_numeric, is_whole, plain, takes_strings, types_of

_COUNTING = ({"num"}, {"number", "of"}, {"count"}, {"n"}, {"total"}, {"count", "of"}, {"number"}, {"total", "count"},
             {"total", "number", "of"}, {"amount"}, {"quantity"}, {"num", "of"}, {"no", "of"})  # fmt: skip
_PRESENT = frozenset(("found", "present", "detected", "exists", "exist", "has", "have", "contains", "contain", "is",
                      "are", "any", "visible"))  # fmt: skip
_NUMBER_OF = re.compile(r"\b(?:number of|how many) ")
_IDLE = re.compile(r"(?:(?:the|all|of|these|such|different|distinct|separate|individual|detected|segmented|found|"
                   r"visible|object|instance|total) )*")  # fmt: skip
_COUNTABLE = tuple("objects instances segments detections results masks".split())
_AND = re.compile(r",? (?:and|or|plus|&) |, ")
_END = re.compile(  # what may follow on what is counted; `with open doors` or `per row` would make it something else
    r"\W*$|\s*[.;:()]|,? (?:(?:are|is|were|was) )?(?:there|in|on|found|detected|segmented|visible|present|shown|"
    r"overall|within|across|from|you)\b"
)
_ANYTHING = NEUTRAL | {"detection", "result", "thing", "item", "all", "s"}


def score(field: Field, asked: Asked) -> Value | None:
    """0 to 1, in percent, or one of high, medium, low."""
    schema, listed = field.schema, choices(field.schema)
    if listed is not None:
        levels = {plain(str(one)): one for one in listed if isinstance(one, str)}
        if not {"high", "medium", "low"} <= set(levels):
            return None
        return _scored(lambda s: levels["high" if s >= 0.8 else "medium" if s >= 0.5 else "low"])
    if is_numeric(schema):
        percent = is_whole(schema) or schema.get("maximum") == 100 or _in_percent(field)
        if percent:
            return _scored(lambda s: round(100 * s) if is_whole(schema) else round(100 * s, 2))
        return _scored(lambda s: round(s, 4))
    return _scored(lambda s: f"{s:.4f}") if takes_strings(schema) and SCORE.named(field, asked) else None


def count(field: Field, asked: Asked) -> Value | None:
    """How many results; of one concept, if the name says of which. As text where a count by name must be text."""
    if not is_numeric(field.schema):
        counted = _counting(field, asked) if _counts_in_text(field) else None
        return None if counted is None else lambda scope: str(counted(scope))
    return _counting(field, asked)


def _counts_in_text(field: Field) -> bool:
    by_name = {"count", "num"} & set(field.words) or {"number", "of"} <= set(field.words)
    return bool(by_name) and takes_strings(field.schema) and choices(field.schema) is None


def _counting(field: Field, asked: Asked) -> Callable[[Scope], int] | None:
    told = _told(field.about, asked.concepts)
    if not is_count(field, asked) and (told is None or field.level is Level.INSTANCE or not is_numeric(field.schema)):
        return None
    concept = concept_named(_counted(field.words) or (), asked.concepts)
    if concept is not None:
        return lambda scope: sum(one.label == concept for one in scope.found)
    if told and field.level is Level.IMAGE and told != frozenset(asked.concepts):
        return lambda scope: sum(one.label in told for one in scope.found)
    return lambda scope: len(scope.found)


def is_count(field: Field, asked: Asked) -> bool:
    """`count`, `num_cars`, `number_of_objects`, `total`; of nothing but what was asked for."""
    rest = _counted(field.words)
    return rest is not None and (_ANYTHING.issuperset(rest) or concept_named(rest, asked.concepts) is not None)


def not_asked_for(words: Words, concepts: Sequence[str]) -> str | None:
    """What a name counts, or asks the presence of, where that is nothing that was asked for: cat of `cat_count`."""
    rest = _counted(words)
    if rest is None and set(words) & (_PRESENT - {"is", "are", "any"}):
        rest = tuple(word for word in words if word not in _PRESENT)
    if not rest or _ANYTHING.issuperset(rest) or concept_named(rest, concepts) is not None:
        return None
    return " ".join(rest)


def area(field: Field, _: Asked) -> Value | None:
    """In pixels, as a share of the picture, or in percent."""
    schema = field.schema
    if not is_numeric(schema):
        return None
    if _in_percent(field) and not spans(field.about, 1):
        return _measured(lambda share: round(100 * share) if is_whole(schema) else round(100 * share, 4))
    if is_whole(schema):
        return _pixels
    most = schema.get("maximum")
    if field.has_words(r"fraction|ratio|coverage|relative|normali[sz]ed|proportion|share") or most == 1:
        return _measured(lambda share: round(share, 6))
    return _pixels


def identity(field: Field, _: Asked) -> Value | None:
    """1, 2, 3 in the order of the results, in a list of labels in theirs; an index from 0."""
    start = 0 if field.words[-1:] in {("index",), ("idx",)} else 1
    if field.level is Level.GROUP:
        text = not is_numeric(field.schema)
        return _label_number(start, text=text) if not text or takes_strings(field.schema) else None
    if is_whole(field.schema) or (is_numeric(field.schema) and field.name):
        return lambda scope: MISSING if scope.one is None else scope.one.number - 1 + start
    if takes_strings(field.schema) and choices(field.schema) is None:
        return lambda scope: MISSING if scope.one is None else str(scope.one.number - 1 + start)
    return None


def class_identity(field: Field, _: Asked) -> Value | None:
    """The place of the label among the distinct labels, from 1."""
    if not is_numeric(field.schema):
        return None
    return _label_number(1, text=False)


def flag(field: Field, asked: Asked) -> Value | None:
    """Is it a thing, a crowd, is there any?"""
    words = tuple(w for w in field.words if w != "is")
    joined = "".join(words)
    if joined in {"crowd", "iscrowd"}:
        whole = is_whole(field.schema)
        return (lambda _: 0 if whole else False) if "boolean" in types_of(field.schema) or whole else None
    if "boolean" not in types_of(field.schema):
        return None
    if joined in {"thing", "isthing"}:
        return lambda scope: MISSING if scope.label is None else not is_amorphous(scope.label)
    concept = concept_named(tuple(w for w in field.words if w not in _PRESENT), asked.concepts)
    return lambda scope: any(concept in {None, one.label} for one in scope.found)


def is_flag(field: Field, asked: Asked) -> bool:
    """`is_thing`, `iscrowd`, `found`, `has_cars`, `is_dog_present`; of nothing but what was asked for."""
    if "".join(w for w in field.words if w != "is") in {"crowd", "iscrowd", "thing", "isthing"}:
        return True
    rest = tuple(w for w in field.words if w not in _PRESENT)
    if not set(field.words) & (_PRESENT - {"is", "are", "any"}):
        return False
    return _ANYTHING.issuperset(rest) or concept_named(rest, asked.concepts) is not None


def _counted(words: Words) -> Words | None:
    """What is counted: () for all; None if nothing is. The longest wording is taken."""
    if "per" in words or "id" in words:
        return None
    for counting in sorted(_COUNTING, key=len, reverse=True):
        if counting <= set(words):
            return tuple(word for word in words if word not in counting)
    return None


def _told(about: str, concepts: Sequence[str]) -> frozenset[str] | None:
    """The concepts that a description says are counted, all if it says objects; None if it counts anything else."""
    for told in _NUMBER_OF.finditer(about):
        meant: set[str] = set()
        rest = about[told.end() : told.end() + 300]
        while (head := _head(rest, concepts)) is not None:
            meant |= set(concepts) if head[0] in _COUNTABLE else {head[0]}
            if _END.match(head[1]):
                return frozenset(meant)
            further = _AND.match(head[1])
            if further is None:
                break
            rest = head[1][further.end() :]
    return None


def _head(text: str, concepts: Sequence[str]) -> tuple[str, str] | None:
    """The concept or general noun that a text begins with, and what follows on it."""
    text = text[_IDLE.match(text).end() :]  # pyright: ignore[reportOptionalMemberAccess]
    for meant in (*concepts, *_COUNTABLE):
        length = len(words_of(meant))
        found = re.match(rf"[\w'-]+(?: [\w'-]+){{{length - 1}}}", text) if length else None
        if found and words_of(found[0]) == words_of(meant):
            return meant, text[found.end() :]
    return None


def _label_number(start: int, *, text: bool) -> Value:
    def value(scope: Scope) -> object:
        if scope.label is None:
            return MISSING
        number = scope.facts.labels.index(scope.label) + start
        return str(number) if text else number

    return value


def _in_percent(field: Field) -> bool:
    return field.has_words(r"percent|%") or spans(field.about, 100)


def _scored(write: Callable[[float], object]) -> Value:
    return lambda scope: MISSING if scope.one is None else write(scope.one.score)


def _measured(write: Callable[[float], object]) -> Value:
    return lambda scope: MISSING if scope.one is None else write(scope.one.rle.area / scope.facts.size.area)


def _pixels(scope: Scope) -> object:
    return MISSING if scope.one is None else scope.one.rle.area


SCORE = Role(
    called(
        "score confidence conf probability prob certainty quality iou predicted_iou confidence_score confidence_level"
    ),
    re.compile(
        r"(?:confidence (?:score|level)|(?:detection|segmentation|mask|prediction|model) confidence|"
        r"confidence (?:of|in) (?:the |this )?(?:detection|segmentation|mask|prediction))s?\b"
        r"(?! (?:that|whether|if|about))|"
        r"^confidence(?:[\W\d]|from|to|between|and|in|percent|of|the|this|detection|segmentation|mask|object)*$"
    ),
    score,
)
COUNT = Role(is_count, _NUMBER_OF, count, of_instances=False)
AREA = Role(
    called("area pixels pixel_count num_pixels mask_area area_px coverage area_fraction area_ratio percentage "
           "area_pixels number_of_pixels relative_area coverage_ratio coverage_percentage area_percent "
           "area_percentage"),
    re.compile(r"area of the (?:mask|object|segment)|number of pixels|area in pixels|mask area"),
    area,
)  # fmt: skip
IDENTITY = Role(
    called("id index idx instance_id segment_id object_id instance_index"),
    re.compile(  # at the start, and of nothing else that has one
        r"(?:^|[.;:(]\s*)(?:(?:the|a|an|unique|numeric|integer|sequential|stable|object|instance|segment|mask|detection|"
        r"result) )*identifier\b"
        r"(?! of (?:the|a|an|each|this) (?!(?:\w+ )?(?:object|instance|segment|mask|detection|result|region)))"
    ),
    identity,
)
CLASS_IDENTITY = Role(called("class_id category_id label_id class_index"), None, class_identity)
FLAG = Role(is_flag, None, flag, of_instances=False)
