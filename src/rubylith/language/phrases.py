"""A list of noun phrases → concepts: `the dog and the two cats` → dog; cat, the best two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rubylith.domain.errors import InvalidPrompt
from rubylith.language import Concept, lists, words
from rubylith.language.heads import end_of_head
from rubylith.language.nouns import PAIRED, is_plural, singular

MAX_CONCEPTS = 32

_LIKE = re.compile(
    r"[,:]?\s*(?:\b(?:such as|including|namely|for example|for instance|specifically|like)\b|\be\.g\.|\bi\.e\.)[,:]?\s*"
)
_JOINTS = rf"(?:\s*{lists.JOINT})+\s*"
_ADJECTIVE = f"(?:{'|'.join(sorted(words.ADJECTIVES))})"
_LINK = r"(?:of|for|per|around|surrounding|covering|that covers?|belonging to|from)"
_INSTANCE_OF = re.compile(  # of which there may be many
    r"\b(?P<many>(?:all|every|each|any)(?: \w+)? (?:instances?|occurrences?|examples?)|"
    r"instances|occurrences|examples) of an? "
)
_ANY_CARRIER = rf"(?:{words.WEAK_CARRIERS}|{words.CARRIERS})"
_CARRIED = re.compile(
    rf"(?:{_ANY_CARRIER}{_JOINTS})*(?:{words.CARRIERS}\s+{_LINK}|"
    rf"{words.WEAK_CARRIERS}\s+(?:for|around|surrounding)|"
    rf"(?:a |an |the |this |my )?{words.PICTURES}\s+(?:of|showing|depicting)|"
    r"(?:objects?|things?|items?|instances?) of (?:the )?(?:type|class|kind|category))\s+(?=\S)"
)
_CARRIER_LIST = rf"{_ANY_CARRIER}(?:{_JOINTS}{_ANY_CARRIER})*"
_FETCHED = re.compile(
    rf"(?:{_CARRIER_LIST}\s+{_LINK}|(?:a |an )?(?:json|list|array|table)(?: \w+)?\s+(?:of|with|containing)|"
    r"(?:the )?same(?: thing)? for)\s+(?=\S)"
)
_DRAWN = re.compile(rf"(?:a |an |the )?(?:{_ADJECTIVE} )*{_CARRIER_LIST}\s+(?:on|over|onto|upon|{_LINK})\s+(?=\S)")
_PAIRS = re.compile(r"(?:pairs?|couple)\s+of\s+")
_COPULA = re.compile(r"(?P<noun>.+?)\s+(?:(?:that|which|who)\s+)?(?:is|are|was|were|'s)\s+(?P<rest>.+)")
_WHATEVER = re.compile(r"(?:what|whatever|all that|everything that)\s+(?:is|are)\s+")
_ASKING = re.compile(r"(?:where|what|which|who|how many)\s+|^(?:is|are)\s+|\s+(?:is|are)$")
_MEANING = re.compile(r"(?P<what>\w+)[^,;:]*:\s*(?P<meant>\S.*)")
_ALL_THAT_IS = re.compile(
    rf"^(?:everything|anything|something)\s+(?P<what>{_ADJECTIVE}(?:\s(?:and |or )?{_ADJECTIVE})*)$"
)
_WHICH_ONE = re.compile(r"^(?P<which>\w+est)(?: ones?)? of (?:the |these |those |all )*")
_MASK_OF = re.compile(r"(?P<what>.+?) (?:masks?|outlines?|cut-?outs?|silhouettes?|contours?)")
_TRAILING = re.compile(rf"(?P<noun>.+?)\s+(?:{words.TRAILING}|{words.DONE})")
_SAYS_WHICH = rf"(?:{_ADJECTIVE}|\w+(?:ed|est|ing))"
_PRONOUN = re.compile(
    r"(?:(?:all|each|both|every one|any) (?:of )?)?"
    r"(?:it|them|him|her|this|that|these|those|they|both|the same)(?: out| off| up| all)?|"
    r"(?P<which>(?!ones?\b)(?:(?:the|that|this|these|those|all|every|each|only|other) )*"
    rf"(?:(?P<adjectives>{_SAYS_WHICH}(?: (?:and )?{_SAYS_WHICH})*) )?ones?|those|these|that)"
    rf"(?P<tail>\s(?:{'|'.join(sorted(words.TAILS))})\s.+)?"
)
_EDGES = " \t\n,.!?;:()[]{}<>\"'`*"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list names. is_everything: one of its phrases means whatever there is, such as `all objects`."""

    concepts: tuple[Concept, ...]
    is_everything: bool = False


