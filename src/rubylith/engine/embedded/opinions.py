"""What the network says of clicks and boxes, in the working size's coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.crops import CROP, Hints, Place, Window
from rubylith.engine.embedded.network import Nano, Opinion, View

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

CLICK_SCALES = (1.0, 0.6, 0.35, 0.2, 0.1)  # crop side over the picture's longer side, as in training
SMALLEST_SIDE = 24.0  # pixels of a crop
BOX_MARGINS = (1.2, 1.3, 1.5)  # crop side over a box's longer side
CORRECTION_MARGIN = 1.5  # crop side over the longer side of a mask and its clicks
LARGEST_SIDE = 1.2  # of such a crop, in longer sides of the picture
TINY = 0.02  # of the crop
CERTAINTY = 8.0  # how steeply a mask counts more with its predicted IoU
OUTSIDE = -9.0  # logit of what no crop shows


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """One mask of the network. logits: (128, 128) of its window; longest: the picture's longer side in pixels.

    rim: share of the crop's rim that it touches, 0 where the crop shows the whole picture; doubt: mean of p(1 - p) over
    its area; is_tiny: less than a fiftieth of the crop.
    """

    logits: FloatArray
    window: Window
    longest: int
    predicted_iou: float
    rim: float
    doubt: float
    is_tiny: bool

    def mask(self, shape: tuple[int, ...]) -> BoolArray:
        """(h, w) bool, of the whole picture at that size."""
        return place(self.logits, self.window, shape, max(shape) / self.longest) > 0

    def holds(self, x: int, y: int, shape: tuple[int, ...]) -> bool:
        """Whether the pixel in column x and row y of the whole picture at that size (h, w) is in the mask."""
        scale = max(shape) / self.longest
        column, row = self.window.inside(((x + 0.5) / scale, (y + 0.5) / scale))
        return 0 <= column < CROP and 0 <= row < CROP and bool(self.logits[int(row), int(column)] > 0)


def guess_click(nano: Nano, view: View, positive: Sequence[Place], negative: Sequence[Place]) -> list[Guess]:
    """Fifteen guesses at what a click means, from five crops round the first positive one."""
    x, y = positive[0]
    windows = [Window(x, y, max(view.longest * scale, SMALLEST_SIDE)) for scale in CLICK_SCALES]
    return _guesses(nano.ask(view, windows, Hints(positive, negative)), view)


def guess_correction(
    nano: Nano, view: View, previous: BoolArray, positive: Sequence[Place], negative: Sequence[Place]
) -> list[Guess]:
    """Three guesses at what an earlier mask (H, W), not an empty one, and clicks mean together: one crop round both."""
    rows, columns = np.flatnonzero(previous.any(axis=1)), np.flatnonzero(previous.any(axis=0))
    xs = [float(columns[0]), float(columns[-1]) + 1, *(x for x, _ in positive)]
    ys = [float(rows[0]), float(rows[-1]) + 1, *(y for _, y in positive)]
    longer = max(max(xs) - min(xs), max(ys) - min(ys), 16.0)
    side = min(longer * CORRECTION_MARGIN, view.longest * LARGEST_SIDE)
    window = Window((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, side)
    return _guesses(nano.ask(view, [window], Hints(positive, negative, previous=previous)), view)


def guess_box(nano: Nano, view: View, box: tuple[float, float, float, float], shape: tuple[int, ...]) -> FloatArray:
    """How likely each pixel is part of the object in a box: (h, w) float32, 0 to 1, of the whole picture at that size.

    Three crops, three masks each, averaged as logits by predicted IoU.
    """
    x0, y0, x1, y1 = box
    longer = max(x1 - x0, y1 - y0, 8.0)
    windows = [Window((x0 + x1) / 2, (y0 + y1) / 2, longer * margin) for margin in BOX_MARGINS]
    scale = max(shape) / view.longest
    total = np.zeros(shape, np.float32)
    for opinion in nano.ask(view, windows, Hints(box=box)):
        shares = np.exp(CERTAINTY * (opinion.predicted_ious - opinion.predicted_ious.max()))
        mixed = (opinion.logits * (shares / shares.sum())[:, None, None]).sum(axis=0)
        total += place(mixed, opinion.window, shape, scale)
    return _logistic(total / np.float32(len(windows)))


def place(logits: FloatArray, window: Window, shape: tuple[int, ...], scale: float) -> FloatArray:
    """Logits (128, 128) in their place in a picture of `shape` (h, w), `scale` of the window's coordinates: float32."""
    step = scale * window.side / CROP
    left, top = scale * (window.x - window.side / 2), scale * (window.y - window.side / 2)
    moved = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], np.float32)
    size = shape[1], shape[0]
    return np.asarray(
        cv2.warpAffine(logits, moved, size, flags=cv2.INTER_LINEAR, borderValue=OUTSIDE), np.float32
    )  # fmt: skip


def _logistic(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _guesses(opinions: Sequence[Opinion], view: View) -> list[Guess]:
    guesses: list[Guess] = []
    for opinion in opinions:
        is_part = opinion.window.side < view.longest
        inside = opinion.logits > 0
        rims = (inside[:, 0].mean(1) + inside[:, -1].mean(1) + inside[:, :, 0].mean(1) + inside[:, :, -1].mean(1)) / 4
        chances = _logistic(opinion.logits)
        doubts = (chances * (1 - chances)).sum((1, 2)) / (inside.sum((1, 2)) + 1)
        for logits, predicted_iou, rim, doubt, share in zip(
            opinion.logits, opinion.predicted_ious, rims * is_part, doubts, inside.mean((1, 2)), strict=True
        ):
            numbers = float(predicted_iou), float(rim), float(doubt), bool(share < TINY)
            guesses.append(Guess(logits, opinion.window, view.longest, *numbers))
    return guesses
