"""What a picture is a picture of: the one mask that stays when the background is taken away, for every family.

Whoever takes a photograph puts its subject into the middle. A box round the middle says what that is; but a box means
what fills it, which round a small subject is the background. So a click in the middle is asked as well, and of all
candidates the one is taken that promises most and holds the middle and not the picture's rim.

A subject that goes on beyond the box is cut off straight there. An answer to a click has no such limit: where one
agrees with the box's answer as far as the box reaches, it is the same thing, seen whole, and is taken instead, with
those of its holes filled that the box's answer does not have.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import RLE, BoolArray
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.progress import ignore

# Share of each side that is taken for background: the best of .02, .05, .1, .15, .2, .25 on 47 photographs of
# benchmarks/subject.py, 2026-11-20.
INSET = 0.15
MIDDLE = 0.4  # share of each side that is not the middle
AGREES = 0.5  # IoU in the frame from which two answers mean the same; .5 to .6 hardly differ, 2026-11-29
AT_FRAME = 0.01  # of a side: how near to the frame an answer is taken to end at it


def segment(segmenter: Segmenter, embedding: Embedding, *, progress: Progress = ignore) -> Segmentation:
    """One mask, or none where the model finds nothing."""
    size = embedding.size
    progress(0.0)
    (framed,) = segmenter.decode(embedding, [ObjectPrompt(box=_frame(size, INSET))])
    progress(0.4)
    clicked = _clicked(segmenter, embedding, Point(size.width / 2, size.height / 2))
    progress(0.7)
    masks = tuple(sorted((*framed[:1], *clicked), key=_merit, reverse=True)[:1])
    if framed and masks[0] is framed[0]:
        masks = (_whole(segmenter, embedding, framed[0], clicked),)
    progress(1.0)
    return Segmentation(size, masks, disjoint=True, model=embedding.provenance)


def _clicked(segmenter: Segmenter, embedding: Embedding, place: Point) -> Sequence[Mask]:
    (candidates,) = segmenter.decode(embedding, [ObjectPrompt((place,))])
    return candidates


def _whole(segmenter: Segmenter, embedding: Embedding, framed: Mask, clicked: Sequence[Mask]) -> Mask:
    """`framed`, or where the frame cuts it off what an answer to a click says it is: of those in the picture's middle,
    or else in the deepest point of `framed` itself, the one that agrees with it best inside the frame.
    """
    frame = _frame(embedding.size, INSET)
    if not _is_cut(framed, frame, embedding.size):
        return framed
    bitmap = framed.bitmap()
    if (same := _agreeing(clicked, bitmap, frame)) is None:
        same = _agreeing(_clicked(segmenter, embedding, _deepest(bitmap)), bitmap, frame)
    return framed if same is None else _filled(same, bitmap)


def _filled(mask: Mask, framed: BoolArray) -> Mask:
    """The mask with what it encloses and `framed` (H, W) holds."""
    bitmap = mask.bitmap()
    around = np.pad(bitmap, 1).astype(np.uint8)
    cv2.floodFill(around, None, (0, 0), (1,))
    rle = RLE.from_bitmap(bitmap | (framed & (around[1:-1, 1:-1] == 0)))
    return replace(mask, rle=rle, box=rle.box)


def _is_cut(mask: Mask, frame: Box, size: Size) -> bool:
    """Whether it reaches a side of the frame."""
    if not mask.rle.area:
        return False
    across, down = AT_FRAME * size.width, AT_FRAME * size.height
    low = mask.box.x0 <= frame.x0 + across or mask.box.y0 <= frame.y0 + down
    return low or mask.box.x1 >= frame.x1 - across or mask.box.y1 >= frame.y1 - down


def _agreeing(candidates: Sequence[Mask], framed: BoolArray, frame: Box) -> Mask | None:
    """The candidate that is most like `framed` (H, W) inside the frame, if any is; never the whole picture."""
    inside = np.s_[math.floor(frame.y0) : math.ceil(frame.y1), math.floor(frame.x0) : math.ceil(frame.x1)]
    agreements = [_iou(mask.bitmap()[inside], framed[inside]) if _merit(mask) else 0.0 for mask in candidates]
    best = max(agreements, default=0.0)
    return candidates[agreements.index(best)] if best >= AGREES else None


def _iou(one: BoolArray, other: BoolArray) -> float:
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 0.0


def _deepest(bitmap: BoolArray) -> Point:
    """The middle of the pixel that lies deepest inside, away from the picture's edge too."""
    depth = cv2.distanceTransform(np.pad(bitmap, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), bitmap.shape)
    return Point(float(column) + 0.5, float(row) + 0.5)


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
