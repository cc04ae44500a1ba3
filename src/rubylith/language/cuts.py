"""Where a wish ends: what is said of the picture or of the answer is cut off, what is left out is told apart."""

import re

from rubylith.language import phrases, words

_DONT = rf"(?:do not|don't|never|not)\s+(?:{words.VERB}|include|count)(?:ing)?(?:\s+out)?"
_IGNORE = (
    "ignor(?:e|ing)|exclud(?:e|ing)|omit(?:ting)?|skip(?:ping)?|leav(?:e|ing) out|disregard(?:ing)?|avoid(?:ing)?|"
    r"leav(?:e|ing)(?=\s+(?:\w+\s+){1,3}out\b)"
)
LEFT_OUT = re.compile(rf"(?:(?:but|and|also|then|i|we|you)\s+)*(?:{_IGNORE}|{_DONT})\b\s*")
_EXCEPT = re.compile(
    r"[\s,;]*\b(?:"
    rf"(?:(?:and|but|then)\s+){{0,3}}(?:{_IGNORE}|{_DONT})"
    r"|(?:(?:but|and|or)\s+)?(?<!do )not(?: including| counting| any of)?"
    rf"|(?:but|and|(?<=,\s)|(?<=,))\s*(?!{words.SIGN.pattern})no(?! matter)"
    r"|except(?:ing)?(?: for| that)?|other than|apart from|aside from|rather than|instead of|save for|minus|besides"
    r"|with the exception of|but for|(?<=everything )without|(?<=,\s)without|(?<=,)without"
    r"|without(?=\s+(?:the|any|counting)\b)"
    r"|but(?!\s+(?:make|only|keep|with|it|i|you|be|do|also|in|as|if|first|then|use|return|give|treat|just|each)\b)"
    r")\b\s*"
)
_NOT_ONLY = re.compile(r"\bnot (?:only|just)\s+(?P<one>.+?),?\s+but(?: also)?\s+")
_NOTHING_BUT = re.compile(r"^(?:nothing|none)(?: else)? but\s+")
_BUT_ONLY = re.compile(r"[\s,]*\bbut only\s+")
_THAT_ARE_NOT = re.compile(
    r"(?P<noun>.+?)\s+(?:(?:that|which|who)\s+)?(?:(?:is|are)\s+not|not(?=\s+(?:\w+ing|in|on|under|near|with)\b))\s+"
    r"(?P<what>.+)"
)
_OF_PICTURE = re.compile(
    r",?\s*\b(?!(?:for|on) the frame\b)(?:out\s+)?"
    rf"(?:(?:in|on|from|of|within|inside|across|throughout|for)\s+{words.THE_PICTURE}|(?:in|on|from)\s+{words.A_PICTURE})"
    r"(?!\s+of\b)(?:\s+(?:above|below|attached|provided))?"
)
_AS_MANY = re.compile(r"\bas (?:many|much|few)\s+(?P<what>.+?)\s+as (?:you can|possible)\b")
_AT_MOST = re.compile(
    r"\b(?:no (?:more|fewer|less) than|not more than|up to|at (?:most|least)|(?:a )?max(?:imum)?(?: of)?)\s+"
    rf"(?=\d|(?:{'|'.join(words.NUMBERS)})\b)"
)
_ANSWER = "|".join(words.ANSWERING)
_THEM = r"(?:them|it|those|these|each(?: one)?|all of them|both|their|its|every one|him|her)"
_CUT = re.compile(
    "|".join((
        r"\bfrom\s+(?:the|its|their|an?)\s+(?:\w+\s+)?background\b",
        r"\b(?:with|on|against)\s+an?\s+(?:transparent|white|plain|clean|empty)\s+background\b",
        rf"(?:,\s*)?\b(?:and|then)\s+(?:(?:then|also)\s+)?(?:{_ANSWER})\b",
        rf",\s*(?:{_ANSWER})\b",
        r"\b(?:return|returning|respond|provide|providing|give me)\b",
        rf"(?:,\s*)?\b(?:and|then)\s+(?:{words.VERB})(?:\s+out)?(?:\s+{_THEM}\b|\s*$)",
        rf",\s*(?:{words.VERB})(?:\s+out)?\s+(?:them|it|these|those)\b",
        rf"\bwith\s+(?!an?\s+masks?\b)(?:(?:{words.ADORNMENTS})\s+)+(?:masks?|box(?:es)?|bboxes|labels?|scores?|polygons?|urls?|ids?)\b",
        rf"(?<!{')(?<!'.join(words.MASKED)})\s+with\s+(?:an?\s+)?masks?\b",
        r"\bwith\s+(?:box(?:es)?|bboxes|labels?|scores?|polygons?|urls?|ids?)\b",
        rf"\b(?:with|at|above|having)\s+(?:an?\s+|the\s+)?(?:\w+\s+){{0,2}}?(?:{words.SCORES})\b",
        r"\b(?:above|over|below|under|at least|(?:greater|more|less|larger|smaller) than)\s+\d",
        r",?\s*\b(?:one by one|one at a time|(?<=[\w,]\s)(?:all|each|both) of them|at once|as well(?! as)|in detail)\b",
        r"\bas \w+ly as\b",
        rf"\b(?:using(?!\s+{words.CLASSES})|via|by means of)\b",
        r"\bas\s+(?:a\s+|an\s+)?(?:json|png|masks?|polygons?|separate|individual|rle|coco|list|instances?|objects?|base64|svg)\b",
        r"\bin\s+(?:json|png|coco|rle|yolo|csv|xml|base64|svg|an? (?:list|array|table))\b",
        r"(?:,|\band)\s*(?:and\s+)?for (?:each|every)\b",
        r"(?:,\s*)?\b(?:and|then)\s+(?!also\b|all\b|both\b|each\b)\w+\s+(?:them|it|its|their)\b",
        rf"(?:\s*[,;])?\s*(?:\b(?:and|then)\s+)?(?:{words.VERB})\s+(?:(?:everything|anything|all)\s+else|the\s+rest)\b",
        r",\s*with\b",
        r"\b(?:where|in which)\s+(?:each|every)\b",
        r",?\s*\bso\s+(?:i|we|you|it|they|he|she)\b",
        r"\b(?:so that|because|since|whether|regardless|unless|when|while|no matter|even (?:if|though))\b",
        r"\b(?:only\s+)?if\b",
        r"\b(?:does|do)\s+(?:the|this|it|he|she|they|you)\b",
        r",\s*(?:it|he|she|they|this|these|those|which|who)\s+(?:is|are|was|were|has|have|can|will|should)\b",
        r"\binto\s+(?:\w+\s+){0,3}(?:masks?|segments?|regions?|classes|instances?|parts|pieces|components)\b(?!:)",
        r"\b(?:(?:do|can) you see|(?:are|is) there|there (?:is|are)|can be seen)\b",
        r"\b(?:are|is) (?:visible|present|shown)\b",
        r"\b(?:that |which )?(?:you|we|i) (?:can |could )?(?:see|find|detect|identify|recognise|recognize|spot)\b",
        r"\b(?:in|on|from|of|inside)\s+(?:it|them|there)(?=\s*(?:$|,|and\b|then\b))",
        r"\b(?:of interest|that are in|(?:are|is) in)\s*$",
        r"\bbut\b",
    ))
)  # fmt: skip
_AND_VERB = re.compile(rf"\s*(?:,?\s*\b(?:and|then)|[/&+])\s+(?:also\s+)?(?:{words.VERB})[\s:]+(?:out\s+)?")


