"""One PNG per mask in the picture's size, one bit per pixel: an eighth of the work of `png`, and less to store."""

from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._png import encode_masks

SUMMARY = "one 1-bit PNG per mask, fast and small"
NEEDS_PIXELS = False


def encode(segmentation: Segmentation, _image: Image | None, _path: str = "", /) -> tuple[Encoded, ...]:
    """`masks-1bit/001.png` and so on, numbered by the masks' ids."""
    return encode_masks(segmentation, "masks-1bit", bit_depth=1)
