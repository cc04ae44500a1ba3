"""OneFormer: Mask2Former's idea, told in words what to do; a picture stretched to a square.

Sources: SHI-Labs/OneFormer, transformers' OneFormerProcessor. The task is always panoptic: by the paper's table on task
tokens it is as good at naming pixels as the semantic task, so one look answers both.
"""

import numpy as np

from rubylith.domain.image import Image
from rubylith.engine import Segmenter
from rubylith.engine.frames import Frame
from rubylith.engine.models import Weights
from rubylith.engine.names import read_names
from rubylith.engine.queries import open_queries
from rubylith.engine.runtimes import Array, Device
from rubylith.engine.universal import Reading, Universal

LEAST = 0.5
TASK = (49406, 518, 10549, 533, 1072, 24755, 49407)  # "the task is panoptic" in CLIP's byte pairs, begun and ended
TASK_LENGTH = 77


def load(weights: Weights, device: Device) -> Segmenter:
    """The model, ready; WeightsMissing or ModelFailed if its files are not."""
    task = np.zeros((1, TASK_LENGTH), np.int64)
    task[0, : len(TASK)] = TASK

    def show(image: Image) -> dict[str, Array]:
        pixels = Frame.stretched(image.size, weights.input_size, weights.mask_size).pixels(image)
        return {"pixel_values": pixels, "task_inputs": task}

    network = open_queries(weights, device)
    return Universal(weights.name, network, read_names(weights.folder), Reading(LEAST, None), show)
