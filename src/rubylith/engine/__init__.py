"""Image and prompt → masks. A model family is one file in `engine/models`, named in its NAMES, that fulfils Segmenter.

`embed` and `decode` are pure: nobody remembers "the current picture", so two callers can never get each other's masks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt

Progress = Callable[[float], None]  # the share that is done, 0 to 1
# Of boxes (N, 4), XYXY of the first and the last pixel, those that no crop's edge has cut off: (N,).
AreWhole = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What a model needs to know of a picture to answer any number of prompts about it.

    model: who made it and alone can read it. digest: the picture's. features: the family's own. nbytes: roughly
    what they take in memory. networks: those that take part in answers to prompts where a family can do without.
    """

    model: str
    size: Size
    digest: str
    features: object = field(repr=False)
    nbytes: int = 0
    networks: tuple[str, ...] = ()

    @property
    def provenance(self) -> str:
        """What results name as their model: `embedded+nano`, `sam2.1-tiny`."""
        return "+".join((self.model, *self.networks))


class OutOfTime(Exception):
    """`max_seconds` has ended a search before all seeds were asked. masks: what it had found, as if that were all."""

    def __init__(self, masks: tuple[Mask, ...]) -> None:
        super().__init__(f"Time was up with {len(masks)} masks found")
        self.masks = masks


class Segmenter(Protocol):
    """A model family."""

    def embed(self, image: Image) -> Embedding:
        """Look at the picture once."""
        ...

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """For each prompt one to three candidates, best first."""
        ...

    def propose(
        self, embedding: Embedding, everything: Everything, progress: Progress, are_whole: AreWhole = ..., /
    ) -> tuple[Mask, ...]:
        """Masks of all that the seeds fall on, best first.

        The seeds, both quality thresholds and box_nms_thresh are the family's to apply, and before suppression
        `are_whole`: a thing cut off by a crop's edge must not hide one that is whole. Crops, min_mask_region_area,
        max_masks and overlap are applied by the caller. OutOfTime, with the masks, where max_seconds cuts it short.
        """
        ...
