"""One PNG per mask in the picture's size: 8-bit grey, 255 where the mask is and 0 elsewhere."""

from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._png import encode_masks, encode_pixels

__all__ = ("NEEDS_PIXELS", "SUMMARY", "encode", "encode_pixels")

SUMMARY = "one 8-bit PNG per mask, 255 and 0"
NEEDS_PIXELS = False


def encode(segmentation: Segmentation, _image: Image | None, _path: str = "", /) -> tuple[Encoded, ...]:
    """`masks/001.png` and so on, numbered by the masks' ids."""
    return encode_masks(segmentation, "masks", bit_depth=8)
