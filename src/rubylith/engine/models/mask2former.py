"""Mask2Former: a pixel decoder and masked attention, on a picture stretched to a square of 384.

Sources: facebookresearch/Mask2Former, transformers' Mask2FormerImageProcessor, which enlarges every mask to 384 first.
"""

from rubylith.domain.image import Image
from rubylith.engine import Segmenter
from rubylith.engine.frames import Frame
from rubylith.engine.models import Weights
from rubylith.engine.names import read_names
from rubylith.engine.queries import open_queries
from rubylith.engine.runtimes import Array, Device
from rubylith.engine.universal import Reading, Universal

LEAST = 0.5
INNER = 384  # pixels


def load(weights: Weights, device: Device) -> Segmenter:
    """The model, ready; WeightsMissing or ModelFailed if its files are not."""

    def show(image: Image) -> dict[str, Array]:
        return {"pixel_values": Frame.stretched(image.size, weights.input_size, INNER).pixels(image)}

    network = open_queries(weights, device)
    return Universal(weights.name, network, read_names(weights.folder), Reading(LEAST, INNER), show)
