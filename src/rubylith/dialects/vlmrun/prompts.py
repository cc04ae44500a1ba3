"""What is looked for → what the engine is asked: the one place where words become a prompt."""

from collections.abc import Callable

from rubylith.domain.prompt import Everything, Mode, Prompt, Scene, Text
from rubylith.language import Wish
from rubylith.language.vocabularies import is_vocabulary

ANYTHING = "object"


def prompt_of(wish: Wish, everything: Callable[[], Everything]) -> Prompt:
    """Everything, as the model means it, where nothing is named; its things one by one where some are left out.

    Of a scene that is named as such, whoever knows names tells those it sees. Otherwise the mode is not asked of the
    engine: how many of each are wanted is settled first, and what is left then united.
    """
    if not wish.concepts and not wish.without:
        return everything()
    if wish.mode is not Mode.INSTANCE and is_vocabulary(wish.names) and not wish.without:
        return Scene(wish.mode, names=wish.names)
    limits = tuple(concept.limit for concept in wish.concepts)
    return Text(wish.names or (ANYTHING,), limits=limits, without=wish.without)
