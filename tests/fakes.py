"""Stand-ins that are real enough to be wrong: a model family that needs no picture."""

import sys
import time
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from rubylith.domain.geometry import Point, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import AreWhole, Embedding, Progress
from rubylith.engine.windows import anything

RADIUS = 5


def disc(size: Size, x: float, y: float, radius: float = RADIUS) -> Mask:
    """The pixels within `radius` of (x, y)."""
    rows, columns = np.ogrid[: size.height, : size.width]
    rle = RLE.from_bitmap((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)
    return Mask(rle, rle.box, predicted_iou=0.95, stability_score=0.97, points=(Point(x, y),))


def middle(prompt: ObjectPrompt) -> tuple[float, float]:
    """Where the disc goes."""
    box = prompt.box or (prompt.previous.box if prompt.previous else None)
    if prompt.points or box is None:
        return prompt.points[0].x, prompt.points[0].y
    return (box.x0 + box.x1) // 2, (box.y0 + box.y1) // 2


class FakeSegmenter:
    """A disc round each first point or in the middle of the box, or one in each corner of a grid of 40 pixels.

    embedded: digests of the pictures it has looked at. seconds: how long each look takes.
    """

    def __init__(self, model: str = "fake", seconds: float = 0) -> None:
        self.model = model
        self.seconds = seconds
        self.embedded: list[str] = []

    def embed(self, image: Image) -> Embedding:
        self.embedded.append(image.digest)
        time.sleep(self.seconds)
        return Embedding(self.model, image.size, image.digest, features=None)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        return tuple(tuple(disc(embedding.size, *middle(p), RADIUS * k) for k in (1, 2, 3)) for p in prompts)

    def propose(
        self, embedding: Embedding, everything: Everything, progress: Progress, are_whole: AreWhole = anything
    ) -> tuple[Mask, ...]:
        progress(0.5)
        height, width = embedding.size.height, embedding.size.width
        return tuple(disc(embedding.size, x, y) for y in range(20, height, 40) for x in range(20, width, 40))


def install(segmenter: FakeSegmenter, name: str = "embedded") -> None:
    """From now on `name` means this segmenter, in this process."""
    module = ModuleType(f"rubylith.engine.models.{name}")
    module.load = lambda weights, device: segmenter
    sys.modules[module.__name__] = module
