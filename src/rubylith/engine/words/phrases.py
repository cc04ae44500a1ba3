"""A phrase such as "the largest red car on the left" → its parts. English, rule based."""

from dataclasses import dataclass

from rubylith.domain.errors import InvalidPrompt
from rubylith.engine.words.colours import COLOURS

# words that say nothing of what is meant, words for anything at all, and spellings of one word
NOT_SAID = frozenset(
    """a all an and any area areas at both color colored colour coloured each every image in most of on one only photo
    photograph picture please region regions side some the this that""".split()
)
ANYTHING = frozenset("anything everything item items object objects part parts piece pieces thing things".split())
SPELLINGS = {
    "gray": "grey",
    "purple": "violet",
    "big": "largest",
    "biggest": "largest",
    "tiny": "smallest",
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
SIZES = ("largest", "smallest")
PLACES = ("left", "right", "top", "bottom", "center")
LONGEST = 200  # characters of a phrase


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase says.

    text: as it was given. head: what is named, in lower case; "" for anything of that colour, size or place.
    size: one of SIZES, which leaves one of them. places: of PLACES; before the head they leave the one that is most
    so ("the left car"), after it those in that half of the picture ("cars on the left").
    """

    text: str
    head: str
    colours: tuple[str, ...] = ()
    size: str | None = None
    extreme: str | None = None
    halves: tuple[str, ...] = ()


def read_phrase(text: str) -> Phrase:
    """The parts of a phrase; InvalidPrompt if it says nothing."""
    words = [SPELLINGS.get(word, word) for word in text[:LONGEST].lower().replace("-", " ").split()]
    words = [word.strip(".,;:!?\"'()") for word in words]
    if len(text) > LONGEST or not any(words):
        raise InvalidPrompt(f"The phrase {text[:40]!r} names nothing", f"Give words of 1 to {LONGEST} characters")
    colours = tuple(dict.fromkeys(word for word in words if word in COLOURS))
    size = next((word for word in words if word in SIZES), None)
    head = [word for word in words if word and not _says_how(word)]
    named = [index for index, word in enumerate(words) if word in head or word in ANYTHING]
    last = named[-1] if named else -1
    before = [word for word in words[: max(last, 0)] if word in PLACES]
    after = [word for word in words[last + 1 :] if word in PLACES]
    if not named and after:  # "left" alone
        before, after = after[:1], after[1:]
    return Phrase(
        text,
        " ".join(word for word in head if word not in ANYTHING),
        colours,
        size,
        before[0] if before else None,
        tuple(dict.fromkeys(after)),
    )


def _says_how(word: str) -> bool:
    return word in NOT_SAID or word in COLOURS or word in SIZES or word in PLACES
