"""A list of noun phrases → concepts: `the dog and the two cats` → dog; cat, the best two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rubylith.domain.errors import InvalidPrompt
from rubylith.language import Concept, words
from rubylith.language.heads import end_of_head
from rubylith.language.nouns import PAIRED, is_plural, singular

MAX_CONCEPTS = 32
SEEN_AHEAD = 60  # characters in which a noun follows its adjectives

_LIKE = re.compile(
    r"[,:]?\s*(?:\b(?:such as|including|namely|for example|for instance|specifically|like)\b|\be\.g\.|\bi\.e\.)[,:]?\s*"
)
_SPLIT = re.compile(
    r"\s*(?:[,;&/:]|\band\b|\bor\b|\bplus\b|\bas well as\b|\balong with\b|\btogether with\b|\band also\b)\s*"
)
_CARRIED = re.compile(
    rf"(?:{words.CARRIERS}\s+(?:of|for|around|on|over|surrounding|belonging to|covering)|"
    r"(?:objects?|things?|items?|instances?) of (?:the )?(?:type|class|kind|category))\s+(?=\S)"
)
_PAIRS = re.compile(r"(?:pairs?|couple)\s+of\s+")
_EDGES = " \t\n,.!?;:()[]{}\"'`*"


@dataclass(frozen=True, slots=True)
class _Stripped:
    """A noun phrase without what stands before its adjectives. article: it was introduced by a, an or one."""

    phrase: str
    number: int | None
    article: bool


def concepts_of(list_: str) -> tuple[Concept, ...]:
    """The concepts in a list of noun phrases, in lower case; those that mean anything at all are left out.

    InvalidPrompt for more than MAX_CONCEPTS.
    """
    pieces = _pieces(_LIKE.sub(", ", list_))
    return merged([concept for piece in pieces if (concept := _concept(piece)) is not None])


def bare(phrase: str) -> str:
    """A noun phrase without articles, numbers and the like, such as `living room` of `the living room`."""
    return _stripped(phrase).phrase


def one(phrase: str) -> str:
    """The phrase with its head noun in the singular: `people in red shirts` → `person in red shirts`."""
    tokens = phrase.split()
    end = end_of_head(tokens)
    if not end:
        return ""
    head, before = tokens[end - 1], tokens[end - 2] if end > 1 else ""
    tokens[end - 1] = "glass" if head == "glasses" and before in words.DRINKING else singular(head)
    return " ".join(tokens)


def merged(concepts: Sequence[Concept]) -> tuple[Concept, ...]:
    """Each name once, with the larger limit. InvalidPrompt for more than MAX_CONCEPTS."""
    limits: dict[str, int | None] = {}
    for concept in concepts:
        known = limits.get(concept.name, 0)
        limits[concept.name] = None if concept.limit is None or known is None else max(known, concept.limit)
    if len(limits) > MAX_CONCEPTS:
        raise InvalidPrompt(f"The text names {len(limits)} things", f"Name at most {MAX_CONCEPTS} in one request")
    return tuple(Concept(name, limit) for name, limit in limits.items())


def _pieces(list_: str) -> list[str]:
    """Split where lists are split, but not between two adjectives before one noun."""
    pieces: list[str] = []
    start = 0
    for joint in _SPLIT.finditer(list_):
        before = list_[start : joint.start()].split()
        after = re.findall(r"[\w'-]+", list_[joint.end() : joint.end() + SEEN_AHEAD])
        between = bool(before) and before[-1] in words.ADJECTIVES and bool(after) and after[0] in words.ADJECTIVES
        if between and any(word not in words.ADJECTIVES for word in after):
            continue
        pieces.append(list_[start : joint.start()])
        start = joint.end()
    return [*pieces, list_[start:]]


def _concept(piece: str) -> Concept | None:
    """What a noun phrase names; None if that is nothing in particular."""
    stripped = _stripped(piece)
    number, article = stripped.number, stripped.article
    while (carried := _CARRIED.match(stripped.phrase)) is not None:
        stripped = _stripped(stripped.phrase[carried.end() :])
        number, article = stripped.number, stripped.article
    phrase = stripped.phrase
    if (pairs := _PAIRS.match(phrase)) is not None:
        phrase = phrase[pairs.end() :]
        number = (number or 1) * (1 if phrase.rpartition(" ")[2] in PAIRED else 2)
    name = one(phrase)
    if not name or _is_anything(name):
        return None
    tokens = phrase.split()
    if number is None and article and not is_plural(tokens[end_of_head(tokens) - 1]):
        number = 1
    return Concept(name, number)


def _stripped(phrase: str) -> _Stripped:
    number: int | None = None
    article = everyone = False
    tokens = phrase.strip(_EDGES).split()
    while tokens:
        token = tokens[0]
        if token.isdecimal() or token in words.NUMBERS:
            if len(tokens) == 1:
                break
            number = min(int(token), 10_000) if token.isdecimal() and len(token) < 6 else words.NUMBERS.get(token, 1)
            number = max(number, 1)
        elif token not in words.DETERMINERS:
            break
        article = article or token in {"a", "an", "one"}
        everyone = everyone or token in words.EVERYONE
        del tokens[0]
    while tokens and tokens[-1] in words.AFTERTHOUGHTS:
        del tokens[-1]
    return _Stripped(" ".join(tokens), None if everyone else number, article and not everyone)


def _is_anything(name: str) -> bool:
    """True for `object`, `visible thing on the table` and the like; `red object` says which."""
    tokens = name.split()
    head = tokens[: end_of_head(tokens)]
    return len(head) == 1 and head[0] in words.GENERIC
