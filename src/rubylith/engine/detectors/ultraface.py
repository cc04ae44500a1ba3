"""UltraFace RFB-320: faces from the front and the side, in a network of a megabyte.

Source: Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (MIT), run_video_face_detect_onnx.py.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box
from rubylith.domain.image import Image
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.graphs import Part, settle
from rubylith.engine.refine import box_nms
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

VOCABULARY = ("face",)
FILE = "ultraface_rfb320.onnx"
WIDTH, HEIGHT = 320, 240
MEAN, SCALE = 127.0, 128.0
THRESHOLD, SAME_FACE = 0.7, 0.3
MOST = 200  # of the anchors: with a threshold of 0 all of them are faces
TILE = 960  # pixels: see _tiles


class UltraFace:
    """A Detector on an open network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The faces, best first."""
        if not names:
            return ()
        small = cv2.resize(image.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        blob = (np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32) - MEAN) / SCALE  # (1, 3, H, W) RGB
        results = self._network.run({self._network.inputs[0]: blob})
        scores, corners = results["scores"][0, :, 1], results["boxes"][0]  # (N,), (N, 4) shares
        likely = np.argsort(-scores, kind="stable")[:MOST]
        likely = likely[scores[likely] >= (THRESHOLD if threshold is None else threshold)]
        boxes = corners[likely] * np.array([image.size.width, image.size.height] * 2, np.float32)
        return tuple(
            Detection(
                VOCABULARY[0],
                float(scores[likely][index]),
                Box(*(float(edge) for edge in boxes[index])).clipped(image.size),
            )
            for index in box_nms(boxes, scores[likely], SAME_FACE)
        )


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its file is not what it should be."""
    return UltraFace(open_network(weights.folder / FILE, settle(Part.EXACT, device)))
