"""One path per mask, coloured as in the overlay, in the picture's pixels; the picture itself is not inside.

Laid over the picture at any size it fits, and lines stay thin. Every path has an id and a title; holes are holes by
the even-odd rule. Larger masks come first, so smaller ones lie on top and can be clicked.
"""

import re
from xml.sax.saxutils import escape

from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._contours import Ring, outline
from rubylith.formats._layers import bottom_up
from rubylith.formats._palette import FILL, LINE, LINE_WIDTH, RGB, colours

SUMMARY = "one scalable outline per mask"
NEEDS_PIXELS = False
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(segmentation: Segmentation, _image: Image | None, _path: str = "", /) -> tuple[Encoded, ...]:
    """`masks.svg`."""
    size, palette = segmentation.size, colours(segmentation)
    paths = [
        _path_element(index + 1, segmentation.masks[index], palette[index]) for index in bottom_up(segmentation.masks)
    ]
    width, height = size.width, size.height
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f'<g fill-rule="evenodd" fill-opacity="{FILL}" stroke-opacity="{LINE}" stroke-width="{LINE_WIDTH}" '
        'stroke-linejoin="round">\n'
    )
    text = head + "".join(f"{path}\n" for path in paths) + "</g>\n</svg>\n"
    return (Encoded("masks.svg", "image/svg+xml", text.encode()),)


def _path_element(number: int, mask: Mask, colour: RGB) -> str:
    paint = "#{:02x}{:02x}{:02x}".format(*colour)
    shape = "".join(_subpath(ring) for part in outline(mask.rle) for ring in part.rings)
    name = f"{number} {mask.label.name}" if mask.label else str(number)
    return (
        f'<path id="mask-{number}" fill="{paint}" stroke="{paint}" vector-effect="non-scaling-stroke" d="{shape}">'
        f"<title>{escape(NOT_IN_XML.sub('', name))}</title></path>"
    )


def _subpath(ring: Ring) -> str:
    """One closed ring: absolute to its first vertex, then relative steps, which are shorter."""
    x, y = ring[0].tolist()
    steps = " ".join(f"{dx} {dy}" for dx, dy in (ring[1:] - ring[:-1]).tolist())
    return f"M{x} {y}l{steps}z"
