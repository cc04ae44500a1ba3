"""From a box to a mask."""

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box
from rubylith.engine.embedded.picture import Picture

BoolArray = npt.NDArray[np.bool_]


def cut_box(picture: Picture, box: Box) -> BoolArray:
    """(h, w) bool at working size."""
    height, width = picture.small.shape[:2]
    across, down = picture.scale
    x0, y0 = min(width - 1, max(0, round(box.x0 * across))), min(height - 1, max(0, round(box.y0 * down)))
    x1, y1 = min(width, max(x0 + 1, round(box.x1 * across))), min(height, max(y0 + 1, round(box.y1 * down)))
    mask = np.zeros((height, width), np.uint8)
    mask[y0:y1, x0:x1] = cv2.GC_PR_FGD
    whole = np.zeros((height, width), np.bool_)
    whole[y0:y1, x0:x1] = True
    if whole.all():
        return whole
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(picture.small[..., ::-1].copy(), mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 3)
    except cv2.error:
        return whole
    cut = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    return cut if cut.sum() >= 0.1 * whole.sum() else whole
