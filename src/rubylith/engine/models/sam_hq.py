"""SAM-HQ, ViT-B, L and H: SAM with a further token, whose mask, drawn with early features, is added to each of SAM's.

Sources: SysCV/sam-hq (modeling/mask_decoder_hq.py), transformers' SamHQModel. Pictures and prompts lie as SAM's.
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
