"""SAM 2 and 2.1 in all sizes, and EdgeTAM, on single pictures.

Sources: facebookresearch/sam2 (sam2_image_predictor.py, utils/transforms.py, modeling/sam/mask_decoder.py),
transformers' Sam2Processor. The picture is stretched to the square; the empty point comes also with a box; where the
mask for a clear prompt is not firm, the best of the other three takes its place.
"""

from rubylith.engine import Segmenter
from rubylith.engine.assembly import assemble
from rubylith.engine.frames import Frame
from rubylith.engine.models import Weights
from rubylith.engine.runtimes import Device

FRAME = Frame.stretched


def load(weights: Weights, device: Device) -> Segmenter:
    """The model, ready; WeightsMissing or ModelFailed if its files are not."""
    return assemble(weights, device, frame=FRAME, pads_boxes=True, falls_back=True)
