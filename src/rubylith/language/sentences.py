"""A request in English → what it asks for.

Made for imperatives (`segment the dog and the two cats`), their polite forms, questions (`how many cars`), `masks of …`
and short lists of nouns. What is read is what follows the verb, up to where the sentence turns to other things.
"""

import re
from collections.abc import Sequence

from rubylith.domain.prompt import Mode
from rubylith.language import Concept, Wish, phrases, vocabularies, words

MAX_CHARACTERS = 8000  # of a request; what comes later says nothing new
SHORT_REQUEST, SHORT_PIECE = 4, 3  # words of a request without a verb, and of each piece of a list without one

_QUOTED = re.compile(
    r"“([^”]{1,200})”|«([^»]{1,200})»|\"([^\"]{1,200})\"|`([^`]{1,200})`|"
    r"(?<!\w)\u2018([^\u2019]{1,200})\u2019|(?<!\w)'((?:[^']|(?<=\w)'(?=\w)){1,200})'(?!\w)"
)
_NAME_OF_A_FIELD = re.compile(r"[_{}\[\]:/\\<>]|^(?:json|png|jpe?g|xywh|xyxy|rle|coco|urls?|masks?|bbox)$")
_BULLET = re.compile(r":?\s*\n\s*(?:[-*•]|\d+[.)])\s+")
_VERB = "|".join(words.VERBS)
_OPENER = "|".join(words.OPENERS)
_IMPERATIVE = re.compile(rf"(?:^|[,;:.!?]\s*|\n\s*|\b(?:{_OPENER})\s+)(?:{_VERB})(?:ing)?\b(?!')")
_QUESTION = re.compile(rf"(?:^|[,;:.!?]\s*)(?:and )?(?:{words.QUESTIONS})\b")
_ANYWHERE = re.compile(rf"\b(?:{'|'.join(words.CLEAR_VERBS)})\b")
_SEGMENTATION_OF = re.compile(
    r"\b(?:semantic|instance|panoptic|image|object)\s+segmentation(?:\s+(?:masks?|maps?|labels?))?\b"
    r"(?:\s+(?:of|for|on)\b)?"
)
_MASKS_OF = re.compile(r"\b(?:segmentation|masks?|outlines?|cut-?outs?)(?:\s+(?:masks?|maps?))?\s+(?:of|for)\b")
_CLASSIFY = re.compile(r"\bclassify\s+(?:(?:every|each|all|the|of)\s+)*pixels?\b(?:\s+(?:as|into|of))?")
_BY_CLASS = re.compile(
    r"\b(?:semantically|panoptically|(?:per|by)[- ](?:class|category|instance|object))\b"
    r"|(?<=\w )(?:semantic|panoptic)(?: mode)?$"
)
_BARE = re.compile(r"\W*(?:(?:semantic|instance|panoptic)\s*(?:mode|masks?|map|labels?)?)?\W*")
_AFTER_VERB = re.compile(r"[\s,:-]*(?:(?:out|at|to|off|up|me|us|for me)\b[\s:,-]*)*")
_PICTURE = rf"(?:(?:{words.POINTERS})\s+)+(?:{words.IMAGES})\b"
_ANSWER = "|".join(words.ANSWERING)
_THEM = r"(?:them|it|those|these|each(?: one)?|all of them|both|their|its|every one)"
_CUT = re.compile(
    "|".join((
        r"[.!?](?=\s|$)",
        r"\n",
        r"\bfrom\s+(?:the|its|their)\s+background\b",
        rf"\b(?:in|on|from|of|within|inside|across|throughout|for)\s+{_PICTURE}",
        rf"(?:,\s*)?\b(?:and|then)\s+(?:(?:then|also)\s+)?(?:{_ANSWER})\b",
        rf",\s*(?:{_ANSWER})\b",
        rf"(?:,\s*)?\b(?:and|then)\s+(?:{_VERB})(?:\s+out)?(?:\s+{_THEM}\b|\s*$)",
        rf"\bwith\s+(?:(?:{words.ADORNMENTS})\s+)*(?:masks?|box(?:es)?|bboxes|labels?|scores?|polygons?|urls?|ids?)\b",
        r"\b(?:using|via|by means of)\b",
        r"\bas\s+(?:a\s+|an\s+)?(?:json|png|masks?|polygons?|separate|individual|rle|coco|list|instances?|objects?)\b",
        r"\b(?:but|except|excluding|other than|apart from|not including|ignoring|so that|because)\b",
        r"\binto\s+(?:\w+\s+){0,3}(?:masks?|segments?|regions?|classes|instances?)\b",
        r"\b(?:do you see|can you see|are there|is there|are visible|is visible|can be seen|are (?:in|on))\b",
    ))
)  # fmt: skip
_AND_VERB = re.compile(rf"\s*,?\s*\b(?:and|then)\s+(?:also\s+)?(?:{_VERB})\s+(?:out\s+)?")


