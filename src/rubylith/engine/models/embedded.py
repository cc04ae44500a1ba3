"""The family that needs no download. What it does is in `rubylith.engine.embedded`; this file joins it to the engine.

Sources: Arbelaez et al. 2011 (hierarchies of regions), Rother et al. 2004 (GrabCut), Grady 2006 (random walks), He et
al. 2010 (guided filter); and nano, a network of our own in the package. Preview quality.
"""

from collections.abc import Sequence
from typing import cast

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Image
from rubylith.domain.logits import Logits
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import AreWhole, Embedding, Progress, Segmenter
from rubylith.engine.embedded import network, prompts, proposals
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.picture import Picture, read_picture
from rubylith.engine.models import Weights
from rubylith.engine.runtimes import Device
from rubylith.engine.windows import anything

MODEL = "embedded"


def load(weights: Weights | None, device: Device) -> Segmenter:  # noqa: ARG001  they are in the package
    """The embedded model; there is nothing to fetch. Where a file of its networks is missing it works without.

    ModelFailed where one is damaged: to be told before any work rather than in the midst of it.
    """
    network.check()
    return Embedded(Nano(device) if network.is_here() else None, device.threads)


class Embedded:
    """A Segmenter that is there from the start.

    nano: its network, opened when it is first needed. threads: at most so many filter a picture.
    """

    def __init__(self, nano: Nano | None, threads: int | None = None) -> None:
        self._nano, self._threads = nano, threads

    def embed(self, image: Image) -> Embedding:
        """Find the picture's superpixels and their hierarchy."""
        picture = read_picture(image.pixels, self._nano, self._threads)
        networks = () if self._nano is None else (network.NAME,)
        return Embedding(MODEL, image.size, image.digest, picture, picture.nbytes, networks)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """One to three candidates for each prompt, best first."""
        picture = cast("Picture", embedding.features)
        return tuple(_masks(picture, prompt, self._nano) for prompt in prompts)

    def propose(
        self, embedding: Embedding, everything: Everything, progress: Progress, are_whole: AreWhole = anything
    ) -> tuple[Mask, ...]:
        """Regions of the hierarchy that seeds fall on, best first."""
        return proposals.propose(cast("Picture", embedding.features), everything, progress, are_whole)


def _masks(picture: Picture, prompt: ObjectPrompt, nano: Nano | None) -> tuple[Mask, ...]:
    if isinstance(prompt.previous, Logits):
        raise InvalidPrompt("The embedded model cannot correct logits", "Send the mask itself")
    masks: list[Mask] = []
    for candidate in prompts.decode(picture, prompt, nano):
        rle = RLE.from_bitmap(candidate.bitmap)
        masks.append(Mask(rle, rle.box, candidate.predicted_iou, points=prompt.points))
    return tuple(masks)