@dataclass(frozen=True, slots=True)
class _Stripped:
    """A noun phrase without what stands before its adjectives. article: it was introduced by a, an or one."""

    phrase: str
    number: int | None
    article: bool
    everyone: bool = False


def listed(list_: str) -> Listed:
    """The concepts in a list of noun phrases, in lower case. InvalidPrompt for more than MAX_CONCEPTS."""
    is_everything = False
    concepts: list[Concept] = []
    list_ = uncarried(list_)[0]
    described_as = _MEANING.match(bare(list_))
    if described_as is not None and _is_anything(singular(described_as["what"])):
        list_ = described_as["meant"]  # `the objects that match the description: a lady`
    for piece in lists.pieces(lists.apart(_LIKE.sub(", ", list_))):
        if concepts and piece.strip(_EDGES).partition(" ")[0] in words.TAILS:
            continue  # it says where the others are
        stripped = _named(piece)
        concept = _concept(stripped)
        is_anything = stripped.everyone if not stripped.phrase else _is_anything(one(stripped.phrase))
        if concept is not None and not is_anything and concept.name not in words.NO_NAMES:
            concepts.append(concept)
        is_everything = is_everything or is_anything
    return Listed(merged(concepts), is_everything)


def uncarried(list_: str, *, fetches: bool = False, draws: bool = False) -> tuple[str, bool]:
    """The list without nouns that only carry it, and whether there were any: `bounding boxes and masks for every boat`.

    fetches: it is the object of `give` or the like, so that boxes and labels are no things. draws: of `draw` or the
    like, so that they lie on and over things too.
    """
    carriers = _DRAWN if draws else _FETCHED if fetches else _CARRIED
    start = list_ = _INSTANCE_OF.sub(r"\g<many> of ", list_)
    while (carried := carriers.match(list_) or _CARRIED.match(list_)) is not None:
        list_ = list_[carried.end() :]
    return list_, list_ != start


def unmasked(list_: str) -> str:
    """The list without a mask that is asked for behind its thing: `car and truck masks`; a face mask is a thing."""
    found = _MASK_OF.fullmatch(list_)
    last = "" if found is None else found["what"].rpartition(" ")[2]
    return (
        list_
        if found is None or last in words.WORN | words.TAILS | words.DETERMINERS
        else found["what"].removesuffix("'s")
    )


def bare(phrase: str) -> str:
    """A noun phrase without articles, numbers and the like, such as `living room` of `the living room`."""
    return _stripped(phrase).phrase


def one(phrase: str) -> str:
    """The phrase with its head noun in the singular: `people in red shirts` → `person in red shirts`."""
    tokens = phrase.split()
    end = end_of_head(tokens)
    if not end:
        return ""
    head, before = tokens[end - 1], tokens[end - 2] if end > 1 else ""
    if head in words.ANYBODY:
        tokens[end - 1] = "person"
    else:
        tokens[end - 1] = "glass" if head == "glasses" and before in words.DRINKING else singular(head)
    return " ".join(tokens)


def merged(concepts: Sequence[Concept]) -> tuple[Concept, ...]:
    """Each name once, with the larger limit. InvalidPrompt for more than MAX_CONCEPTS."""
    limits: dict[str, int | None] = {}
    for concept in concepts:
        known = limits.get(concept.name, 0)
        limits[concept.name] = None if concept.limit is None or known is None else max(known, concept.limit)
    if len(limits) > MAX_CONCEPTS:
        raise InvalidPrompt(f"The text names {len(limits)} things", f"Name at most {MAX_CONCEPTS} in one request")
    return tuple(Concept(name, limit) for name, limit in limits.items())


def is_pronoun(phrase: str) -> bool:
    """True for what only stands for a noun: `them`, `the red one on the left`."""
    return _PRONOUN.fullmatch(phrase) is not None


def standing_for(pronoun: str, meant: str) -> str:
    """The pronoun in the words of what it stands for: of two dogs, `the red one on the left` is `the red dog …`.

    What is no pronoun comes back as it is. Where things are that were spoken of before does not tell them apart.
    """
    found = _PRONOUN.fullmatch(pronoun)
    if found is None:
        return pronoun
    nouns = [_head_of(piece) for piece in lists.SPLIT.split(uncarried(meant)[0])]
    nouns = [noun for noun in nouns if noun and not words.SENTENCE_WORDS & set(noun.split())]
    if not found["which"] or not nouns:
        return " and ".join(nouns)
    noun, is_one = bare(nouns[0]), found["which"].endswith(("one", "that"))
    if found["adjectives"]:  # of a blue car, the red one is a red car
        noun = re.sub(rf"^(?:{_ADJECTIVE} )+(?=\S)", "", noun)
    said = ("one" if is_one else "the", found["adjectives"], one(noun) if is_one else noun, found["tail"])
    return " ".join(part.strip() for part in said if part)