def read(text: str, *, system: str = "", hints: Sequence[str] = ()) -> Wish | None:
    """What a request asks for; None if it asks for nothing to be looked for. InvalidPrompt for too many concepts.

    system: instructions beside it, which may name the mode. hints: concepts that are meant if it names none. An empty
    text asks for everything.
    """
    text = text[:MAX_CHARACTERS]
    plain = _plain(text) or text.strip().lower()
    mode = _mode(f"{system.lower()} {plain}")
    concepts = _quoted(text)
    if not concepts:
        asked = _asked(plain)
        if asked is None:
            return None
        concepts = _scene(asked, mode) or phrases.concepts_of(asked)
    if not concepts:
        concepts = tuple(Concept(hint) for hint in dict.fromkeys(hints))
    if not concepts and mode is not Mode.INSTANCE:
        concepts = tuple(Concept(name) for name in vocabularies.DEFAULT)
    return Wish(mode, concepts)


def _plain(text: str) -> str:
    """Lower case, bullets as a list, without politeness."""
    plain = _BULLET.sub(", ", text.strip().replace("\u2019", "'").lower())
    for pattern in words.POLITE:
        plain = re.sub(pattern, " ", plain)
    plain = re.sub(r"\(([^()]{0,200})\)", lambda said: f", {said[1]}" if "," in said[1] else f" {said[1]}", plain)
    plain = re.sub(r"[ \t]+", " ", plain)
    return re.sub(r" ([,.!?;:])", r"\1", plain).strip(" ,\n")


def _mode(text: str) -> Mode:
    if "panoptic" in text:
        return Mode.PANOPTIC
    if re.search(r"semantic|\bper[- ](?:class|category)\b", text) or _CLASSIFY.search(text):
        return Mode.SEMANTIC
    return Mode.INSTANCE


def _quoted(text: str) -> tuple[Concept, ...]:
    """What stands in quotes and can name a thing: if there is any, nothing else is read."""
    found = [next(filter(None, match.groups())).lower() for match in _QUOTED.finditer(text)]
    names = [name.strip(" ,.") for quoted in found for name in quoted.split(",")]
    return phrases.merged([Concept(phrases.one(n)) for n in names if n and not _NAME_OF_A_FIELD.search(n)])


def _scene(asked: str, mode: Mode) -> tuple[Concept, ...]:
    """The vocabulary of a scene that is named alone where every pixel is to be told."""
    vocabulary = None if mode is Mode.INSTANCE else vocabularies.of_scene(phrases.bare(asked))
    return tuple(Concept(name) for name in vocabulary or ())


def _asked(plain: str) -> str | None:
    """What follows the verb; without a verb a short list of nouns as it is; None for anything else."""
    plain = _BY_CLASS.sub(" ", plain).strip()
    found = (
        _SEGMENTATION_OF.search(plain)
        or _CLASSIFY.search(plain)
        or _IMPERATIVE.search(plain)
        or _QUESTION.search(plain)
        or _MASKS_OF.search(plain)
        or _ANYWHERE.search(plain)
    )
    if found is not None:
        after = plain[found.end() :]
        return _kept(after[_AFTER_VERB.match(after).end() :])  # pyright: ignore[reportOptionalMemberAccess]
    if _BARE.fullmatch(plain):
        return ""
    named = _kept(plain)
    return named if _is_short_list(named) else None


def _kept(asked: str) -> str:
    """Up to where the sentence turns to the picture, to the form of the answer or to what is not meant."""
    asked = asked.strip(" ,:\n")
    cut = _CUT.search(asked)
    if cut is not None and cut.start() == 0 and re.match(r"(?:in|on|from|within|for)\b", asked):
        return _kept(asked[cut.end() :])  # `in this image the dogs`
    kept = asked if cut is None else asked[: cut.start()]
    return _AND_VERB.sub(" and ", kept).strip(" ,:;\n")


def _is_short_list(named: str) -> bool:
    if words.SENTENCE_WORDS & set(re.findall(r"[\w']+", named)):
        return False
    pieces = re.split(r"\s*(?:,|;|\band\b|\bor\b)\s*", named)
    return len(phrases.bare(named).split()) <= SHORT_REQUEST or (
        len(pieces) > 1 and all(0 < len(piece.split()) <= SHORT_PIECE for piece in pieces)
    )
