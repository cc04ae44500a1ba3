"""UltraFace RFB-320: faces from the front and the side, in a network of a megabyte.

Source: Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (MIT), run_video_face_detect_onnx.py.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image, UInt8Array
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.refine import box_array, box_nms
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

VOCABULARY = ("face",)
WIDTH, HEIGHT = 320, 240
MEAN, SCALE = 127.0, 128.0
THRESHOLD, SAME_FACE = 0.7, 0.3
MOST = 200  # of the anchors of one view: with a threshold of 0 all of them are faces
TILE = 960  # pixels: a picture with a longer side is looked at in tiles as well, for faces too small in the whole


class UltraFace:
    """A Detector on an open network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The faces, best first."""
        if not names:
            return ()
        least = THRESHOLD if threshold is None else threshold
        found = [one for x, y, part in _views(image.pixels) for one in self._in(part, x, y, least)]
        boxes, scores = box_array([one.box for one in found]), np.array([one.score for one in found])
        return tuple(found[index] for index in box_nms(boxes, scores, SAME_FACE))

    def _in(self, pixels: UInt8Array, left: int, top: int, threshold: float) -> Iterator[Detection]:
        small = cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        blob = (np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32) - MEAN) / SCALE  # (1, 3, H, W) RGB
        results = self._network.run({self._network.inputs[0]: blob})
        scores, corners = results["scores"][0, :, 1], results["boxes"][0]  # (N,), (N, 4) shares
        height, width = pixels.shape[:2]
        likely = np.argsort(-scores, kind="stable")[:MOST]
        for index in likely[scores[likely] >= threshold]:
            x0, y0, x1, y1 = (float(share) for share in corners[index])
            box = Box(x0 * width, y0 * height, x1 * width, y1 * height).clipped(Size(height, width))
            yield Detection(VOCABULARY[0], float(scores[index]), box.shifted(left, top))


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its file is not what it should be."""
    return UltraFace(open_network(weights.file, device))


def _views(pixels: UInt8Array) -> Iterator[tuple[int, int, UInt8Array]]:
    """Left, top and pixels: the whole picture, and where it is large half-overlapping tiles of it."""
    yield 0, 0, pixels
    height, width = pixels.shape[:2]
    if max(height, width) <= TILE:
        return
    for top in _starts(height):
        for left in _starts(width):
            yield left, top, pixels[top : top + TILE, left : left + TILE]


def _starts(length: int) -> list[int]:
    count = max(1, -(-2 * (length - TILE) // TILE) + 1) if length > TILE else 1
    return [round(index * (length - TILE) / (count - 1)) if count > 1 else 0 for index in range(count)]
