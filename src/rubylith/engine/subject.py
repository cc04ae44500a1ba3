"""What a picture is a picture of: the one mask that stays when the background is taken away, for every family.

Whoever takes a photograph puts its subject into the middle. A box round the middle says what that is; but a box means
what fills it, which round a small subject is the background. So a click in the middle is asked as well, and of all
candidates the one is taken that promises most and holds the middle and not the picture's rim.

A subject that goes on beyond the box is cut off straight there. An answer to a click has no such limit: where one
agrees with the box's answer as far as the box reaches, it is the same thing, seen whole, and is taken instead, with
those of its holes filled that the box's answer does not have.

Answers are judged by up to a thousand of their rows and columns: to decode each at full size takes most of the time in
pictures of 24 megapixels. Only holes are filled at full size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np

from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import RLE, BoolArray, IndexArray
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.progress import between, ignore

# Share of each side that is taken for background: the best of .02, .05, .1, .15, .2, .25 on 47 photographs of
# benchmarks/subject.py, 2026-11-20.
INSET = 0.15
MIDDLE = 0.4  # share of each side that is not the middle
AGREES = 0.5  # IoU in the frame from which two answers mean the same; .5 to .6 hardly differ, 2026-11-29
# Rows or columns by which an answer is judged. A click one pixel aside may be answered otherwise: with 512, three of
# the 47 photographs change by .07 to .09, 2026-11-29; none of them has more than 1024.
FINEST = 1024
AT_FRAME = 0.01  # of a side: how near to the frame an answer is taken to end at it


@dataclass(frozen=True, slots=True)
class _Grid:
    """The rows and columns by which answers are judged: the first, the last and as many between as FINEST allows."""

    rows: IndexArray
    columns: IndexArray

    @classmethod
    def over(cls, size: Size) -> Self:
        """As far apart across as down."""
        scale = min(1.0, FINEST / max(size.width, size.height))
        return cls(_spread(size.height, scale), _spread(size.width, scale))

    def inside(self, box: Box) -> tuple[slice, slice]:
        """The part of the grid whose pixels lie in the box, if only partly."""
        across, down = (
            slice(*np.searchsorted(places, (np.floor(first), np.ceil(last))))
            for places, first, last in ((self.columns, box.x0, box.x1), (self.rows, box.y0, box.y1))
        )
        return down, across


@dataclass(frozen=True, slots=True)
class _Answer:
    """A mask and its bitmap where the grid is: (rows, columns) bool."""

    mask: Mask
    seen: BoolArray

    @property
    def merit(self) -> float:
        """Predicted IoU times centredness, neither below 0."""
        return max(0.0, self.mask.predicted_iou) * max(0.0, _centredness(self.seen))


def segment(segmenter: Segmenter, embedding: Embedding, *, progress: Progress = ignore) -> Segmentation:
    """One mask, or none where the model finds nothing."""
    size = embedding.size
    grid = _Grid.over(size)
    progress(0.0)
    framed = _answers(segmenter, embedding, ObjectPrompt(box=_frame(size, INSET)), grid)[:1]
    progress(0.4)
    clicked = _answers(segmenter, embedding, _click(Point(size.width / 2, size.height / 2)), grid)
    progress(0.7)
    best = sorted((*framed, *clicked), key=lambda answer: answer.merit, reverse=True)[:1]
    masks = tuple(answer.mask for answer in best)
    if framed and best[0] is framed[0]:
        masks = (_whole(segmenter, embedding, grid, (framed[0], clicked), progress=between(progress, 0.7, 1.0)),)
    progress(1.0)
    return Segmentation(size, masks, disjoint=True, model=embedding.provenance)


def _answers(segmenter: Segmenter, embedding: Embedding, prompt: ObjectPrompt, grid: _Grid) -> Sequence[_Answer]:
    (candidates,) = segmenter.decode(embedding, [prompt])
    return [_Answer(mask, mask.rle.at(grid.rows, grid.columns)) for mask in candidates]


def _click(place: Point) -> ObjectPrompt:
    return ObjectPrompt((place,))


def _whole(
    segmenter: Segmenter,
    embedding: Embedding,
    grid: _Grid,
    answers: tuple[_Answer, Sequence[_Answer]],
    *,
    progress: Progress,
) -> Mask:
    """The frame's answer, or where the frame cuts it off what an answer to a click says it is: of those in the
    picture's middle, or else in the deepest point of the frame's answer, the one that agrees with it best inside.

    answers: the frame's and the clicks'.
    """
    framed, clicked = answers
    frame = _frame(embedding.size, INSET)
    if not _is_cut(framed.mask, frame, embedding.size):
        return framed.mask
    inside = grid.inside(frame)
    same = _agreeing(clicked, framed, inside)
    progress(0.1)
    if same is None:
        again = _answers(segmenter, embedding, _click(_deepest(framed.seen, grid)), grid)
        progress(0.7)
        same = _agreeing(again, framed, inside)
    progress(0.8)
    return framed.mask if same is None else _filled(same, framed.mask.rle)


def _filled(mask: Mask, framed: RLE) -> Mask:
    """The mask with what it encloses and `framed` holds."""
    box, bitmap = mask.rle.tight()
    around = np.pad(bitmap, 1).view(np.uint8)
    cv2.floodFill(around, None, (0, 0), (1,))
    holes = around[1:-1, 1:-1] == 0
    if not holes.any():
        return mask
    x, y = int(box.x0), int(box.y0)
    holes &= framed.bitmap()[y : y + bitmap.shape[0], x : x + bitmap.shape[1]]
    return replace(mask, rle=RLE.from_window(mask.rle.size, bitmap | holes, x, y))


def _is_cut(mask: Mask, frame: Box, size: Size) -> bool:
    """Whether it reaches a side of the frame."""
    if not mask.rle.area:
        return False
    across, down = AT_FRAME * size.width, AT_FRAME * size.height
    low = mask.box.x0 <= frame.x0 + across or mask.box.y0 <= frame.y0 + down
    return low or mask.box.x1 >= frame.x1 - across or mask.box.y1 >= frame.y1 - down


def _agreeing(candidates: Sequence[_Answer], framed: _Answer, inside: tuple[slice, slice]) -> Mask | None:
    """The candidate that is most like `framed` inside the frame, if any is; never the whole picture."""
    agreements = [_iou(one.seen[inside], framed.seen[inside]) if one.merit else 0.0 for one in candidates]
    best = max(agreements, default=0.0)
    return candidates[agreements.index(best)].mask if best >= AGREES else None


def _iou(one: BoolArray, other: BoolArray) -> float:
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 0.0


def _deepest(seen: BoolArray, grid: _Grid) -> Point:
    """The middle of the pixel that lies deepest inside, away from the picture's edge too. seen: (rows, columns) bool"""
    depth = cv2.distanceTransform(np.pad(seen, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), seen.shape)
    return Point(float(grid.columns[column]) + 0.5, float(grid.rows[row]) + 0.5)


def _spread(length: int, scale: float) -> IndexArray:
    """Places along a side, as many as `scale` leaves of it but no fewer than both ends and the middle."""
    count = max(round(length * scale), min(length, 3))
    return np.linspace(0, length - 1, count).round().astype(np.intp)


def _frame(size: Size, inset: float) -> Box:
    left, top = size.width * inset, size.height * inset
    return Box(left, top, size.width - left, size.height - top)


def _centredness(bitmap: BoolArray) -> float:
    """Share of the middle that is held less that of the picture's rim: from -1 to 1."""
    rim = np.concatenate([bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1]])
    return _middle_of(bitmap) - float(rim.mean())


def _middle_of(bitmap: BoolArray) -> float:
    """Share of the picture's middle that is held."""
    height, width = bitmap.shape
    top, left = int(height * MIDDLE), int(width * MIDDLE)
    return float(bitmap[top : height - top, left : width - left].mean())
