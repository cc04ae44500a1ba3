"""The family that needs no download. What it does is in `rubylith.engine.embedded`; this file joins it to the engine.

Sources: Arbelaez et al. 2011 (hierarchies of regions), Rother et al. 2004 (GrabCut), Grady 2006 (random walks), He et
al. 2010 (guided filter). No learned network: preview quality.
"""

from collections.abc import Sequence
from typing import cast

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Image
from rubylith.domain.logits import Logits
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.embedded import prompts, proposals
from rubylith.engine.embedded.picture import Picture, read_picture
from rubylith.engine.models import Weights
from rubylith.engine.runtimes import Device

MODEL = "embedded"


def load(weights: Weights | None, device: Device) -> Segmenter:  # noqa: ARG001  it needs neither
    """The embedded model; there is nothing to fetch."""
    return Embedded()


class Embedded:
    """A Segmenter without weights."""

    def embed(self, image: Image) -> Embedding:
        """Find the picture's superpixels and their hierarchy."""
        picture = read_picture(image.pixels)
        return Embedding(MODEL, image.size, image.digest, picture, picture.nbytes)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """One to three candidates for each prompt, best first."""
        picture = cast("Picture", embedding.features)
        return tuple(_masks(picture, prompt) for prompt in prompts)

    def propose(self, embedding: Embedding, everything: Everything, progress: Progress) -> tuple[Mask, ...]:
        """Regions of the hierarchy that seeds fall on, best first."""
        return proposals.propose(cast("Picture", embedding.features), everything, progress)


def _masks(picture: Picture, prompt: ObjectPrompt) -> tuple[Mask, ...]:
    if isinstance(prompt.previous, Logits):
        raise InvalidPrompt("The embedded model cannot correct logits", "Send the mask itself")
    masks: list[Mask] = []
    for candidate in prompts.decode(picture, prompt):
        rle = RLE.from_bitmap(candidate.bitmap)
        masks.append(Mask(rle, rle.box, candidate.predicted_iou, points=prompt.points))
    return tuple(masks)
