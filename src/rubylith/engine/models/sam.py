"""SAM and what keeps its form: ViT-B, L and H, MedSAM, SlimSAM, MobileSAM.

Sources: facebookresearch/segment-anything (utils/transforms.py, predictor.py), transformers' SamProcessor.
The picture's longer side is scaled to the square and the rest padded; a box replaces the empty point.
"""

from rubylith.engine import Segmenter
from rubylith.engine.assembly import assemble
from rubylith.engine.frames import Frame
from rubylith.engine.models import Weights
from rubylith.engine.runtimes import Device

FRAME = Frame.padded


def load(weights: Weights, device: Device) -> Segmenter:
    """The model, ready; WeightsMissing or ModelFailed if its files are not."""
    return assemble(weights, device, frame=FRAME, pads_boxes=False, falls_back=False)
