"""A phrase such as "the largest red car on the left" → its parts. English, rule based."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rubylith.domain.errors import InvalidPrompt
from rubylith.engine.words.colours import COLOURS
from rubylith.language.heads import parted
from rubylith.language.plain import without_symbols
from rubylith.language.words import NUMBERS, SIGN

# words that say nothing of what is meant, words for anything at all, and spellings of one word
NOT_SAID = frozenset(
    """a all an any area areas at both color colored colour coloured couple each every far few image in main many most
    of on one only photo photograph picture please region regions several side some the these this those that various
    very""".split()
)
ANYTHING = frozenset("anything everything item items object objects part parts piece pieces thing things".split())
SPELLINGS = {
    "gray": "grey",
    "purple": "violet",
    "big": "large",
    "huge": "large",
    "little": "small",
    "tiny": "small",
    "bigger": "largest",
    "biggest": "largest",
    "larger": "largest",
    "smaller": "smallest",
    "tiniest": "smallest",
    "leftmost": "left",
    "rightmost": "right",
    "upper": "top",
    "topmost": "top",
    "lower": "bottom",
    "bottommost": "bottom",
    "centre": "center",
    "central": "center",
    "middle": "center",
}
SIZES = ("largest", "smallest", "large", "small")
PLACES = ("left", "right", "top", "bottom", "center")
NEGATIONS = frozenset(
    ("not", "no", "except", "excluding", "but", "never", "neither", "nor", "none", "nobody", "nothing")
)
JOINTS = frozenset(("and", "or"))
BETWEEN_NOUNS = JOINTS | {"a", "an", "the", "all", "every", "each", "any"}
SHADES = frozenset(("light", "dark", "bright", "pale", "deep"))
LONGEST = 200  # characters of a phrase

_EDGES = ".,;:!?\"'()[]{}<>#*~_@|\u2022\u00b7\u2026\u00ab\u00bb\u2018\u2019\u201c\u201d"
_OF_PICTURE = re.compile(
    r"\s(?:in|of|on|from|within|inside) (?:(?:the|this|that|my) )?(?:whole )?"
    r"(?:image|picture|photo|photograph|frame|scene)$"
)
_PLACE = re.compile(  # a tail that says where in the picture
    r"(?:that is |that are |which is |which are )?(?:in|on|at|to|toward|towards|near) (?:the )?(?:very |far |most )?"
    r"(?P<places>(?:(?:left|right|top|bottom|center|and)\b ?)+)(?:hand )?(?:side|half|part|corner|edge|area|region)?"
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase says.

    text: as it was given. head: what is named, in lower case, with whatever else says which; "" for anything of that
    colour, size or place. size: one of SIZES. places: of PLACES; before the noun they leave the one that is most so
    ("the left car"), after it those in that half of the picture ("cars on the left"). count: so many at most, of the
    size, of the place, or the most certain.
    """

    text: str
    head: str
    colours: tuple[str, ...] = ()
    size: str | None = None
    extreme: str | None = None
    halves: tuple[str, ...] = ()
    count: int | None = None


def read_phrase(text: str, things: Collection[str] = ()) -> Phrase:
    """The parts of a phrase; InvalidPrompt if it says nothing, or only what is not meant.

    things: colours that name a thing too, such as orange, when no other noun follows.
    """
    if len(text) > LONGEST:
        raise InvalidPrompt(
            f"The phrase {text[:40] + '…'!r} is too long: {len(text)} characters", f"Give at most {LONGEST}"
        )
    spoken = [word.strip(_EDGES) for word in re.sub("[-\u2013\u2014]", " ", without_symbols(text.lower())).split()]
    words = [word for word in spoken if any(one.isalnum() for one in word)]
    if not words:
        raise InvalidPrompt(f"The phrase {text!r} names nothing", f"Give words of 1 to {LONGEST} characters")
    count, named = _counted([word for word in _OF_PICTURE.sub("", " ".join(words)).split() if word])
    before, tail = parted(" ".join(named))
    if NEGATIONS & set(SIGN.sub("sign", before).split()):
        raise InvalidPrompt(f"The phrase {text!r} says what is not meant", "Name what is meant")
    place = _PLACE.fullmatch(" ".join(SPELLINGS.get(word, word) for word in tail.split()))
    head = [SPELLINGS.get(word, word) for word in before.split()]
    is_thing = bool(head) and head[-1] in things
    noun, described = (head[-1:], head[:-1]) if is_thing else ([], head)
    nouns = [*_nouns(described), *noun]
    extreme, halves = _places(head, nouns)
    said = [word for word in nouns if word not in ANYTHING] or (["subject"] if "main" in words else [])
    if tail and place is None:
        said = [*nouns, tail]
    return Phrase(
        text,
        " ".join(said),
        tuple(dict.fromkeys(word for word in described if word in COLOURS)),
        next((word for word in described if word in SIZES), None),
        extreme,
        tuple(word for word in place["places"].split() if word in PLACES) if place else halves,
        count,
    )


def _counted(words: list[str]) -> tuple[int | None, list[str]]:
    """The number before a noun, and what follows: `the two largest dogs` → 2, largest dogs."""
    count = None
    for place, word in enumerate(words):
        is_number = word in NUMBERS or (word.isascii() and word.isdecimal() and int(word[:6]) > 0)
        if is_number and place + 1 < len(words):
            count = NUMBERS.get(word) or int(word[:6])
        elif word not in NOT_SAID or place + 1 == len(words):
            return count, words[place:]
    return count, []


def _nouns(words: Sequence[str]) -> list[str]:
    """The words that name something; `and` and articles stay between two of them, since then they say more than one."""
    named: list[str] = []
    for before, word, after in zip(("", *words), words, (*words[1:], ""), strict=False):
        is_between = before in named and word in BETWEEN_NOUNS
        is_joint = word in JOINTS and not is_between
        is_shade = word in SHADES and after in COLOURS
        is_said = not (word in NOT_SAID or word in COLOURS or word in SIZES or word in PLACES or is_joint or is_shade)
        if is_between or is_said:
            named.append(word)
    return named


def _places(head: Sequence[str], nouns: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The place before the noun, and those after it; of places alone the first counts as before."""
    last = max((index for index, word in enumerate(head) if word in nouns), default=-1)
    before = [word for word in head[: max(last, 0)] if word in PLACES]
    after = [word for word in head[last + 1 :] if word in PLACES]
    if last < 0 and after:  # "left" alone
        before, after = after[:1], after[1:]
    return (before[0] if before else None), tuple(dict.fromkeys(after))
