"""Names of properties as words: `bounding_box`, `boundingBox` and `bounding-boxes` say the same."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rubylith.language.nouns import singular

Words = tuple[str, ...]

MAX_NAME = 80  # characters
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
NEUTRAL = frozenset(  # words that change nothing in the meaning of a name
    "object instance segment region item detected predicted mask image png pixel main primary best target semantic "
    "class segmented segmentation detection the".split()
)
COLLECTIVE = NEUTRAL | frozenset(  # words that name a collection without saying of what
    "result annotation prediction shape entity thing element finding output answer response data list all group "
    "category label polygon box bbox point contour file link url entry record row node child part area found keypoint "
    "rle match hit sample component content detail set array collection value outline boundary layer info score "
    "confidence count xywh xyxy bounding cluster summary visible present identified extracted requested scene picture "
    "photo frame".split()
)
CHOOSING = frozenset(  # words that say which of several results is meant
    "largest biggest smallest tiniest leftmost rightmost topmost uppermost highest bottommost lowermost lowest left "
    "right top upper bottom lower".split()
)


def words_of(name: str) -> Words:
    """The words of a name in lower case, the last one in the singular; none for what is too long to be a name."""
    return _remembered(name) if len(name) <= MAX_NAME else ()


def _read(name: str) -> Words:
    found = [word.lower() for word in _WORD.findall(name)]
    return (*found[:-1], singular(found[-1])) if found else ()


_remembered = lru_cache(4096)(_read)  # names come from callers: only so many are kept


def synonyms(names: str) -> frozenset[Words]:
    """Names, separated by spaces, as words."""
    return frozenset(words_of(name) for name in names.split())


def says(words: Words, one_of: Iterable[Words], concepts: Sequence[str]) -> bool:
    """True if a name is one of these, or one of these with words that are neutral or name a concept."""
    idle = NEUTRAL | {word for concept in concepts for word in words_of(concept)}
    for synonym in one_of:
        length = len(synonym)
        for start in range(len(words) - length + 1):
            rest = words[:start] + words[start + length :]
            if words[start : start + length] == synonym and idle.issuperset(rest):
                return True
    return False


def concept_named(words: Words, concepts: Sequence[str]) -> str | None:
    """The concept a name is about: `cars`, `detected_cars`, `largest_car`; `dog` for a lone `black and white dog`."""
    told = tuple(word for word in words if word not in NEUTRAL)
    exact = [concept for concept in concepts if words_of(concept) in {words, told}]
    if exact:
        return exact[0]
    chosen = tuple(word for word in told if word not in CHOOSING)
    if chosen and chosen != told:
        return concept_named(chosen, concepts)
    heads = [concept for concept in concepts if told and words_of(concept)[-1:] == told]
    return heads[0] if len(heads) == 1 else None


def is_collective(words: Words) -> bool:
    """True for names such as `segmentations`, which say nothing about what is collected."""
    return COLLECTIVE.issuperset(word for word in words if word not in CHOOSING)
