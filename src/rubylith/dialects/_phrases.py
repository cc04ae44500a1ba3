"""Phrases in one string, for doors whose prompt is a line of text."""

import re


def read_phrases(text: str) -> tuple[str, ...]:
    """What stands between commas and full stops, without what is blank; perhaps nothing."""
    return tuple(phrase.strip() for phrase in re.split("[.,]", text) if phrase.strip())
