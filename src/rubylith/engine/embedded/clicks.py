"""From clicks to candidate masks."""

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Point
from rubylith.engine.embedded.picture import Picture

BoolArray = npt.NDArray[np.bool_]
WEIGHTS = np.array([0.946, 2.959, -1.852, -0.1816, 0.0687, 2.912, 0.235])


def leaf_at(picture: Picture, point: Point) -> int:
    """The superpixel under a click."""
    x, y = working_pixel(picture, point)
    return int(picture.leaves.labels[y, x])


def working_pixel(picture: Picture, point: Point) -> tuple[int, int]:
    """Column and row of a click at working size."""
    height, width = picture.small.shape[:2]
    across, down = picture.scale
    return min(width - 1, max(0, int(point.x * across))), min(height - 1, max(0, int(point.y * down)))


def candidates(picture: Picture, point: Point) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Nodes round a click, and a score each."""
    tree = picture.hierarchy
    nodes = tree.ancestors(leaf_at(picture, point))
    parents = np.maximum(tree.parents[nodes], 0)
    height, width = picture.small.shape[:2]
    heights = tree.heights / max(tree.heights[-1], 1e-9)
    areas = np.log(tree.areas / tree.areas[-1])
    boxes = tree.boxes[nodes]
    touch = (boxes[:, 0] <= 0) * 1.0 + (boxes[:, 1] <= 0) + (boxes[:, 2] >= width) + (boxes[:, 3] >= height)
    features = np.stack(
        [
            (heights[parents] - heights[nodes]) / (heights[parents] + 1e-6),
            heights[parents],
            areas[nodes],
            areas[nodes] ** 2,
            touch,
            heights[nodes],
            areas[parents] - areas[nodes],
        ],
        axis=1,
    )
    return nodes, features @ WEIGHTS
