"""One sentence → what it asks for: what follows its verb, and what of that it leaves out."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from rubylith.language import modes, phrases, words
from rubylith.language.cuts import LEFT_OUT, divided, kept, without_exception
from rubylith.language.nouns import is_plural

SHORT_REQUEST, SHORT_PIECE = 4, 3  # words of a request without a verb, and of each piece of a list without one
LIKE_A_VERB, SHORTEST_MISTYPED = 0.83, 6  # similarity of a mistyped verb, and its letters
LONGEST_PHRASE = 12  # words before `to be segmented`

_OPENER = "|".join(words.OPENERS)
_IMPERATIVE = re.compile(
    rf"(?:^|[,;:]\s*|\b(?:{_OPENER})\s+)(?P<verb>{words.VERB})(?P<ing>(?<=g)ging|(?<=t)ting|ing)?\b(?!')(?!\s*-)"
)
_QUESTION = re.compile(rf"(?:^|[,;:]\s*|\b(?:and|me|know|see|tell)\s+)(?:{words.QUESTIONS})\b")
_INSTEAD = re.compile(rf"[,;]\s*(?:(?:but|and|please)\s+)*(?:only|just|{words.VERB})\b\s*")
_ABOUT_US = re.compile(r"(?:how (?:do|does|can|should|to|much)|why|when|what (?:models?|formats?|languages?))\b")
_ANYWHERE = re.compile(rf"\b(?:{'|'.join(words.CLEAR_VERBS)})\b")
_SEGMENTATION_OF = re.compile(
    r"\b(?:semantic|instance|panoptic|image|object)\s+segmentation(?:\s+(?:masks?|maps?|labels?))?\b"
    r"(?:\s+(?:of|for|on)\b)?"
)
_MASKS_OF = re.compile(
    r"\b(?:segmentation|detection|localisation|localization|recognition|masks?|outlines?|cut-?outs?)"
    r"(?:\s+(?:masks?|maps?))?\s+(?:of|for)\b"
)
_PASSIVE = re.compile(
    rf"^(?P<what>.+?)\s+(?:(?:should|must|to|need to|have to|can|could|shall)\s+)+be\s+(?:{words.DONE})"
)
_FOR_EACH = re.compile(rf"^for (?P<what>(?:each|every|all|any)\b[^,]+?),?\s+(?:{words.FETCHING_VERB})\b")
_BY_CLASS = re.compile(
    r"\b(?:semantically|panoptically|(?:per|by)[- ](?:class|category|instance|object))\b"
    r"|\b(?:in|with|using|as)\s+(?:semantic|panoptic|instance)\b(?:\s+(?:mode|segmentation))?"
    r"|(?<=\w )(?:semantic|panoptic)(?: mode)?$"
)
_BARE = re.compile(r"\W*(?:(?:semantic|instance|panoptic)\s*(?:mode|masks?|map|labels?|segmentation)?)?\W*")
_AFTER_VERB = re.compile(r"[\s,:-]*(?:(?:out|at|to|off|up|me|us)\b[\s:,-]*)*")


@dataclass(frozen=True, slots=True)
class Request:
    """wanted: noun phrases; "" for a verb without any; None if only something is left out. before: the verb."""

    wanted: str | None
    unwanted: str = ""
    before: str = ""


def request_in(sentence: str, *, follows: bool = False) -> Request | None:
    """What a sentence asks for; None if it has no verb of ours. follows: another sentence has asked before.

    What follows a request and only fetches (`Return a list`) asks for nothing new, unless it says whose masks.
    """
    sentence = _BY_CLASS.sub(" ", modes.without_denied(sentence)).strip()
    left_out = LEFT_OUT.match(sentence)
    if left_out is not None:
        unwanted, instead = (*_INSTEAD.split(sentence[left_out.end() :], maxsplit=1), "")[:2]
        return Request(kept(instead) or None, kept(unwanted))
    each = _FOR_EACH.match(sentence)
    if each is not None:
        return Request(*divided(each["what"]))
    passive = _PASSIVE.match(sentence)
    if passive is not None and len(passive["what"].split()) <= LONGEST_PHRASE and not _IMPERATIVE.match(sentence):
        return Request(*divided(passive["what"]))
    if _ABOUT_US.match(sentence):
        return None
    found = (
        _SEGMENTATION_OF.search(sentence)
        or modes.CLASSIFY.search(sentence)
        or _imperative(sentence)
        or _QUESTION.search(sentence)
        or _MASKS_OF.search(sentence)
        or _ANYWHERE.search(sentence)
        or _mistyped(sentence)
    )
    if found is None:
        return None
    after = sentence[found.end() :]
    after = after[_AFTER_VERB.match(after).end() :]  # pyright: ignore[reportOptionalMemberAccess]
    verb = found.groupdict().get("verb") or ""
    if verb in words.FETCHING:
        after, is_carried = phrases.uncarried(after, draws=verb in words.DRAWING, fetches=True)
        if follows and not is_carried:
            return None
    wanted, unwanted = divided(after)
    wanted = phrases.unmasked(wanted) if verb in words.FETCHING else wanted
    before = sentence[: found.start()]
    unwanted = f"{unwanted}, {without_exception(before)}".strip(" ,")
    return Request(wanted, unwanted, before)


def short_list(sentence: str) -> Request | None:
    """A sentence without a verb that is a few nouns; None for anything else."""
    sentence = _BY_CLASS.sub(" ", modes.without_denied(sentence)).strip(" ,")
    if _BARE.fullmatch(sentence):
        return Request("")
    wanted, unwanted = divided(sentence)
    if not wanted or words.SENTENCE_WORDS & set(re.findall(r"[\w']+", wanted)):
        return None
    pieces = re.split(r"\s*(?:,|;|\band\b|\bor\b)\s*", wanted)
    wanted = phrases.unmasked(wanted)
    is_short = len(phrases.bare(wanted).split()) <= SHORT_REQUEST or (
        len(pieces) > 1 and all(0 < len(piece.split()) <= SHORT_PIECE for piece in pieces)
    )
    carried = phrases.uncarried(wanted)
    return Request(carried[0], unwanted) if is_short or carried[1] else None


def _imperative(sentence: str) -> re.Match[str] | None:
    """The first verb where a verb may stand, or in `I need help: segment the car` the one that says with what."""
    verbs = [
        found
        for found in _IMPERATIVE.finditer(sentence)
        if not _is_noun(found["verb"], found["ing"], sentence[found.end() :].split())
    ]
    told = [found for found in verbs if found[0][0] in ":;" and found["verb"] in words.SEEKING]
    return next(iter(told if verbs and verbs[0]["verb"] in words.FETCHING and told else verbs), None)


def _is_noun(verb: str, ing: str | None, follows: list[str]) -> bool:
    """True for what looks like a verb and is a thing: `box on the table`, `box truck`, `running shoes`."""
    if verb not in words.NOUNS_TOO or ing:
        return verb in words.NOUNS_TOO
    if not follows:
        return verb in words.NOUNS_FIRST
    if follows[0] in words.TAILS:
        return follows[0] not in {"to", "at"}
    is_singular = len(follows) == 1 and follows[0] not in words.DETERMINERS and not is_plural(follows[0])
    return verb in words.NOUNS_FIRST and is_singular


def _mistyped(sentence: str) -> re.Match[str] | None:
    """`segmet the cat`; also verbs of other languages that look like ours, whose nouns are then unknown words."""
    first, second, *_ = (*sentence.split(" ", 2), "", "")
    if len(first) < SHORTEST_MISTYPED or not second:
        return None
    is_like = second in words.DETERMINERS or second in words.NUMBERS or first.startswith("segm")
    is_verb = first.startswith("segment") or any(
        SequenceMatcher(None, first, verb).ratio() >= LIKE_A_VERB
        for verb in words.SEEKING
        if len(verb) >= SHORTEST_MISTYPED
    )
    return re.match(r"\S+\s+", sentence) if is_like and is_verb else None
