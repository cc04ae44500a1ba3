"""What is looked for → what the engine is asked: the one place where words become a prompt."""

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.prompt import Everything, Prompt
from rubylith.language import Wish


def prompt_of(wish: Wish) -> Prompt:
    """Everything where nothing is named."""
    if wish.concepts:
        raise InvalidPrompt(
            f"No model here finds things by name, such as {wish.concepts[0].name!r}", "Ask to segment everything"
        )
    return Everything()
