"""What a picture is a picture of: the one mask that stays when the background is taken away, for every family.

Whoever takes a photograph puts its subject into the middle. A box round the middle says what that is; but a box means
what fills it, which round a small subject is the background. So a click in the middle is asked as well, and of all
candidates the one is taken that promises most and holds the middle and not the picture's rim.
"""

import numpy as np

from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import BoolArray
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.progress import ignore

# Share of each side that is taken for background: the best of .02, .05, .1, .15, .2, .25 on 47 photographs of
# benchmarks/subject.py, 2026-11-20. A click in the middle of the answer, to reach beyond the frame, gained nothing.
INSET = 0.15
MIDDLE = 0.4  # share of each side that is not the middle


def segment(segmenter: Segmenter, embedding: Embedding, *, progress: Progress = ignore) -> Segmentation:
    """One mask, or none where the model finds nothing."""
    size = embedding.size
    progress(0.0)
    (framed,) = segmenter.decode(embedding, [ObjectPrompt(box=_frame(size, INSET))])
    progress(0.5)
    (clicked,) = segmenter.decode(embedding, [ObjectPrompt((Point(size.width / 2, size.height / 2),))])
    masks = tuple(sorted((*framed[:1], *clicked), key=_merit, reverse=True)[:1])
    progress(1.0)
    return Segmentation(size, masks, disjoint=True, model=embedding.provenance)


def _frame(size: Size, inset: float) -> Box:
    left, top = size.width * inset, size.height * inset
    return Box(left, top, size.width - left, size.height - top)


def _merit(mask: Mask) -> float:
    """Predicted IoU times centredness, neither below 0."""
    return max(0.0, mask.predicted_iou) * max(0.0, _centredness(mask.bitmap()))


def _centredness(bitmap: BoolArray) -> float:
    """Share of the middle that is held less that of the picture's rim: from -1 to 1."""
    rim = np.concatenate([bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1]])
    return _middle_of(bitmap) - float(rim.mean())


def _middle_of(bitmap: BoolArray) -> float:
    """Share of the picture's middle that is held."""
    height, width = bitmap.shape
    top, left = int(height * MIDDLE), int(width * MIDDLE)
    return float(bitmap[top : height - top, left : width - left].mean())
