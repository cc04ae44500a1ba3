"""All masks in one grey PNG: the value of a pixel is the id of its mask, from 1; 0 where there is none.

8-bit for up to 255 masks, else 16-bit. Where masks overlap, the smaller lies on top, so that things inside other
things stay visible; of equals the better one. Meant to be read by a program; to look at, it is nearly black.
"""

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import TooLarge
from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._layers import label_map

SUMMARY = "all masks in one grey PNG, a number each"
NEEDS_PIXELS = False
MAX_MASKS = 65535  # that 16 bits can number
OPTIONS = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT)


def encode(segmentation: Segmentation, _image: Image | None, _path: str = "", /) -> tuple[Encoded, ...]:
    """`labels.png`; TooLarge for more than MAX_MASKS masks."""
    count = len(segmentation.masks)
    if count > MAX_MASKS:
        raise TooLarge(
            f"A label map can number {MAX_MASKS} masks, but there are {count}",
            "Ask for fewer with max_masks, or for another format such as coco",
        )
    labels = label_map(segmentation).astype(np.uint8 if count <= 255 else np.uint16)
    return (Encoded("labels.png", "image/png", encode_labels(labels)),)


def encode_labels(labels: npt.NDArray[np.uint8 | np.uint16]) -> bytes:
    """A grey PNG of as many bits as the numbers have. labels: (H, W)."""
    return cv2.imencode(".png", labels, OPTIONS)[1].tobytes()
