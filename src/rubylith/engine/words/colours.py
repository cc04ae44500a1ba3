"""The eleven basic colour words (Berlin and Kay 1969), and cyan: which pixels deserve which.

A pixel has the name of the nearest example in CIELAB, where distances are about what people see. The examples were
chosen by hand, several per name where a word spans dark and light.
"""

import functools

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.image import UInt8Array
from rubylith.domain.rle import BoolArray

EXAMPLES: dict[str, tuple[tuple[int, int, int], ...]] = {  # sRGB
    "black": ((0, 0, 0), (25, 25, 25), (35, 32, 36)),
    "white": ((255, 255, 255), (235, 235, 235), (240, 238, 228)),
    "grey": ((128, 128, 128), (80, 80, 80), (180, 180, 180), (110, 115, 120)),
    "red": ((220, 20, 30), (150, 15, 20), (200, 50, 50), (110, 10, 15)),
    "orange": ((255, 140, 0), (230, 110, 30), (245, 160, 70)),
    "yellow": ((255, 230, 0), (235, 210, 70), (250, 240, 140), (200, 170, 20)),
    "green": ((0, 160, 40), (30, 90, 35), (110, 180, 70), (80, 120, 50), (150, 220, 130), (0, 100, 80)),
    "cyan": ((0, 220, 220), (120, 230, 230), (0, 150, 160)),
    "blue": ((20, 60, 200), (15, 25, 100), (70, 130, 220), (130, 180, 235), (50, 80, 140)),
    "violet": ((130, 40, 180), (80, 20, 110), (170, 120, 210)),
    "pink": ((255, 150, 190), (240, 90, 160), (250, 200, 215)),
    "brown": ((110, 65, 30), (70, 40, 20), (150, 100, 60), (90, 60, 45)),
}
COLOURS = tuple(EXAMPLES)
BLUR = 5  # pixels; grain is not a colour


def name_colours(pixels: UInt8Array) -> npt.NDArray[np.uint8]:
    """(H, W) indices into COLOURS. pixels: (H, W, 3) uint8 RGB."""
    smooth = np.asarray(cv2.medianBlur(pixels, BLUR), np.uint8)
    shades = np.asarray(smooth >> 3, np.int32)  # 32 a channel: a table of 32 768 colours is asked instead of all
    return _named_shades()[(shades[..., 0] << 10) | (shades[..., 1] << 5) | shades[..., 2]]


def pixels_of_colour(pixels: UInt8Array, colour: str) -> BoolArray:
    """(H, W) bool: the pixels of that name."""
    return name_colours(pixels) == COLOURS.index(colour)


@functools.cache
def _named_shades() -> npt.NDArray[np.uint8]:
    shades = np.arange(4, 256, 8, dtype=np.uint8)
    red, green, blue = np.meshgrid(shades, shades, shades, indexing="ij")
    colours = _to_lab(np.stack([red, green, blue], axis=-1).reshape(1, -1, 3))[0]  # (32768, 3)
    nearest = np.full(len(colours), np.inf, np.float32)
    names = np.zeros(len(colours), np.uint8)
    for index, examples in enumerate(EXAMPLES.values()):
        for example in _to_lab(np.array([examples], np.uint8))[0]:
            distances = np.square(colours - example).sum(axis=1)
            closer = distances < nearest
            nearest[closer] = distances[closer]
            names[closer] = index
    return names


def _to_lab(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(np.asarray(colours, np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
