"""A noun phrase → its head (`old man`) and the tail that says which of them (`next to the red car`)."""

from collections.abc import Sequence

from rubylith.language import words
from rubylith.language.nouns import is_plural, singular


def parted(phrase: str) -> tuple[str, str]:
    """Head and tail of a phrase that begins with no determiner; the tail is empty for most."""
    tokens = phrase.split()
    end = end_of_head(tokens)
    return " ".join(tokens[:end]), " ".join(tokens[end:])


def end_of_head(tokens: Sequence[str]) -> int:
    """How many words a phrase has before its tail; the last of them is its head noun."""
    for place in range(1, len(tokens)):
        if _begins_tail(tokens, place):
            return place
    return len(tokens)


def _begins_tail(tokens: Sequence[str], place: int) -> bool:
    before, token = tokens[place - 1], tokens[place]
    follows = tokens[place + 1] if place + 1 < len(tokens) else ""
    if token in words.PARTICIPLES:
        is_open = not follows or follows in words.TAILS or follows in words.DETERMINERS
        return is_open or (token.endswith("ing") and _can_act(before))
    if token in words.TAILS or (token, follows) in words.TAIL_PAIRS:
        return bool(follows)
    if not follows:  # `people smoking`, but `sports clothing`
        return token.endswith("ing") and (
            before in words.ANYBODY or (singular(before) in words.LIVING and is_plural(before))
        )
    return token.endswith("ing") and _can_act(before)


def _can_act(noun: str) -> bool:
    """True for what may be said to do something: `boy playing football`, but `red running shoe`."""
    return singular(noun) in words.LIVING or (is_plural(noun) and noun not in words.TAILS)
