"""One object asked for by clicks, a box and a mask to correct → up to three masks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box, Point
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine.embedded.boxes import Bounds, cut_box
from rubylith.engine.embedded.clicks import ANSWERS, Click, answers
from rubylith.engine.embedded.corrections import correct, tidied
from rubylith.engine.embedded.crops import Place
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.opinions import Guess, guess_box, guess_click
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.snapping import snap
from rubylith.engine.embedded.upscale import resize_bitmap

BoolArray = npt.NDArray[np.bool_]

# What masks turn out to be worth on the open set, as a share of what they promise; 2026-11-20.
CLICK_WORTH, BOX_WORTH = 0.68, 0.9
CLICK_WORTH_BESIDE_NETWORK = 0.72  # 2026-11-29; of clicks in the deepest point .76, anywhere .68
BOX_WORTH_BESIDE_NETWORK = 0.9
CORRECTED = 0.8  # predicted IoU of a mask that a person has looked at and corrected


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """bitmap: (H, W) bool at full size."""

    bitmap: BoolArray
    predicted_iou: float


def decode(picture: Picture, prompt: ObjectPrompt, nano: Nano | None) -> list[Candidate]:
    """Best first. A mask to correct is kept but for what the clicks contradict; a box bounds what clicks may mean.

    nano: the network, if it is here.
    """
    clicks = [working_click(picture, point) for point in prompt.points]
    box = None if prompt.box is None else prompt.box.clipped(picture.size)
    if isinstance(prompt.previous, RLE):
        candidates = [_corrected(picture, prompt.previous.bitmap(), prompt.points, nano)]
    elif box is not None:
        candidates = [_boxed(picture, box, clicks, nano)]
    else:
        guesses = [] if nano is None else guess_click(nano, picture.view, *_places(prompt.points))
        candidates = _clicked(picture, clicks, guesses, nano)
    for candidate in candidates:
        _obey(candidate.bitmap, picture, prompt.points)
    return candidates if box is None else [_inside(candidate, box) for candidate in candidates]


def working_click(picture: Picture, point: Point) -> Click:
    """Column and row at working size, inside the picture."""
    height, width = picture.leaves.labels.shape
    across, down = picture.scale
    x, y = int(point.x * across), int(point.y * down)
    return min(width - 1, max(0, x)), min(height - 1, max(0, y)), point.positive


def pixel_of(picture: Picture, point: Point) -> tuple[int, int]:
    """Column and row at full size, inside the picture."""
    return (
        min(picture.size.width - 1, max(0, int(point.x))),
        min(picture.size.height - 1, max(0, int(point.y))),
    )


def _obey(bitmap: BoolArray, picture: Picture, points: Sequence[Point]) -> None:
    """Sets each click's own pixel of a bitmap (H, W) as the click says: enlarging may have lost it."""
    for point in points:
        u, v = pixel_of(picture, point)
        if bitmap[v, u] != point.positive:
            bitmap[v, u] = point.positive


def working_bounds(picture: Picture, box: Box) -> Bounds:
    """The box in whole pixels at working size, at least one pixel each way."""
    height, width = picture.leaves.labels.shape
    across, down = picture.scale
    x0, y0 = (min(n - 1, max(0, round(v))) for v, n in ((box.x0 * across, width), (box.y0 * down, height)))
    x1, y1 = min(width, max(x0 + 1, round(box.x1 * across))), min(height, max(y0 + 1, round(box.y1 * down)))
    return x0, y0, x1, y1


def _boxed(picture: Picture, box: Box, clicks: list[Click], nano: Nano | None) -> Candidate:
    """The object in a box that lies in the picture, corrected by the clicks."""
    edges = box.x0, box.y0, box.x1, box.y1
    likely = None if nano is None else guess_box(nano, picture.view, edges, picture.leaves.labels.shape)
    mask, agreement = cut_box(picture, working_bounds(picture, box), likely)
    worth = BOX_WORTH if nano is None else BOX_WORTH_BESIDE_NETWORK
    return _candidate(picture, correct(picture, mask, clicks, nano), worth * agreement)


def _clicked(picture: Picture, clicks: list[Click], guesses: Sequence[Guess], nano: Nano | None) -> list[Candidate]:
    """Three that differ, best first, for the first positive click, of which there is one; the others correct each."""
    x, y, _ = next(click for click in clicks if click[2])
    drawn: list[tuple[float, BoolArray]] = []
    for answer in answers(picture, clicks, guesses):
        mask = snap(picture.small, answer.mask)
        mask[y, x] = True
        mended = correct(picture, tidied(mask, clicks), clicks, nano)
        if not any(np.array_equal(mended, other) for _, other in drawn):
            drawn.append((answer.expected_iou, mended))
        if len(drawn) == ANSWERS:
            break
    worth = CLICK_WORTH_BESIDE_NETWORK if guesses else CLICK_WORTH
    best_first = sorted(drawn, key=lambda one: -one[0])
    return [_candidate(picture, mask, worth * expected) for expected, mask in best_first]


def _places(points: Sequence[Point]) -> tuple[list[Place], list[Place]]:
    """Positive and negative clicks, in pixels of the picture."""
    positive, negative = ([(p.x, p.y) for p in points if p.positive == wanted] for wanted in (True, False))
    return positive, negative


def _corrected(picture: Picture, previous: BoolArray, points: Sequence[Point], nano: Nano | None) -> Candidate:
    """`previous` (H, W) where the clicks agree with it, mended where they do not."""
    height, width = picture.leaves.labels.shape
    clicks = [working_click(picture, point) for point in points]
    if previous.shape == (height, width):
        return Candidate(correct(picture, previous, clicks, nano), CORRECTED)
    grey = cv2.resize(previous.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
    before = grey > 127
    for (x, y, _), point in zip(clicks, points, strict=True):
        u, v = pixel_of(picture, point)
        before[y, x] = previous[v, u]  # a hole or a speck that shrinking has lost is contradicted all the same
    after = correct(picture, before, clicks, nano)
    changed = cv2.dilate((before != after).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    bitmap = np.where(resize_bitmap(changed, picture.size), resize_bitmap(after, picture.size), previous)
    return Candidate(bitmap, CORRECTED)


def _inside(candidate: Candidate, box: Box) -> Candidate:
    """Nothing outside the box, whose edges are rounded outwards."""
    height, width = candidate.bitmap.shape
    x0, y0 = (max(0, math.floor(v)) for v in (box.x0, box.y0))
    x1, y1 = min(width, math.ceil(box.x1)), min(height, math.ceil(box.y1))
    bitmap = np.zeros_like(candidate.bitmap)
    bitmap[y0:y1, x0:x1] = candidate.bitmap[y0:y1, x0:x1]
    return Candidate(bitmap, candidate.predicted_iou)


def _candidate(picture: Picture, mask: BoolArray, predicted_iou: float) -> Candidate:
    return Candidate(resize_bitmap(mask, picture.size), min(1.0, max(0.0, predicted_iou)))
