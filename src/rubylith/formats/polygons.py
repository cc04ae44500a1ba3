"""Every mask as polygons, with all its parts and all its holes.

A ring is a list of [x, y] on pixel corners (0, 0 is the picture's top left corner, width and height its bottom right),
closed without repeating the first vertex. A part is one outer ring and its holes. Filled by the even-odd rule, the
rings give back the mask: exactly up to 400 pixels, and above that with an IoU of at least 0.995, since vertices that
carry next to nothing are left out.
"""

from typing import Any

from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._contours import outline
from rubylith.formats._documents import to_bytes

SUMMARY = "polygons with every part and hole"
NEEDS_PIXELS = False


def encode(segmentation: Segmentation, _image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
    """`polygons.json`."""
    return (Encoded("polygons.json", "application/json", to_bytes(document(segmentation, path))),)


def document(segmentation: Segmentation, path: str) -> dict[str, Any]:
    """The whole document, ready for JSON; keys always in the same order. path: what to call the picture."""
    size = segmentation.size
    return {
        "image": {"path": path, "width": size.width, "height": size.height},
        "model": segmentation.model,
        "masks": [_record(number, mask) for number, mask in enumerate(segmentation.masks, 1)],
    }


def _record(number: int, mask: Mask) -> dict[str, Any]:
    return {
        "id": number,
        "label": mask.label.name if mask.label else None,
        "area": mask.rle.area,
        "parts": [
            {"outer": part.outer.tolist(), "holes": [hole.tolist() for hole in part.holes]}
            for part in outline(mask.rle)
        ],
    }
