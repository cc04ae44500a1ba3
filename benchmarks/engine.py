"""The embedded model behind the evaluator's interface: `segeval.py --engine benchmarks.engine:Embedded`."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.domain.rle import RLE
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.upscale import resize_labels
from rubylith.engine.engine import Engine

BoolArray = npt.NDArray[np.bool_]

LEVELS = np.linspace(0.1, 0.6, 40)  # merge prices at which the hierarchy is cut
# All regions, ranked: the thresholds would hide what average recall at 1000 looks at.
ALL = Everything(points_per_side=64, pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=1.0)


class Embedded:
    """One picture at a time, as the evaluator asks."""

    everything_options = ALL

    def __init__(self) -> None:
        self.engine = Engine("embedded")

    def set_image(self, rgb: npt.NDArray[np.uint8]) -> None:
        """rgb: (H, W, 3) uint8."""
        pixels = np.ascontiguousarray(rgb)
        self.image = Image(pixels, sha256(pixels.tobytes()).hexdigest())
        self.embedding = self.engine.embed(self.image)

    def points(self, xy: Sequence[tuple[int, int]], labels: Sequence[int], prev: BoolArray | None) -> BoolArray:
        """xy: pixels; labels: 1 object, 0 background; prev: (H, W) bool, the last answer."""
        clicks = tuple(Point(x + 0.5, y + 0.5, bool(label)) for (x, y), label in zip(xy, labels, strict=True))
        previous = None if prev is None else RLE.from_bitmap(prev)
        return self._mask(ObjectPrompt(clicks, previous=previous))

    def box(self, xyxy: tuple[float, float, float, float]) -> BoolArray:
        """xyxy: half-open."""
        return self._mask(ObjectPrompt(box=Box(*xyxy)))

    def everything(self) -> list[tuple[BoolArray, float]]:
        """All proposals with their predicted IoU."""
        result = self.engine.segment(self.image, self.everything_options, embedding=self.embedding)
        return [(mask.rle.bitmap(), mask.predicted_iou) for mask in result.masks]

    def hierarchy(self) -> list[npt.NDArray[np.int32]]:
        """Label maps from fine to coarse at fixed merge prices."""
        picture = self.embedding.features
        assert isinstance(picture, Picture)
        cuts = [picture.hierarchy.cut(level).astype(np.int32) for level in LEVELS]
        labels = resize_labels(picture.leaves.labels, picture.pixels)
        return [cut[labels] for cut in cuts]

    def _mask(self, prompt: ObjectPrompt) -> BoolArray:
        result = self.engine.segment(self.image, Objects((prompt,)), embedding=self.embedding)
        return result.masks[0].rle.bitmap()
