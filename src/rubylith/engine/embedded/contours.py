"""How likely each pixel lies on the border of an object or of a part, as the network of contours sees it.

It looks at the picture at several sizes: small ones show what belongs together, the large one where exactly it ends.
"""

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.engine.runtimes import Network

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

SCALES = (1.5, 1.0, 0.5)
LEVELS = np.array([2 / 3, 1 / 3], np.float32)  # weights of the borders of objects and of parts
SIDES = 16  # the network's pictures have sides that are multiples of this


def likely_borders(network: Network, pixels: UInt8Array) -> FloatArray:
    """Probability of a border, a mean over scales and over objects and parts, see LEVELS: (H, W) float32.

    pixels: (H, W, 3) uint8 RGB.
    """
    height, width = pixels.shape[:2]
    total = np.zeros((height, width), np.float32)
    for scale in SCALES:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        how = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
        shown = pixels if scale == 1 else cast("UInt8Array", cv2.resize(pixels, size, interpolation=how))
        (logits,) = network.run({"image": _padded(shown)[None]})["borders"]
        chances = np.einsum("k,kij->ij", LEVELS, 1 / (1 + np.exp(-logits)))
        total += _placed(chances, (height, width), size)
    return total / np.float32(len(SCALES))


def _padded(pixels: UInt8Array) -> UInt8Array:
    """With sides that the network takes; what is added repeats the last row and column."""
    height, width = pixels.shape[:2]
    return cast(
        "UInt8Array",
        cv2.copyMakeBorder(pixels, 0, -height % SIDES, 0, -width % SIDES, cv2.BORDER_REPLICATE),
    )  # fmt: skip


def _placed(chances: FloatArray, shape: tuple[int, int], shown: tuple[int, int]) -> FloatArray:
    """The network's half-size map (h, w) at the picture's size (H, W). shown: width and height that the network saw."""
    across, down = 2 * shape[1] / shown[0], 2 * shape[0] / shown[1]  # pixels of the picture to one of the map
    moved = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]], np.float32)
    size = shape[1], shape[0]
    return np.asarray(
        cv2.warpAffine(chances, moved, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )  # fmt: skip
