"""The names that a universal model gives, from the page beside its weights, and which of them cannot be counted."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import ModelFailed
from rubylith.language.vocabularies import is_amorphous

PAGES = ("model.json", "config.json")  # of our own export, and of transformers
COCO_THINGS, CITYSCAPES_STUFF = 80, 11  # how many names come first: of 133, and of 19
WORD_OF_DATA_SET = re.compile(r"-(merged|stuff|other|other-merged)$")


@dataclass(frozen=True)
class Names:
    """given: in the order of the network's classes, without the last, which is nothing."""

    given: tuple[str, ...]

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """As people write them: `tree-merged` is a tree, `wall-brick` a wall of brick; of synonyms the first."""
        return tuple(_shown(name) for name in self.given)

    @cached_property
    def stuff(self) -> frozenset[int]:
        """Indices of what cannot be counted; of COCO's and Cityscapes' names as they say, else by the word."""
        count = len(self.given)
        if count == 133:
            return frozenset(range(COCO_THINGS, count))
        if count == 19:
            return frozenset(range(CITYSCAPES_STUFF))
        return frozenset(index for index, name in enumerate(self.shown) if is_amorphous(name))


def read_names(folder: Path) -> Names:
    """The names of a model in a folder that our export or transformers wrote; ModelFailed if it tells none."""
    for page in PAGES:
        if not (folder / page).is_file():
            continue
        try:
            told: dict[str, Any] = json.loads((folder / page).read_text("utf-8"))
            names = told.get("names")
            if names is None:
                by_number = cast("dict[str, str]", told["id2label"])
                names = [by_number[str(index)] for index in range(len(by_number))]
            return Names(tuple(str(name) for name in names))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
            raise ModelFailed(
                f"{folder / page} does not say what the model knows: {failure}", "Pull or export it again"
            ) from failure
    raise ModelFailed(f"{folder} has no page about the model", "Pull or export it again")


def _shown(name: str) -> str:
    first = name.partition(",")[0].strip()
    while WORD_OF_DATA_SET.search(first):
        first = WORD_OF_DATA_SET.sub("", first)
    return first.replace("-", " ").replace("_", " ")
