"""Windows on a picture that is large for a network: where they lie, what is in them, and what their edges cut off."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.rle import RLE
from rubylith.engine.refine import box_array


def tiles(size: Size, side: int, overlap: int) -> tuple[Box, ...]:
    """Equal windows of at most `side` pixels a side that overlap by at least `overlap`; none if one would do.

    Whole pixels, row by row, evenly spread from one edge to the other.
    """
    rows, columns = (_starts(full, side, overlap) for full in (size.height, size.width))
    if len(rows) * len(columns) == 1:
        return ()
    height, width = min(side, size.height), min(side, size.width)
    return tuple(Box(x, y, x + width, y + height) for y, x in itertools.product(rows, columns))


def part_of(image: Image, window: Box) -> Image:
    """What is in a window of whole pixels, as a picture of its own."""
    x0, y0, x1, y1 = (int(edge) for edge in (window.x0, window.y0, window.x1, window.y1))
    return Image(np.ascontiguousarray(image.pixels[y0:y1, x0:x1]), f"{image.digest}[{y0}:{y1},{x0}:{x1}]")


def pasted(part: RLE, window: Box, size: Size) -> RLE:
    """A mask of what is in a window, as one of the whole picture."""
    bitmap = np.zeros((size.height, size.width), np.bool_)
    bitmap[int(window.y0) : int(window.y1), int(window.x0) : int(window.x1)] = part.bitmap()
    return RLE.from_bitmap(bitmap)


def is_cut(box: Box, window: Box, size: Size, near: float) -> bool:
    """True if the box ends within `near` pixels of where its window does and the picture does not."""
    return bool(are_cut(box_array([box]), window, size, near)[0])


def are_cut(boxes: npt.NDArray[np.float64], window: Box, size: Size, near: float) -> npt.NDArray[np.bool_]:
    """`is_cut` of many: (N, 4) XYXY in pixels of the picture → (N,).

    Source: segment-anything, utils/amg.py, is_box_near_crop_edge, where boxes name the first and the last pixel.
    """
    at_window, at_picture = box_array([window, Box.of(size)])
    return ((np.abs(boxes - at_window) <= near) & (np.abs(boxes - at_picture) > near)).any(1)


def anything(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """As AreWhole, where nothing is cropped."""
    return np.ones(len(boxes), np.bool_)


def _starts(full: int, side: int, overlap: int) -> list[int]:
    if full <= side:
        return [0]
    count = math.ceil((full - overlap) / (side - overlap))
    return [round(index * (full - side) / (count - 1)) for index in range(count)]
