"""SAM 3: any words → things with their masks, each phrase by itself. Under a licence of its own; needs PyTorch.

Sources: facebookresearch/sam3 (SAM License); transformers' Sam3Model, Sam3ImageProcessor. The picture is stretched to a
square, a thing is as certain as its query times the phrase's presence, its mask is what is likelier than not.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.rle import RLE
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.detectors._reading import FloatArray, each_once, open_boxes, seen_size
from rubylith.engine.detectors._tokens import Tokens, open_tokens, padded
from rubylith.engine.frames import enlarged
from rubylith.engine.runtimes import Array, Device, Network

VOCABULARY = None
TILE = None
THRESHOLD = 0.3  # of transformers' image processor
SAME_THING = 0.8  # IoU of two boxes of one name
SIDE, LONGEST = 1008, 32  # pixels of the square where the weights do not say; tokens of a phrase
LIKELY = 0.5  # probability from which a pixel belongs to a thing


class Sam3:
    """A Detector on an open network. side: of the square that it sees."""

    def __init__(self, network: Network, tokens: Tokens, side: int) -> None:
        self._network = network
        self._tokens = tokens
        self._side = side

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The things of these names with their masks, best first."""
        wanted = tuple(dict.fromkeys(names))
        if not wanted:
            return ()
        ids, mask = padded([self._tokens.of(name) for name in wanted], self._tokens, LONGEST)
        least = THRESHOLD if threshold is None else threshold
        results = self._network.run(
            {
                "pixel_values": show(image, self._side),
                "input_ids": ids,
                "attention_mask": mask,
                "threshold": np.array([least], np.float32),
            }
        )
        return each_once(read_things(results, wanted, image.size), SAME_THING)


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its files are not what they should be, Unavailable if an extra is missing."""
    tokens = open_tokens(weights.folder)
    return Sam3(open_boxes(weights, device), tokens, seen_size(weights.folder).get("height", SIDE))


def show(image: Image, side: int) -> FloatArray:
    """(1, 3, side, side) float32 from -1 to 1."""
    stretched = PIL.Image.fromarray(image.pixels).resize((side, side), PIL.Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(stretched, np.float32).transpose(2, 0, 1)[None]) / np.float32(127.5) - 1


def read_things(results: dict[str, Array], names: Sequence[str], size: Size) -> list[Detection]:
    """The network's answer → things; those with an empty mask go.

    results: phrases (K,), which name each is of; scores (K,); boxes (K, 4) XYXY in shares of the picture; masks
    (K, h, w) probabilities.
    """
    found: list[Detection] = []
    scale = np.array([size.width, size.height] * 2, np.float32)
    edges: npt.NDArray[np.float32] = results["boxes"] * scale
    for index, phrase in enumerate(results["phrases"]):
        rle = RLE.from_bitmap(enlarged(results["masks"][index], size) > LIKELY)
        if rle.area:
            box = Box(*(float(edge) for edge in edges[index])).clipped(size)
            found.append(Detection(names[int(phrase)], float(results["scores"][index]), box, rle))
    return found
