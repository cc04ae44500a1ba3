"""Where a list of noun phrases is parted, in a request as in a line of phrases: the one rule for every door."""

import re

from rubylith.language import words

SEEN_AHEAD = 60  # characters in which a noun follows its adjectives

JOINT = (  # `AT&T` and `A/C` are one word
    r"(?:[,;:|]|(?<!\b\w)[&/+](?!\w\b)|\band(?: also)?\b|\bor\b|\bplus\b|\bas well as\b|\balong with\b|"
    r"\btogether with\b)"
)
SPLIT = re.compile(rf"\s*{JOINT}\s*", re.IGNORECASE)
_OPPOSITES = re.compile(  # the left and the right hand are two
    rf"\b(?P<one>{words.OPPOSITES})\s+(?:and|or)\s+(?:the\s+)?(?P<other>{words.OPPOSITES})\s+"
    rf"(?P<noun>(?!of\b)[^,;&/]+?)(?=\s*(?:[,;&/]|\band\b|\bor\b|$))",
    re.IGNORECASE,
)
_ONE_THING = re.compile(rf"\b(?:{words.ONE_THING})\b|\bbetween\s[^,;]+?\sand\b", re.IGNORECASE)
_NO_END = "".join(rf"(?<!\b{title})" for title in words.TITLES)
_ENDS = re.compile(rf"[,;\n]|{_NO_END}(?<!\b[a-z])\.(?!(?<=\d\.)\d)", re.IGNORECASE)


def phrases_in(line: str) -> tuple[str, ...]:
    """The phrases in one string, as they were worded: `Dog and cat, red cup`. Perhaps none.

    Commas, semicolons, full stops and line breaks always part them; `and`, `&`, `/` and the like do as in a request.
    """
    parted = [piece.strip() for part in _ENDS.split(line) for piece in pieces(apart(part))]
    return tuple(piece for piece in parted if piece)


def apart(list_: str) -> str:
    """The list with what shares a noun put apart: `left and right hand` → `left hand, right hand`."""
    return _OPPOSITES.sub(r"\g<one> \g<noun>, \g<other> \g<noun>", list_)


def pieces(list_: str) -> list[str]:
    """Split where lists are split, but not between two adjectives of one noun, nor inside of what is one thing."""
    whole = [found.span() for found in _ONE_THING.finditer(list_)]
    parted: list[str] = []
    start = 0
    for joint in SPLIT.finditer(list_):
        before = list_[start : joint.start()].lower().split()
        after = re.findall(r"[\w'-]+", list_[joint.end() : joint.end() + SEEN_AHEAD].lower())
        between = bool(before) and before[-1] in words.ADJECTIVES and bool(after) and after[0] in words.ADJECTIVES
        says_noun = {"is", "are"} & set(before) or not words.ADJECTIVES.issuperset(set(after) - {"and", "or"})
        if (between and says_noun) or any(first <= joint.start() and joint.end() <= last + 1 for first, last in whole):
            continue
        parted.append(list_[start : joint.start()])
        start = joint.end()
    return [*parted, list_[start:]]