def divided(asked: str) -> tuple[str, str]:
    """What is wanted and what is left out: `everything but the sky`."""
    asked = _NOTHING_BUT.sub("", asked.strip())
    asked = _AT_MOST.sub("", _AS_MANY.sub(r"\g<what>", asked))
    asked = _NOT_ONLY.sub(r"\g<one> and ", _without_picture(asked))
    only = _BUT_ONLY.search(asked)
    if only is not None:
        asked = phrases.standing_for(asked[only.end() :], asked[: only.start()])
    denied = _THAT_ARE_NOT.fullmatch(kept(asked))
    if denied is not None:
        return denied["noun"], phrases.described(denied["noun"], denied["what"])
    left_out = _EXCEPT.search(asked)
    if left_out is None:
        return kept(asked), ""
    wanted, unwanted = kept(asked[: left_out.start()]), kept(asked[left_out.end() :])
    return wanted, phrases.standing_for(unwanted, wanted)


def kept(asked: str) -> str:
    """Up to where the sentence turns to the form of the answer."""
    asked = _without_picture(asked)
    cut = _CUT.search(asked)
    kept = asked if cut is None else asked[: cut.start()]
    kept = re.sub(r"\s+", " ", _AND_VERB.sub(" and ", kept)).strip(" ,:;")
    return re.sub(r"\s(?:that|which|who)(?: (?:is|are))?$", "", kept)


def _without_picture(asked: str) -> str:
    return " ".join(_OF_PICTURE.sub(" ", f" {asked}").split()).strip(" ,:")


def without_exception(before: str) -> str:
    """What is left out before the verb: `Except for the people, segment everything`."""
    found = _EXCEPT.match(before)
    return "" if found is None else before[found.end() :].strip(" ,")
