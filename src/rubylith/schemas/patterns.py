"""Patterns of a caller's schema, matched in time that is linear in the text: by Rust's regex, which pydantic brings.

It has no look-around and no back-references. Look-aheads right after a `^`, such as pydantic writes for a Decimal, are
matched as patterns of their own: `^(?!A)B` is B at the start where A is not.
"""

import re
from collections.abc import Iterator

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from rubylith.domain.errors import InvalidSchema

MAX_LENGTH, MAX_WEIGHT = 500, 2000
MAX_WORK = 8_000_000  # weight times characters, some 40 ms at worst
_WIDE = 4  # classes of Unicode take the most room: \w 20 kB each
_PIECE = re.compile(r"\\[pPxu]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_IN_CLASS = re.compile(r"\\[pPxu]\{[^}]*\}|\\.|.", re.DOTALL)
_CLASS = re.compile(r"\\[wWdDsSpP]")


class Pattern(str):
    """A pattern that is ready to match, and still the string that stands in the schema.

    weight: how many steps it takes with every repetition written out; InvalidSchema if that is more than `most`, or if
    it cannot be matched in linear time.
    """

    __slots__ = ("_tests", "weight")

    def __new__(cls, pattern: str, most: int = MAX_WEIGHT) -> "Pattern":
        """Compiled once."""
        made = super().__new__(cls, pattern)
        pieces = _PIECE.findall(pattern[: MAX_LENGTH + 1])
        made.weight = _weight(pieces)
        if len(pattern) > MAX_LENGTH or made.weight > most:
            raise InvalidSchema(
                f"The pattern {pattern[:60]!r} is too long, or the patterns together are",
                f"Use patterns of at most {MAX_LENGTH} characters and {MAX_WEIGHT} in all, repetitions written out",
            )
        made._tests = tuple((_compiled(part, pattern), wanted) for part, wanted in _parts(pieces))
        return made

    def matches(self, text: str) -> bool:
        """True if it occurs in the text; False for a text that is too long for it."""
        if len(text) * self.weight > MAX_WORK:
            return False
        return all(_occurs(test, text) is wanted for test, wanted in self._tests)


def _occurs(test: SchemaValidator, text: str) -> bool:
    try:
        test.validate_python(text)
    except ValidationError:
        return False
    return True


def _compiled(part: str, pattern: str) -> SchemaValidator:
    if re.search(r"\(\?[a-zA-Z-]*x", part):
        raise InvalidSchema(f"The pattern {pattern[:60]!r} has a flag that is not understood", "Use no (?x)")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=part, regex_engine="rust-regex"))
    except SchemaError as error:
        reason = str(error).rpartition("error: ")[2].strip()
        raise InvalidSchema(
            f"The pattern {pattern[:60]!r} cannot be matched: {reason[:200]}",
            "Use no look-around, no back-references and no escapes but those of ECMA-262",
        ) from None


def _parts(pieces: list[str]) -> Iterator[tuple[str, bool]]:
    """What must occur, or must not: look-aheads at the start, and the rest."""
    rest = list(pieces)
    if pieces[:1] == ["^"] and pieces[1:3] == ["(", "?"] and "|" not in _outside_of_groups(pieces):
        rest = pieces[1:]
        while rest[:2] == ["(", "?"] and rest[2:3] in (["="], ["!"]):
            end = _end_of_group(rest)
            yield f"^(?:{_written(rest[3:end])})", rest[2] == "="
            rest = rest[end + 1 :]
        rest = ["^", "(?:", *rest, ")"]
    yield _written(rest), True


def _outside_of_groups(pieces: list[str]) -> Iterator[str]:
    depth = 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            yield piece


def _end_of_group(pieces: list[str]) -> int:
    """Where the group ends that begins here."""
    depth = 0
    for place, piece in enumerate(pieces):
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            return place
    return len(pieces)


def _weight(pieces: list[str]) -> int:
    """How many steps the pattern has with every repetition written out."""
    total, last = 0, 0
    before: list[int] = []  # the totals in front of the groups that are open
    for piece in pieces:
        counted = _COUNTED.fullmatch(piece)
        if piece == "(":
            before.append(total)
            total = last = 0
        elif piece == ")" and before:
            last, total = total, before.pop() + total
        elif counted is not None:
            times = max(int(counted[1]), int(counted[2] or 0), 1)
            total, last = total + last * (times - 1), last * times
        elif piece not in {"*", "+", "?"}:
            last = _WIDE if _CLASS.search(piece) else 1
            total += last
    return total + sum(before)


def _written(pieces: list[str]) -> str:
    return "".join(_class(piece) if len(piece) > 1 and piece[0] == "[" else piece for piece in pieces)


def _class(piece: str) -> str:
    """A class of characters without the set operations that only Rust reads into it."""
    start = "[^" if piece.startswith("[^") else "["
    members: list[str] = _IN_CLASS.findall(piece[len(start) : -1])
    written = list(members)
    for place, member in enumerate(members):
        beside = (*members[max(place - 1, 0) : place], *members[place + 1 : place + 2])
        stands_alone = len(beside) < 2 or any(_CLASS.match(one) or one == "-" for one in beside)
        if member in {"[", "]", "&", "~"} or (member == "-" and stands_alone):
            written[place] = f"\\{member}"
    return f"{start}{''.join(written)}]"
