"""What the network sees: square crops of the picture with their prompts, and a thumbnail with the crop marked.

The network was trained on exactly these planes: `training/nano/crops.py` makes the same bytes; a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.runtimes import Array

UInt8Array = npt.NDArray[np.uint8]
Place = tuple[float, float]  # x, y

CROP, THUMB = 128, 64  # pixels a side
GREY = 127  # what lies outside the picture
SPOT_RADIUS = 9
SPOT = (
    np.exp(-(np.arange(-9, 10)[:, None] ** 2 + np.arange(-9, 10)[None] ** 2) / np.float64(18)) * 255
).astype(np.uint8)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A square of the picture: centre and side in pixels; it may reach beyond the picture."""

    x: float
    y: float
    side: float

    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom as whole pixels, at least one wide."""
        left, top = round(self.x - self.side / 2), round(self.y - self.side / 2)
        return left, top, max(round(self.x + self.side / 2), left + 1), max(round(self.y + self.side / 2), top + 1)

    def inside(self, place: Place) -> Place:
        """A place in the picture as a place in the crop."""
        scale = CROP / self.side
        return (place[0] - self.x) * scale + CROP / 2, (place[1] - self.y) * scale + CROP / 2

    def scaled(self, factor: float) -> "Window":
        """The same window in a picture `factor` times as large."""
        return Window(self.x * factor, self.y * factor, self.side * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """What a caller says, in pixels of the picture. previous: (H, W) bool, a mask to correct."""

    positive: Sequence[Place] = ()
    negative: Sequence[Place] = ()
    box: tuple[float, float, float, float] | None = None
    previous: npt.NDArray[np.bool_] | None = None


def thumbnail(pixels: UInt8Array) -> UInt8Array:
    """(H, W, 3) → (64, 64, 3) uint8: the picture in the upper left corner of a grey square."""
    height, width = pixels.shape[:2]
    scale = THUMB / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    square = np.full((THUMB, THUMB, 3), GREY, np.uint8)
    square[: small.shape[0], : small.shape[1]] = small
    return square


def cut(pixels: UInt8Array, window: Window) -> UInt8Array:
    """The window of a picture (H, W, 3), grey outside of it, as (128, 128, 3) uint8."""
    part = _part(pixels, window, GREY)
    how = cv2.INTER_AREA if window.side > CROP else cv2.INTER_LINEAR
    return cast("UInt8Array", cv2.resize(part, (CROP, CROP), interpolation=how))


def cut_mask(mask: npt.NDArray[np.bool_], window: Window) -> UInt8Array:
    """The window of a mask (H, W) as (128, 128) uint8, 0 or 255; outlines stay smooth where it is enlarged."""
    part = _part(mask.view(np.uint8), window, 0) * np.uint8(255)
    if window.side >= CROP:
        return cast("UInt8Array", cv2.resize(part, (CROP, CROP), interpolation=cv2.INTER_NEAREST))
    grey = cv2.resize(part, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
    return (grey > 127).astype(np.uint8) * np.uint8(255)


def hint_planes(window: Window, hints: Hints) -> UInt8Array:
    """(4, 128, 128) uint8: positive clicks, negative clicks, the box, the previous mask."""
    planes = np.zeros((4, CROP, CROP), np.uint8)
    for plane, places in zip(planes, (hints.positive, hints.negative), strict=False):
        for place in places:
            _mark(plane, window.inside(place))
    if hints.box is not None:
        x0, y0, x1, y1 = hints.box
        corners = (*window.inside((x0, y0)), *window.inside((x1, y1)))
        left, top, right, bottom = (round(min(max(edge, 0), CROP)) for edge in corners)
        planes[2, top:bottom, left:right] = 255
    if hints.previous is not None:
        planes[3] = cut_mask(hints.previous, window)
    return planes


def context_planes(thumb: UInt8Array, longest: int, window: Window, positive: Sequence[Place]) -> UInt8Array:
    """(64, 64, 5) uint8: thumbnail, crop window, positive clicks. longest: the picture's longer side in pixels."""
    scale = THUMB / longest
    planes = np.zeros((THUMB, THUMB, 5), np.uint8)
    planes[..., :3] = thumb
    left, top, right, bottom = (max(0, round(edge * scale)) for edge in window.edges())
    planes[top:bottom, left:right, 3] = 255
    marks = np.zeros((THUMB, THUMB), np.uint8)
    for x, y in positive:
        _mark(marks, (x * scale, y * scale))
    planes[..., 4] = marks
    return planes


def numbers(window: Window, longest: int, *, is_box: bool) -> Array:
    """(2,) float32: 1 for a box, ln(crop side / picture side)."""
    return np.array([is_box, np.log(window.side / longest)], np.float32)


def _part(pixels: UInt8Array, window: Window, outside: int) -> UInt8Array:
    """The window at the picture's own resolution."""
    left, top, right, bottom = window.edges()
    height, width = pixels.shape[:2]
    part = pixels[max(top, 0) : max(min(bottom, height), 1), max(left, 0) : max(min(right, width), 1)]
    border = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    if any(border):
        return cast("UInt8Array", cv2.copyMakeBorder(part, *border, cv2.BORDER_CONSTANT, value=(outside,) * 3))
    return part


def _mark(plane: UInt8Array, place: Place) -> None:
    """A click as a small Gaussian, in place; of clicks outside, what reaches in."""
    column, row = round(place[0]), round(place[1])
    y0, y1 = max(row - SPOT_RADIUS, 0), min(row + SPOT_RADIUS + 1, plane.shape[0])
    x0, x1 = max(column - SPOT_RADIUS, 0), min(column + SPOT_RADIUS + 1, plane.shape[1])
    if x1 > x0 and y1 > y0:
        area = plane[y0:y1, x0:x1]
        top, left = y0 - row + SPOT_RADIUS, x0 - column + SPOT_RADIUS
        np.maximum(area, SPOT[top : top + y1 - y0, left : left + x1 - x0], out=area)
