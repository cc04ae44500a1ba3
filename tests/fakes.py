"""Stand-ins that are real enough to be wrong: a model family that needs no picture."""

from collections.abc import Sequence

import numpy as np

from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding, Progress

RADIUS = 5


def disc(size: Size, x: float, y: float, radius: float = RADIUS) -> Mask:
    """The pixels within `radius` of (x, y)."""
    rows, columns = np.ogrid[: size.height, : size.width]
    rle = RLE.from_bitmap((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)
    return Mask(rle, rle.box, predicted_iou=0.95, stability_score=0.97, points=(Point(x, y),))


class FakeSegmenter:
    """A disc round each first point, or one in each corner of a grid of 40 pixels for everything."""

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, image: Image) -> Embedding:
        self.embedded.append(image.digest)
        return Embedding("fake", image.size, image.digest, features=None)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        return tuple(
            tuple(disc(embedding.size, p.points[0].x, p.points[0].y, RADIUS * k) for k in (1, 2, 3)) for p in prompts
        )

    def propose(self, embedding: Embedding, everything: Everything, progress: Progress) -> tuple[Mask, ...]:
        progress(0.5)
        height, width = embedding.size.height, embedding.size.width
        return tuple(disc(embedding.size, x, y) for y in range(20, height, 40) for x in range(20, width, 40))
