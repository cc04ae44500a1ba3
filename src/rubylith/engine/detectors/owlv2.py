"""OWLv2: any words, each asked for by itself, on a picture padded to a square.

Sources: google-research/scenic, projects/owl_vit (Apache-2.0): the picture is padded with grey and shrunk as
scikit-image does; transformers' Owlv2Processor, which now pads with black, for all that comes after.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.detectors._reading import FloatArray, corners, each_once, likely, open_boxes, seen_size
from rubylith.engine.detectors._tokens import Tokens, open_tokens, padded
from rubylith.engine.runtimes import Device, Network

VOCABULARY = None
TILE = None
THRESHOLD = 0.1  # of transformers' processor
SAME_THING = 0.5  # IoU of two boxes of one name: every patch of a thing may give a box of it
SIDE = 960  # pixels, where the weights do not say
LONGEST = 16  # tokens of a phrase, begun and ended
PHRASE = "a photo of a {}"
GREY = 0.5
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # CLIP's, of RGB in [0, 1]
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


class Owlv2:
    """A Detector on an open network. side: of the square that it sees."""

    def __init__(self, network: Network, tokens: Tokens, side: int) -> None:
        self._network = network
        self._tokens = tokens
        self._side = side

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The things of these names, best first."""
        wanted = tuple(dict.fromkeys(names))
        if not wanted:
            return ()
        said = [self._tokens.of(PHRASE.format(name)) for name in wanted]
        tokens, mask = padded(said, self._tokens, LONGEST)
        pixels = show(image, self._side)
        results = self._network.run({"pixel_values": pixels, "input_ids": tokens, "attention_mask": mask})
        least = THRESHOLD if threshold is None else threshold
        found = read_boxes(results["logits"][0], results["pred_boxes"][0], wanted, image.size, least)
        return each_once(found, SAME_THING)


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its files are not what they should be, Unavailable if an extra is missing."""
    tokens = open_tokens(weights.folder)
    return Owlv2(open_boxes(weights, device), tokens, seen_size(weights.folder).get("height", SIDE))


def read_boxes(
    logits: FloatArray, centres: FloatArray, names: Sequence[str], size: Size, threshold: float
) -> list[Detection]:
    """logits: (patches, N), one for each name. centres: (patches, 4) shares of the padded square."""
    best = logits.argmax(axis=1)
    scores = likely(logits.max(axis=1))
    kept = np.flatnonzero(scores > threshold)
    longer = max(size.height, size.width)
    boxes = corners(centres[kept], Size(longer, longer))
    found = [
        Detection(names[int(best[patch])], float(scores[patch]), box.clipped(size))
        for patch, box in zip(kept, boxes, strict=True)
    ]
    return [one for one in found if one.box.area > 0]  # some lie in the padding


def show(image: Image, side: int, *, ground: float = GREY) -> FloatArray:
    """(1, 3, side, side) float32, normalised. ground: what the picture is padded with, below or to the right."""
    longer = max(image.size.height, image.size.width)
    seen = np.empty((1, 3, side, side), np.float32)
    for channel in range(3):
        square = np.full((longer, longer), ground, np.float32)
        square[: image.size.height, : image.size.width] = image.pixels[..., channel] * np.float32(1 / 255)
        seen[0, channel] = (_resized(square, side) - MEAN[channel]) / STD[channel]
    return seen


def _resized(square: FloatArray, side: int) -> FloatArray:
    """As `skimage.transform.resize(..., anti_aliasing=True)`: blurred by how much it shrinks, then linear."""
    old = len(square)
    sigma = (old / side - 1) / 2
    if sigma > 0:
        reach = 2 * int(4 * sigma + 0.5) + 1
        square = np.asarray(
            cv2.GaussianBlur(square, (reach, reach), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32
        )
    places = np.abs((np.arange(side) + 0.5) * (old / side) - 0.5)  # mirrored at the edges
    places = np.clip(np.minimum(places, 2 * (old - 1) - places), 0, None)
    lower = places.astype(np.intp)
    upper, share = np.minimum(lower + 1, old - 1), (places - lower).astype(np.float32)
    rows = square[lower] * (1 - share)[:, None] + square[upper] * share[:, None]
    return np.asarray(rows[:, lower] * (1 - share) + rows[:, upper] * share, np.float32)
