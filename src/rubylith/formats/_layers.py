"""Which mask lies on top where masks overlap: the smaller, so that things inside other things stay visible."""

import numpy as np
import numpy.typing as npt

from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation


def bottom_up(masks: tuple[Mask, ...]) -> list[int]:
    """Indices of the masks as they are painted: larger first; of equals, the earlier (better) one last."""
    areas = [mask.rle.area for mask in masks]
    return sorted(range(len(masks)), key=lambda i: (-areas[i], -i))


def label_map(segmentation: Segmentation, *, step: int = 1) -> npt.NDArray[np.int32]:
    """(H, W) int32: the number (from 1) of the mask on top at each pixel, 0 where there is none.

    step: look at every `step`-th row and column only; the result is that much smaller, rounded up.
    """
    size = segmentation.size
    labels = np.zeros((-(-size.height // step), -(-size.width // step)), np.int32)
    for index in bottom_up(segmentation.masks):
        box, bitmap = segmentation.masks[index].rle.tight()
        x, y = int(box.x0), int(box.y0)
        seen = bitmap[-y % step :: step, -x % step :: step]
        top, left = -(-y // step), -(-x // step)
        labels[top : top + seen.shape[0], left : left + seen.shape[1]][seen] = index + 1
    return labels
