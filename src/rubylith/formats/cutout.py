"""What the masks show, on nothing: RGBA, transparent and black outside.

`cutout.png` holds all masks together in the picture's size, so that it can be laid back over the picture. Where there
are several masks, each also comes by itself, `cutouts/001.png` and so on by its id, cropped to its box; a mask without
pixels has no such file. Edges are as in the mask, opaque or transparent and nothing between.
"""

import cv2
import numpy as np

from rubylith.domain.image import Image, UInt8Array
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._png import encode_pixels

SUMMARY = "what the masks show, on nothing"
NEEDS_PIXELS = True


def encode(segmentation: Segmentation, image: Image, _path: str = "", /) -> tuple[Encoded, ...]:
    """`cutout.png`, then `cutouts/001.png` and so on if there are several masks."""
    together = np.zeros((*image.pixels.shape[:2], 4), np.uint8)  # RGBA
    alone: list[Encoded] = []
    for number, mask in enumerate(segmentation.masks, 1):
        piece, (x, y) = _cut(mask, image)
        if not piece.size:
            continue
        below = together[y : y + piece.shape[0], x : x + piece.shape[1]]
        np.bitwise_or(below, piece, out=below)  # the same picture or nothing, so overlaps change nothing
        if len(segmentation.masks) > 1:
            alone.append(_file(f"cutouts/{number:03d}.png", piece))
    return (_file("cutout.png", together), *alone)


def _cut(mask: Mask, image: Image) -> tuple[UInt8Array, tuple[int, int]]:
    """(h, w, 4) RGBA of the mask's box, and its left and top."""
    box, bitmap = mask.rle.tight()
    x, y = int(box.x0), int(box.y0)
    height, width = bitmap.shape
    piece = np.zeros((height, width, 4), np.uint8)
    if piece.size:
        opaque = cv2.cvtColor(image.pixels[y : y + height, x : x + width], cv2.COLOR_RGB2RGBA)
        cv2.copyTo(opaque, bitmap.view(np.uint8), piece)
    return piece, (x, y)


def _file(name: str, pixels: UInt8Array) -> Encoded:
    return Encoded(name, "image/png", encode_pixels(pixels))