def _head_of(piece: str) -> str:
    tokens = _ASKING.sub("", piece.strip(_EDGES)).split()
    return " ".join(tokens[: end_of_head(tokens)])


def described(noun: str, what: str) -> str:
    """A noun of which something is said: cars, `red` → `red cars`; people, `on it`; anything, `a car` → `a car`."""
    if what.partition(" ")[0] in {"a", "an", "the", "any"} or (" " not in what and is_plural(what)):
        return what
    said = set(re.findall(r"[\w'-]+", what)) - {"and", "or"}
    is_word = len(said) == 1 and not what.endswith("ing")
    if is_word and not said <= words.ADJECTIVES and _is_anything(bare(noun) or noun):
        return what  # everything that is not background
    is_adjective = said <= words.ADJECTIVES or is_word
    return f"{what} {bare(noun)}" if is_adjective else f"{bare(noun)} {what}"


def _named(piece: str) -> _Stripped:
    """The phrase that names a thing, with its number, where it stood behind what carries it."""
    stripped = _stripped(_ASKING.sub("", _WHATEVER.sub("things that are ", piece.strip(_EDGES))))
    while (carried := _CARRIED.match(stripped.phrase)) is not None:
        stripped = _stripped(stripped.phrase[carried.end() :])
    if stripped.phrase.partition(" ")[0] in words.TAILS and " " in stripped.phrase:  # what is on the table
        stripped = replace(stripped, phrase=f"thing {stripped.phrase}")
    said = _COPULA.fullmatch(stripped.phrase)
    phrase = stripped.phrase if said is None else bare(described(said["noun"], said["rest"]))
    phrase = _WHICH_ONE.sub(r"\g<which> ", _ALL_THAT_IS.sub(r"\g<what> object", phrase))
    trailing = _TRAILING.fullmatch(phrase)
    if trailing is not None and not _needs_noun(trailing["noun"].rpartition(" ")[2]):
        phrase = trailing["noun"]
    return _Stripped(phrase, stripped.number, stripped.article, stripped.everyone)


def _concept(named: _Stripped) -> Concept | None:
    """What a noun phrase names; None for none."""
    phrase, number = named.phrase, named.number
    if (pairs := _PAIRS.match(phrase)) is not None:
        phrase = phrase[pairs.end() :]
        number = (number or 1) * (1 if phrase.rpartition(" ")[2] in PAIRED else 2)
    name = one(phrase)
    if not name:
        return None
    tokens = phrase.split()
    if number is None and named.article and not is_plural(tokens[end_of_head(tokens) - 1]):
        number = 1
    return Concept(name, number)


def _stripped(phrase: str) -> _Stripped:
    number: int | None = None
    article = everyone = False
    tokens = phrase.strip(_EDGES).split()
    while tokens:
        token = tokens[0]
        is_ranked = token == "top" and len(tokens) > 1 and (tokens[1] in words.NUMBERS or tokens[1].isdecimal())
        if token.isdecimal() or token in words.NUMBERS:
            if len(tokens) == 1:
                break
            number = min(int(token), 10_000) if token.isdecimal() and len(token) < 6 else words.NUMBERS.get(token, 1)
            number = max(number, 1)
        elif token not in words.DETERMINERS and not is_ranked:
            break
        article = article or token in {"a", "an", "one"}
        everyone = everyone or token in words.EVERYONE
        del tokens[0]
    while tokens and tokens[-1] in words.AFTERTHOUGHTS:
        del tokens[-1]
    return _Stripped(" ".join(tokens), None if everyone else number, article and not everyone, everyone)


def _needs_noun(word: str) -> bool:
    """True for what names nothing by itself: `red`, `damaged`, `salient` before `objects`."""
    return word in words.ADJECTIVES | words.TAILS | words.NOT_ALONE or word.endswith(("ed", "est", "less"))


def says_what(wanted: str) -> bool:
    """False for no object, and for one that is only the form of the answer: `Return masks`."""
    return bool(wanted) and one(bare(wanted)) not in words.FORMATS | {"mask", "polygon", "segmentation"}


def _is_anything(name: str) -> bool:
    """True for `object`, `visible things` and the like; `red object` and `object on the left` say which."""
    return name in words.GENERIC or name.rpartition(" ")[2] in words.FORMATS
