"""A request in English → what it asks for.

Made for imperatives (`segment the dog and the two cats`), their polite forms, questions (`how many cars`), `masks of …`
and short lists of nouns. plain tells sentences apart, requests reads each of them, phrases the nouns in it. What names
nothing in particular means everything only where a word for everything, or no word at all, is said.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rubylith.domain.prompt import Mode
from rubylith.language import Concept, Wish, heads, phrases, vocabularies, words
from rubylith.language.modes import mode_of
from rubylith.language.plain import sentences_of
from rubylith.language.requests import Request, request_in, short_list

MAX_CHARACTERS = 8000  # of a request; what comes later says nothing new

_QUOTED = re.compile(
    r"“([^”]{1,200})”|«([^»]{1,200})»|\"([^\"]{1,200})\"|`([^`]{1,200})`|"
    r"(?<!\w)\u2018([^\u2019]{1,200})\u2019|(?<!\w)'((?:[^']|(?<=\w)'(?=\w)){1,200})'(?!\w)"
)
_NAME_OF_A_FIELD = re.compile(
    r"[_{}\[\]:/\\<>]|^(?:json|png|jpe?g|xywh|xyxy|rle|coco|urls?|masks?|b?box(?:es)?|bounding box(?:es)?|labels?|"
    r"scores?|confidences?|areas?|ids?|names?|class|classes|category|categories|counts?|type|polygons?|points?)$"
)
_SAYS_A_FIELD = re.compile(
    r"\b(?:fields?|keys?|propert(?:y|ies)|columns?|named|called|as|label (?:them|it|each))\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\W*(?:\b(?:and|or)\b)?\W*", re.IGNORECASE)  # between the members of a list in quotes
_LEAVES_OUT = re.compile(
    r"\b(?:not|except(?: for)?|excluding|without|other than|rather than|instead of|ignore|but no)\s+"
    r"(?:(?:the|any|an?)\s+)?$",
    re.IGNORECASE,
)
_SAID_BEFORE = (  # what a later pronoun stands for: what the picture shows, else what something is said of
    re.compile(
        r".*\b(?:shows?|contains?|depicts?|has|have|features?|includes?|(?:there|here|this|that|it|these) (?:is|are)|"
        r"where(?: is| are)?|(?:image|picture|photo|photograph|shot|pic|scene) (?:of|with))\s+(?P<what>.+)"
    ),
    re.compile(r"(?:look at|see|consider|notice)\s+(?P<what>.+)"),
    re.compile(r"(?P<what>.+?)\s+(?:is|are)\b"),
)
_POINTS = re.compile(r"(?:it|this|that)(?: out| off| up| all)?")  # at the picture, where nothing else was spoken of
_OF_A_PICTURE = re.compile(rf"\b(?:{words.IMAGES})\b")
_OF_SCENE = re.compile(r"(?:with|at|in|during|from|under|including|by)\b|$")


def read(text: str, *, system: str = "", hints: Sequence[str] = ()) -> Wish | None:
    """What a request asks for; None if it asks for nothing to be looked for. InvalidPrompt for too many concepts.

    system: instructions beside it, which may name the mode. hints: concepts that are meant if it names none. An empty
    text asks for everything.
    """
    text = text[:MAX_CHARACTERS]
    mode = mode_of(text, system)
    concepts, without = _quoted(text)
    if not concepts:
        asked = _asked(text)
        if asked is None:
            return None
        listed, said_without = _listed(asked, mode)
        if not (listed.concepts or listed.is_everything or hints):
            return None
        concepts = listed.concepts
        without = phrases.merged([*without, *said_without])
    names = tuple(concept.name for concept in without)
    if not concepts:
        concepts = tuple(Concept(hint) for hint in dict.fromkeys(hints) if hint not in names)
    if not concepts and mode is not Mode.INSTANCE:
        concepts = tuple(Concept(name) for name in vocabularies.DEFAULT if name not in names)
    return Wish(mode, concepts, names)


def _asked(text: str) -> tuple[Request, ...] | None:
    """The requests in a text, with pronouns replaced by what they stand for; None if it asks for nothing."""
    if not text.strip():
        return (Request(""),)
    sentences = sentences_of(text)
    asked: list[Request] = []
    for place, sentence in enumerate(sentences):
        request = request_in(sentence, follows=any(one.wanted is not None for one in asked))
        if request is not None:
            asked.append(_resolved(request, (*sentences[:place], request.before)))
    wanted = [one.wanted for one in asked if one.wanted is not None]
    if not any(phrases.says_what(one) for one in wanted):
        others = [sentence for sentence in sentences if request_in(sentence) is None]
        named = [short_list(sentence) for sentence in others]
        if not wanted and (not named or None in named):
            return None
        is_form = bool(wanted) and request_in(sentences[0]) is not None  # what follows may tell of the answer
        asked += [one for one in named if one is not None and ("," in (one.wanted or "") or not is_form)]
    return tuple(asked)


def _resolved(request: Request, before: Sequence[str]) -> Request:
    """The request with `it`, `them` and `the one on the left` put in words; none names nothing."""
    if request.wanted is None or not phrases.is_pronoun(request.wanted):
        return request
    for sentence in reversed(before):
        found = next((match for pattern in _SAID_BEFORE if (match := pattern.match(sentence))), None)
        named = short_list(sentence) if sentence and found is None else None
        meant = found["what"] if found is not None else named.wanted if named is not None else None
        if meant:
            return replace(request, wanted=phrases.standing_for(request.wanted, meant) or "it")
    points = _POINTS.fullmatch(request.wanted) and (not any(before) or _OF_A_PICTURE.search(" ".join(before)))
    return replace(request, wanted="everything" if points else "it")  # which names nothing, whatever was said of it


def _listed(asked: Iterable[Request], mode: Mode) -> tuple[phrases.Listed, tuple[Concept, ...]]:
    """The concepts of all requests, and those that they leave out."""
    concepts: list[Concept] = []
    without: list[Concept] = []
    is_everything = False
    for request in asked:
        without += phrases.listed(request.unwanted).concepts
        if request.wanted is not None:
            one = phrases.Listed(_scene(request.wanted, mode))
            one = one if one.concepts else phrases.listed(request.wanted)
            concepts += one.concepts
            is_everything = is_everything or one.is_everything or not request.wanted
    return phrases.Listed(phrases.merged(concepts), is_everything), phrases.merged(without)


def _quoted(text: str) -> tuple[tuple[Concept, ...], tuple[Concept, ...]]:
    """What stands in quotes and can name a thing, wanted or left out: if any is wanted, nothing else is read."""
    wanted: list[Concept] = []
    without: list[Concept] = []
    place, end = wanted, 0
    for match in _QUOTED.finditer(text):
        before = text[: match.start()]
        names = [name.strip(" ,.") for name in next(filter(None, match.groups())).lower().split(",")]
        concepts = [Concept(phrases.one(name)) for name in names if name and not _NAME_OF_A_FIELD.search(name)]
        if not end or not _GOES_ON.fullmatch(text[end : match.start()]):
            place = [] if _SAYS_A_FIELD.search(before) else without if _LEAVES_OUT.search(before) else wanted
        place += concepts
        end = match.end()
    return phrases.merged([one for one in wanted if one.name]), phrases.merged([one for one in without if one.name])


def _scene(asked: str, mode: Mode) -> tuple[Concept, ...]:
    """The vocabulary of a scene that is named alone where every pixel is to be told."""
    if mode is Mode.INSTANCE:
        return ()
    head, tail = heads.parted(phrases.bare(phrases.uncarried(asked)[0]))
    vocabulary = vocabularies.of_scene(head) if _OF_SCENE.match(tail) else None
    return tuple(Concept(name) for name in vocabulary or ())
