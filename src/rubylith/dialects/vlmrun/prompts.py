"""What is looked for → what the engine is asked: the one place where words become a prompt."""

from rubylith.domain.prompt import Everything, Prompt, Text
from rubylith.language import Wish


def prompt_of(wish: Wish) -> Prompt:
    """Everything where nothing is named.

    The mode is not asked of the engine: how many of each are wanted is settled first, and what is left then united.
    """
    return Text(wish.names) if wish.concepts else Everything()
