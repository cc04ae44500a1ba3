"""FastestDet: the 80 classes of COCO in a network of one megabyte. Quick, and blind to small things.

Source: dog-qiuqiu/FastestDet (BSD-3-Clause), example/onnx-runtime/runtime.py.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.graphs import Part, settle
from rubylith.engine.refine import box_nms
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

# COCO's names in COCO's order; the network was trained with Darknet's spellings of six of them
VOCABULARY = tuple(
    """person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign parking_meter
    bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee skis
    snowboard sports_ball kite baseball_bat baseball_glove skateboard surfboard tennis_racket bottle wine_glass cup fork
    knife spoon bowl banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair couch potted_plant bed
    dining_table toilet tv laptop mouse remote keyboard cell_phone microwave oven toaster sink refrigerator book clock
    vase scissors teddy_bear hair_drier toothbrush""".replace("_", "-").split()
)
FILE = "fastestdet.onnx"
SIDE = 352
TILE = 400  # pixels: see _tiles
THRESHOLD, SAME_THING = 0.5, 0.45  # score; IoU above which two boxes of a name are one thing
OBJECT_SHARE, CLASS_SHARE = 0.6, 0.4  # exponents of the score's two parts


class FastestDet:
    """A Detector on an open network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The things of these names, best first."""
        square = cv2.resize(image.pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        blob = np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255  # (1, 3, S, S) BGR
        (grid,) = self._network.run({self._network.inputs[0]: blob}).values()
        return read_grid(grid[0], image.size, names, THRESHOLD if threshold is None else threshold)


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its file is not what it should be."""
    return FastestDet(open_network(weights.folder / FILE, settle(Part.EXACT, device)))


def read_grid(
    grid: npt.NDArray[np.float32], size: Size, names: Sequence[str], threshold: float
) -> tuple[Detection, ...]:
    """grid: (85, G, G): objectness, tanh offsets x and y, sigmoid shares w and h, then 80 class scores per cell."""
    cells = grid.shape[-1]
    places = np.arange(cells, dtype=np.float32)
    middle = np.stack([places + np.tanh(grid[1]), places[:, None] + np.tanh(grid[2])], axis=-1) / cells  # (G, G, 2)
    half = _sigmoid(np.stack([grid[3], grid[4]], axis=-1)) / 2
    scale = np.array([size.width, size.height] * 2, np.float32)
    boxes = np.concatenate([middle - half, middle + half], axis=-1) * scale  # (G, G, 4) XYXY
    best = grid[5:].argmax(axis=0)
    scores = grid[0] ** OBJECT_SHARE * grid[5:].max(axis=0) ** CLASS_SHARE
    found: list[Detection] = []
    for name in dict.fromkeys(names):
        cell = (best == VOCABULARY.index(name)) & (scores >= threshold)
        for index in box_nms(boxes[cell], scores[cell], SAME_THING):
            box = Box(*(float(edge) for edge in boxes[cell][index])).clipped(size)
            found.append(Detection(name, float(scores[cell][index]), box))
    return tuple(sorted(found, key=lambda one: -one.score))


def _sigmoid(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)
