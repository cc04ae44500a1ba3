"""What a picture is a picture of: the one mask that stays when the background is taken away, for every family."""

from rubylith.domain.geometry import Box, Size
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Segmenter

INSET = 0.02  # share of each side that is taken for background


def segment(segmenter: Segmenter, embedding: Embedding) -> Segmentation:
    """One mask: what the model finds in a box a little smaller than the picture."""
    (candidates,) = segmenter.decode(embedding, [ObjectPrompt(box=_frame(embedding.size))])
    masks: tuple[Mask, ...] = candidates[:1]
    return Segmentation(embedding.size, masks, disjoint=True, model=embedding.model)


def _frame(size: Size) -> Box:
    left, top = size.width * INSET, size.height * INSET
    return Box(left, top, size.width - left, size.height - top)
