"""What is looked for → what the engine is asked: the one place where words become a prompt."""

from rubylith.domain.prompt import Everything, Prompt, Text
from rubylith.language import Wish

ANYTHING = "object"


def prompt_of(wish: Wish) -> Prompt:
    """Everything where nothing is named; its things one by one where some of them are left out.

    The mode is not asked of the engine: how many of each are wanted is settled first, and what is left then united.
    """
    if not wish.concepts and not wish.without:
        return Everything()
    limits = tuple(concept.limit for concept in wish.concepts)
    return Text(wish.names or (ANYTHING,), limits=limits, without=wish.without)
