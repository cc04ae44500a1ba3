"""Prompts that the neural families are held to, and the picture they are about."""

from dataclasses import dataclass

import numpy as np

from rubylith.domain.geometry import Box, Point
from rubylith.domain.logits import Logits
from rubylith.domain.prompt import ObjectPrompt

HEIGHT, WIDTH = 75, 100


@dataclass(frozen=True)
class Case:
    """points: per object a list of (x, y); labels alike; boxes: per object XYXY. corrects: logits are given, too."""

    points: list[list[tuple[float, float]]] | None = None
    labels: list[list[int]] | None = None
    boxes: list[tuple[float, float, float, float]] | None = None
    corrects: bool = False

    @property
    def is_ambiguous(self) -> bool:
        return self.boxes is None and not self.corrects and self.points is not None and len(self.points[0]) == 1

    def prompts(self, previous: np.ndarray) -> tuple[ObjectPrompt, ...]:
        """As the engine takes them."""
        result = []
        for index in range(len(self.points or self.boxes or ())):
            clicks = zip(self.points[index], self.labels[index], strict=True) if self.points and self.labels else ()
            points = tuple(Point(x, y, bool(label)) for (x, y), label in clicks)
            box = Box(*self.boxes[index]) if self.boxes else None
            result.append(ObjectPrompt(points, box, Logits.of(previous) if self.corrects else None))
        return tuple(result)


CASES = {
    "click": Case([[(30, 40)]], [[1]]),
    "two_objects": Case([[(30, 40)], [(81.5, 12.25)]], [[1], [1]]),
    "two_clicks": Case([[(30, 40), (90, 70)]], [[1, 0]]),
    "box": Case(boxes=[(10, 12, 60, 70)]),
    "two_boxes": Case(boxes=[(10, 12, 60, 70), (50, 0, 100, 30)]),
    "box_and_click": Case([[(30, 40)]], [[1]], [(10, 12, 60, 70)]),
    "correction": Case([[(30, 40), (90, 70)]], [[1, 0]], corrects=True),
    "box_correction": Case(boxes=[(10, 12, 60, 70)], corrects=True),
}


def picture() -> np.ndarray:
    """(75, 100, 3) uint8: soft colours with two shapes."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([rows * 2, columns * 2, 200 - rows - columns // 2], 2).astype(np.uint8)
    pixels[(columns - 35) ** 2 + (rows - 40) ** 2 < 400] = (200, 40, 60)
    pixels[5:25, 60:95] = (20, 180, 220)
    return pixels


def assert_as_referred(answers, reference, name, size=(HEIGHT, WIDTH)):
    """Logits and predicted IoU within 1e-3 of the stored ones of a case, masks of an IoU of .99 and more."""
    wanted = np.unpackbits(reference[f"{name}.masks"], axis=-1, count=size[1]).astype(bool)
    assert len(answers) == len(wanted)
    for index, candidates in enumerate(answers):
        scores = reference[f"{name}.iou"][index]
        order = np.argsort(-scores, kind="stable")
        assert len(candidates) == len(order)
        for mask, k in zip(candidates, order, strict=True):
            assert np.abs(mask.low_res_logits.values - reference[f"{name}.logits"][index, k]).max() < 1e-3
            assert abs(mask.predicted_iou - min(max(scores[k], 0), 1)) < 1e-3
            found = mask.rle.bitmap()
            assert found.shape == size
            union = (found | wanted[index, k]).sum()
            assert union == 0 or (found & wanted[index, k]).sum() / union >= 0.99
