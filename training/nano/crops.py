"""What the network sees: a square crop with its prompts, and a thumbnail of the whole photo with the crop marked.

Shared by training, evaluation and (by the same definitions) the engine. Photo coordinates are pixels, x right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

THUMB = 64
SCALES = (1.0, 0.6, 0.35, 0.2, 0.1)  # crop side over the photo's longest side, tried for a click
BOX_MARGIN = 1.3  # crop side over a box's longer side
GREY = 127
SPOT = (np.exp(-(np.arange(-9, 10)[:, None] ** 2 + np.arange(-9, 10)[None] ** 2) / 18.0) * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Window:
    """A square of the photo: centre and side in pixels."""

    x: float
    y: float
    side: float

    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom as whole pixels, at least one wide."""
        left, top = round(self.x - self.side / 2), round(self.y - self.side / 2)
        return left, top, max(round(self.x + self.side / 2), left + 1), max(round(self.y + self.side / 2), top + 1)

    def inside(self, x: float, y: float, size: int) -> tuple[float, float]:
        """A photo point in a crop of `size` pixels."""
        scale = size / self.side
        return (x - self.x) * scale + size / 2, (y - self.y) * scale + size / 2


def cut(picture: np.ndarray, window: Window, size: int, *, labels: bool = False) -> np.ndarray:
    """The window of a photo (grey outside it) or, with `labels`, of a map (0 outside), scaled to size x size."""
    left, top, right, bottom = window.edges()
    height, width = picture.shape[:2]
    part = picture[max(top, 0) : max(min(bottom, height), 1), max(left, 0) : max(min(right, width), 1)]
    border = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    if any(border):
        part = cv2.copyMakeBorder(part, *border, cv2.BORDER_CONSTANT, value=0 if labels else (GREY,) * 3)
    how = cv2.INTER_NEAREST if labels else cv2.INTER_AREA if window.side > size else cv2.INTER_LINEAR
    return cv2.resize(part, (size, size), interpolation=how)


def cut_mask(mask: np.ndarray, window: Window, size: int) -> np.ndarray:
    """The window of a mask (H, W) of 0 and 1 as size x size uint8, with smooth outlines where it is enlarged."""
    if window.side >= size:
        return cut(mask, window, size, labels=True)
    left, top, right, bottom = window.edges()
    height, width = mask.shape
    part = mask[max(top, 0) : max(min(bottom, height), 1), max(left, 0) : max(min(right, width), 1)]
    border = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    framed = cv2.copyMakeBorder(part * np.uint8(255), *border, cv2.BORDER_CONSTANT, value=0)
    return (cv2.resize(framed, (size, size), interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8)


def spot(plane: np.ndarray, x: float, y: float) -> None:
    """Mark a click in place by a small Gaussian; points outside leave what reaches in."""
    column, row = round(x), round(y)
    x0, y0, x1, y1 = (
        max(column - 9, 0),
        max(row - 9, 0),
        min(column + 10, plane.shape[1]),
        min(row + 10, plane.shape[0]),
    )
    if x1 > x0 and y1 > y0:
        area = plane[y0:y1, x0:x1]
        np.maximum(area, SPOT[y0 - row + 9 : y1 - row + 9, x0 - column + 9 : x1 - column + 9], out=area)


def hint_planes(
    size: int,
    positive: list[tuple[float, float]],
    negative: list[tuple[float, float]],
    box: tuple[float, float, float, float] | None,
    previous: np.ndarray | None,
) -> np.ndarray:
    """Prompts in crop coordinates, (4, size, size) uint8: positive clicks, negative clicks, box, previous mask."""
    planes = np.zeros((4, size, size), np.uint8)
    for plane, points in zip(planes, (positive, negative), strict=False):
        for x, y in points:
            spot(plane, x, y)
    if box is not None:
        x0, y0, x1, y1 = (round(min(max(edge, 0), size)) for edge in box)
        planes[2, y0:y1, x0:x1] = 255
    if previous is not None:
        planes[3] = previous
    return planes


def thumbnail(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """The photo in the corner of a grey THUMB x THUMB x 3 square, and its scale."""
    height, width = photo.shape[:2]
    scale = THUMB / max(height, width)
    small = cv2.resize(
        photo, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    square = np.full((THUMB, THUMB, 3), GREY, np.uint8)
    square[: small.shape[0], : small.shape[1]] = small
    return square, scale


def context(thumb: np.ndarray, scale: float, window: Window, clicks: list[tuple[float, float]]) -> np.ndarray:
    """(THUMB, THUMB, 5) uint8: thumbnail, crop window, positive clicks (photo coordinates)."""
    planes = np.zeros((THUMB, THUMB, 5), np.uint8)
    planes[..., :3] = thumb
    left, top, right, bottom = (round(edge * scale) for edge in window.edges())
    planes[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0), 3] = 255
    marks = np.zeros((THUMB, THUMB), np.uint8)
    for x, y in clicks:
        spot(marks, x * scale, y * scale)
    planes[..., 4] = marks
    return planes


def deepest(mask: np.ndarray) -> tuple[int, int]:
    """Column and row of the point farthest from the mask's edge (the picture's edge counts)."""
    distance = cv2.distanceTransform(
        cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), cv2.DIST_L2, 3
    )
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(column) - 1, int(row) - 1
