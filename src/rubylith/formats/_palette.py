"""Colours of masks: twelve hues of equal lightness, and one red for a mask that stands alone."""

import math

import numpy as np
import numpy.typing as npt

from rubylith.domain.segmentation import Segmentation
from rubylith.formats._layers import bottom_up, label_map

RGB = tuple[int, int, int]

RED: RGB = (0xD1, 0x1A, 0x3A)  # the film's colour
HUES: tuple[RGB, ...] = (  # OKLCH L 0.72, C 0.14, h = 0, 30, … 330 degrees, clipped to sRGB
    (234, 124, 161),
    (239, 128, 111),
    (227, 141, 61),
    (199, 160, 30),
    (154, 177, 64),
    (91, 189, 116),
    (0, 192, 168),
    (0, 187, 213),
    (63, 175, 243),
    (131, 159, 252),
    (178, 143, 239),
    (213, 130, 206),
)
DARKER = 0.25  # from one round of the hues to the next
FILL, LINE = 0.38, 0.95  # opacity of a mask's inside and of its outline
LINE_WIDTH = 1.5  # pixels

PREFERENCE = tuple((8 + 5 * i) % 12 for i in range(12))  # blue, coral, teal, magenta, …: each far from the last
LIKENESS = np.array([1.0, 0.7, 0.35, 0.12, 0.03, 0.0, 0.0])  # of two hues, by steps apart round the circle
APART = np.array([[min((a - b) % 12, (b - a) % 12) for b in range(12)] for a in range(12)])
LONGEST_SIDE = 512  # pixels of the map on which neighbours are found
REACH = (1, 4)  # pixels of that map over which two masks are neighbours
REPEATED = 0.02  # price of using a hue again, against 1 for giving it to the only neighbour


def colours(segmentation: Segmentation) -> list[RGB]:
    """A colour for each mask: RED if it is the only one, else HUES chosen so that neighbours differ."""
    count = len(segmentation.masks)
    if count == 1:
        return [RED]
    borders = _borders(segmentation)
    chosen: dict[int, int] = {}
    used = np.zeros(12)
    for index in bottom_up(segmentation.masks):
        price = used * REPEATED
        around = borders.get(index, {})
        total = sum(around.values())
        for other, length in around.items():
            if other in chosen:
                price = price + (0.25 + length / total) * LIKENESS[APART[chosen[other]]]
        hue = min(PREFERENCE, key=lambda h: float(price[h]))
        chosen[index] = hue
        used[hue] += 1
    return [HUES[chosen[i]] for i in range(count)]


def _borders(segmentation: Segmentation) -> dict[int, dict[int, float]]:
    """For each mask, the masks that touch it or lie close to it, with the length of the border."""
    size = segmentation.size
    labels = label_map(segmentation, step=max(1, math.ceil(max(size.height, size.width) / LONGEST_SIDE)))
    codes = np.concatenate([_pairs(labels, reach) for reach in REACH] + [_pairs(labels.T, reach) for reach in REACH])
    borders: dict[int, dict[int, float]] = {}
    for code, length in zip(*np.unique(codes, return_counts=True), strict=True):
        one, other = (int(code) >> 32) - 1, (int(code) & 0xFFFFFFFF) - 1
        borders.setdefault(one, {})[other] = borders.setdefault(other, {})[one] = float(length)
    return borders


def _pairs(labels: npt.NDArray[np.int32], reach: int) -> npt.NDArray[np.int64]:
    """(N,) the lower label in the upper half, the higher in the lower half, of pixels `reach` columns apart."""
    left, right = labels[:, :-reach], labels[:, reach:]
    differ = (left != right) & (left > 0) & (right > 0)
    one, other = left[differ].astype(np.int64), right[differ].astype(np.int64)
    return np.minimum(one, other) << 32 | np.maximum(one, other)


def class_colour(place: int) -> RGB:
    """The colour of the class at that place of a legend: the hues in turn, each round of them a little darker."""
    lap, step = divmod(place, len(HUES))
    red, green, blue = HUES[PREFERENCE[step]]
    share = 1 / (1 + lap * DARKER)
    return round(red * share), round(green * share), round(blue * share)
