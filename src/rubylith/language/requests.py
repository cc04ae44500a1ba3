"""One sentence → what it asks for: what follows its verb, and what of that it leaves out."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from rubylith.language import heads, modes, phrases, words
from rubylith.language.cuts import LEFT_OUT, divided, kept, without_exception
from rubylith.language.nouns import is_plural

SHORT_REQUEST, SHORT_PIECE = 4, 3  # words of a request without a verb, and of each piece of a list without one
LONGEST_TAIL = 10  # words that say which one is meant: `man in the red shirt holding an umbrella`
LIKE_A_VERB, SHORTEST_MISTYPED = 0.83, 6  # similarity of a mistyped verb, and its letters
LONGEST_PHRASE = 12  # words before `to be segmented`

_OPENER = "|".join(words.OPENERS)
_IMPERATIVE = re.compile(
    rf"(?:^|[,;:]\s*|\b(?:{_OPENER})\s+)(?P<verb>{words.VERB})(?P<ing>(?<=g)ging|(?<=t)ting|ing)?"
    r"\b(?!')(?!\s*-)(?!\s+(?:you|not)\b)"
)
_QUESTION = re.compile(rf"(?:^|[,;:]\s*|\b(?:and|me|know|see|tell|check)\s+)(?:{words.QUESTIONS})\b")
_INSTEAD = re.compile(
    rf"(?:[,;]\s*|\s(?=(?:and|but|then)\b))(?:(?:but|and|then|please)[,\s]+)*(?:only|just|{words.VERB})\b\s*"
)
_ABOUT_US = re.compile(r"(?:how (?:do|does|can|should|to|much)|why|when|what (?:models?|formats?|languages?))\b")
_ANYWHERE = re.compile(rf"\b(?:{'|'.join(words.CLEAR_VERBS)})\b")
_SEGMENTATION_OF = re.compile(
    r"\b(?:(?:semantic|instance|panoptic|image|object)\s+segmentation(?:\s+(?:masks?|maps?|labels?))?\b|"
    r"segmentation(?=\s+(?:of|for|on)\b|:))(?:\s+(?:of|for|on)\b)?"
)
_MASKS_OF = re.compile(
    r"\b(?:segmentation|detection|localisation|localization|recognition|masks?|outlines?|cut-?outs?)"
    r"(?:\s+(?:masks?|maps?))?\s+(?:of|for)\b"
)
_PASSIVE = re.compile(
    rf"^(?P<what>.+?)\s+(?:(?:should|must|to|need to|have to|can|could|shall)\s+)+be\s+(?:{words.DONE})"
)
_PAINTED = re.compile(  # `a mask where the road is white and the rest black`
    r"\bmasks?,?\s+(?:where|in which|with)\s+(?P<what>.{1,100}?)\s+(?:(?:is|are)\s+(?:in\s+)?|in\s+)white\b"
)
_MADE = re.compile(  # what a thing is to become: `make the background transparent`
    r"(?<!\bthe)\s+(?:(?:in)?to |in )?(?:transparent|invisible|blurry|darker|brighter|lighter|bigger|smaller|black|"
    r"white|red|green|blue|yellow|orange|purple|pink|brown|gr[ae]y)$"
)
_FOR_EACH = re.compile(
    rf"^for (?P<what>(?:each|every|all|any)\b(?!\s+(?:{words.IMAGES})\b)[^,]+?),?\s+(?:{words.FETCHING_VERB})\b"
)
_BY_CLASS = re.compile(
    r"\b(?:semantically|panoptically|(?:per|by)[- ](?:class|category|instance|object))\b"
    r"|\b(?:in|with|using|as)\s+(?:semantic|panoptic|instance)\b(?:\s+(?:mode|segmentation))?"
    r"|(?<=\w )(?:semantic|panoptic)(?: mode)?$"
)
_BARE = re.compile(r"\W*(?:(?:semantic|instance|panoptic)\s*(?:mode|masks?|map|labels?|segmentation)?)?\W*")
_AFTER_VERB = re.compile(
    r"[\s,:-]*(?:(?:out|at|to|off|up|me|us|if|whether)\b[\s:,-]*)*(?:there\s+(?:(?:is|are)\s+)?)?"
    rf"(?:{words.THE_PICTURE}\s+(?=(?:into|with|using|by)\b))?(?:(?:into|with|using|by)\s+{words.CLASSES}|into\s+)?"
)
_GOING_ON = re.compile(r"^(?:(?:ok|okay|now|next|and|also|then|finally|(?:what|how) about)\b[\s,]*)+")
_UNKNOWN_VERB = re.compile(
    r"(?P<verb>[a-z]+)(?: out| off| up)?\s+(?=(?:the|all|every|each|any|my|this|these|those|both)\b)"
)


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
    told = _FOR_EACH.match(sentence) or _PAINTED.search(sentence)
    if told is not None:
        return Request(*divided(told["what"]))
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
    before = sentence[: found.start()]
    unwanted = f"{unwanted}, {without_exception(before)}".strip(" ,")
    return Request(_alone(wanted, verb), unwanted, before)


def short_list(sentence: str) -> Request | None:
    """A sentence without a verb that is a few nouns; None for anything else."""
    sentence = _BY_CLASS.sub(" ", modes.without_denied(sentence)).strip(" ,")
    if _BARE.fullmatch(sentence):
        return Request("")
    wanted, unwanted = divided(_without_verb(_GOING_ON.sub("", sentence)))
    if not wanted or _is_said(wanted) or phrases.is_pronoun(wanted):
        return None
    pieces = re.split(r"\s*(?:,|;|\band\b|\bor\b)\s*", wanted)
    wanted = phrases.unmasked(wanted)
    head, tail = (part.split() for part in heads.parted(phrases.bare(wanted)))
    is_short = len(head) <= SHORT_REQUEST and len(tail) <= LONGEST_TAIL
    is_short = is_short or (
        len(pieces) > 1 and all(0 < len(phrases.bare(piece).split()) <= SHORT_PIECE for piece in pieces)
    )
    carried = phrases.uncarried(wanted)
    return Request(carried[0], unwanted) if is_short or carried[1] else None


def _alone(wanted: str, verb: str) -> str:
    """What is wanted, without its mask, what it is to become and what it is taken from."""
    if verb in words.PARTING:
        return wanted.partition(" from ")[0]
    if verb in words.DYEING:
        wanted = _MADE.sub("", wanted)
    return phrases.unmasked(wanted) if verb in words.FETCHING else wanted


def _is_said(sentence: str) -> bool:
    """True for what people say rather than name; `no smoking sign` and `tin can` are things."""
    said = re.findall(r"[\w']+", words.SIGN.sub("sign", sentence))
    return bool(words.SENTENCE_WORDS & set(said)) or said[:1] == ["can"]


def _without_verb(sentence: str) -> str:
    """The sentence without a verb that we do not know: `darken the sky`, `seg the car`."""
    found = _UNKNOWN_VERB.match(sentence)
    if found is None or found["verb"] in words.TAILS | words.DETERMINERS | words.SENTENCE_WORDS:
        return sentence
    return _MADE.sub("", phrases.uncarried(sentence[found.end() :], fetches=True)[0])


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
