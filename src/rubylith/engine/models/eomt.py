"""EoMT: a plain vision transformer whose last layers also carry queries; panoptic, on a square with padding.

Sources: tue-mps/eomt, transformers' EomtImageProcessor (the picture is padded before it is normalised; a query below .8
is none).
"""

import numpy as np

from rubylith.domain.image import Image
from rubylith.engine import Segmenter
from rubylith.engine.frames import MEAN, STD, Frame, within
from rubylith.engine.models import Weights
from rubylith.engine.names import read_names
from rubylith.engine.queries import open_queries
from rubylith.engine.runtimes import Array, Device
from rubylith.engine.universal import Reading, Universal

LEAST = 0.8


def load(weights: Weights, device: Device) -> Segmenter:
    """The model, ready; WeightsMissing or ModelFailed if its files are not."""
    side = weights.input_size

    def show(image: Image) -> dict[str, Array]:
        used = within(image.size, side, side)
        pixels = np.tile((-MEAN / STD)[None, :, None, None], (1, 1, side, side)).astype(np.float32)
        seen = Frame(image.size, side, used, side).pixels(image)
        pixels[..., : used.height, : used.width] = seen[..., : used.height, : used.width]
        return {"pixel_values": pixels}

    reading = Reading(LEAST, side, is_padded=True, enlarges_logits=True, keeps_half=True)
    return Universal(weights.name, open_queries(weights, device), read_names(weights.folder), reading, show)
