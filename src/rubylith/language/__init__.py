"""English requests → what is meant by them: concepts, how many of each, and the kind of segmentation.

Rules and closed word lists; no model, no state. `sentences` reads a request: `plain` tells its sentences apart, `modes`
the kind of segmentation, `requests` what a sentence asks for, `cuts` where that ends and what it leaves out, `lists`
where one phrase ends and the next begins, `phrases` the things in it, `heads` a noun and its tail.
`nouns` knows one from many; `words` and `vocabularies` hold the lists.
"""

from dataclasses import dataclass

from rubylith.domain.prompt import Mode


@dataclass(frozen=True, slots=True)
class Concept:
    """What to look for: singular, in lower case, as it was worded. limit: the best so many; None for all."""

    name: str
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for.

    concepts: in the order of the request; none means all that can be told apart. without: what is left out of them.
    """

    mode: Mode
    concepts: tuple[Concept, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts without their limits."""
        return tuple(concept.name for concept in self.concepts)
