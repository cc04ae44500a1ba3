"""Which kind of segmentation a request names."""

import re

from rubylith.domain.prompt import Mode

CLASSIFY = re.compile(
    r"\b(?:classify|label|annotate|segment)\s+(?:(?:every|each|all)\s+)(?:of the |the )?(?:single )?"
    r"pixels?\b(?:\s+(?:as|into|of|in))?"
)
_SAID = (
    (Mode.PANOPTIC, re.compile(r"panoptic")),
    (Mode.SEMANTIC, re.compile(rf"semantic|\b(?:per|by)[- ](?:class|category)\b|{CLASSIFY.pattern}")),
    (Mode.INSTANCE, re.compile(r"(?<!for )\binstances?\b")),
)
_DENIED = re.compile(
    r",?\s?\(?\b(?:not|no|non|never|rather than|instead of|don't|do not)[\s-]+(?:\w+\s+){0,2}?"
    r"(?:semantic|panoptic|instances?)(?:ally)?\b(?:\s+(?:segmentation|masks?|mode))?\)?,?"
)


def mode_of(text: str, system: str = "") -> Mode:
    """What the request says, else what the instructions beside it say, else one result per object."""
    return _said(text) or _said(system) or Mode.INSTANCE


def without_denied(sentence: str) -> str:
    """The sentence without the kinds of segmentation that it does not want: `instance segmentation, not semantic`."""
    return _DENIED.sub(" ", sentence).strip(" ,")


def _said(text: str) -> Mode | None:
    meant = _DENIED.sub(" ", " ".join(text.lower().split()))
    return next((mode for mode, pattern in _SAID if pattern.search(meant)), None)
