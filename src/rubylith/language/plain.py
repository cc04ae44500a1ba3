"""A request as it was typed → plain sentences: lower case, lists in one line, no politeness."""

import re
import unicodedata

from rubylith.language import words

_BULLET = re.compile(r"[:;,.]?\s*\n\s*(?:[-*•\u2013]|\(?\d{1,2}[.)])\s+|[:;,]?\s+\(?\d{1,2}\)\s+")
_LINES_OF_A_LIST = re.compile(r": ?\n((?:[^\n:.!?]{1,60}(?:\n|$))+)")
_WRAPPED = re.compile(
    r"(?<=[,&])\s*\n\s*|(?<=\band|.\bor|.\bof|\bthe)\s*\n\s*|\s*\n\s*(?=(?:and|or|but|in|from|with)\b)"
)
_ABBREVIATION = re.compile(rf"\b(?:{words.ABBREVIATIONS})\.|\b(?:[a-z]\.){{2,}}|(?<![\w'])[a-z]\.(?=\s\w+\b(?!\.))")
_AND_SO_ON = re.compile(rf"[\s,;]?\s?(?:\band\s+|\bor\s+)?\b(?:{words.AND_SO_ON})(?:\.|\b)")
_HEADING = re.compile(rf"(?:^|(?<=\n))\s*(?:{words.HEADINGS})\s*:\s*")
_IS = re.compile(r"\b(there|here|that|it|what|where|who|which)'s\b")
_CLUSTER = "\u200d\u20e3\ufe0e\ufe0f"  # joins emoji, or says how they are drawn
_DOT = "\ue000"  # one that ends no sentence


def sentences_of(text: str) -> tuple[str, ...]:
    """The sentences of a request, in order, without their ends; none of them is blank."""
    rows = (" ".join(row.split()) for row in without_symbols(text).replace("\u2019", "'").lower().splitlines())
    plain = _IS.sub(r"\1 is", "\n".join(row for row in rows if row))
    plain = re.sub(r"(?<=\w) +(?:[-=]*>|[\u2192|]|[-\u2013\u2014]) +", ", ", plain)
    plain = re.sub(r"[,;](?:\s*[,;])+", ",", plain)
    plain = re.sub(r"\b(is|are|do|does)n't\b", r"\1 not", plain)
    plain = _LINES_OF_A_LIST.sub(_in_one_line, _HEADING.sub("", _BULLET.sub(", ", plain)))
    plain = re.sub(r"\bhalf (?:a )?dozen\b", "6", plain)
    plain = re.sub(words.WOULD_LIKE, "want ", plain)
    for pattern in words.POLITE:
        plain = re.sub(pattern, " ", plain)
    plain = re.sub(r"\(([^()]{0,200})\)", r", \1,", plain)
    plain = _AND_SO_ON.sub(", ", _WRAPPED.sub(" ", plain))
    plain = _ABBREVIATION.sub(lambda found: found[0].replace(".", _DOT), plain)
    pieces = re.split(r"[.!?]+(?:\s|$)|[.!?]*\s*\n\s*", plain)
    tidy = [
        re.sub(r"\s+([,;:])", r"\1", re.sub(r"\s+", " ", piece)).strip(" ,;-\u2013").replace(_DOT, ".")
        for piece in pieces
    ]
    return tuple(piece for piece in tidy if re.search(r"\w", piece))


def without_symbols(text: str) -> str:
    """The text without emoji and other symbols that stand for no word."""
    return "".join(
        " " if (unicodedata.category(one) in {"So", "Sk"} and one not in "`^") or one in _CLUSTER else one
        for one in text
    )


def _in_one_line(found: re.Match[str]) -> str:
    """Lines below a colon are a list, up to one that begins with a verb of ours."""
    lines = [line.strip() for line in found[1].strip().split("\n")]
    end = next((n for n, line in enumerate(lines) if line.partition(" ")[0] in words.ALL_VERBS), len(lines))
    return ": " + ", ".join(line for line in lines[:end] if line) + "\n" + "\n".join(lines[end:])
