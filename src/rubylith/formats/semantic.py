"""One picture whose pixels say what kind of thing they show, and the legend to it.

`semantic.png` has a palette: its values are numbers of classes, 0 for nothing, and any viewer shows them in colour.
`semantic.json` tells for each value the name, the colour, the category's own number and how many pixels have it. Where
masks overlap the smaller lies on top; masks without a label are all one class, `object`. What could have been found is
listed although the picture does not show it, so that a value means the same in all pictures of a run.
"""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.errors import TooLarge
from rubylith.domain.image import Image
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._categories import Category, categories
from rubylith.formats._documents import to_bytes
from rubylith.formats._layers import label_map
from rubylith.formats._palette import class_colour

SUMMARY = "what each pixel shows, with a colour legend"
NEEDS_PIXELS = False
MAX_CLASSES = 255  # that 8 bits can number beside 0


def encode(segmentation: Segmentation, _image: Image | None, path: str = "", /) -> tuple[Encoded, ...]:
    """`semantic.png` and `semantic.json`; TooLarge for more than MAX_CLASSES classes."""
    kinds, numbers = categories(segmentation)
    if len(kinds) > MAX_CLASSES:  # a model that knows more names than that
        kinds, numbers = categories(replace(segmentation, vocabulary=()))
    if len(kinds) > MAX_CLASSES:
        raise TooLarge(
            f"A semantic picture can show {MAX_CLASSES} classes, but there are {len(kinds)}",
            "Ask for fewer words, or for another format such as panoptic",
        )
    values = {kind.number: place for place, kind in enumerate(kinds, 1)}
    of_masks = np.array([0, *(values[number] for number in numbers)], np.uint8)
    shown = of_masks[label_map(segmentation)]
    return (
        Encoded("semantic.png", "image/png", _indexed(shown, len(kinds))),
        Encoded("semantic.json", "application/json", to_bytes(_legend(kinds, shown, path))),
    )


def _legend(kinds: list[Category], shown: npt.NDArray[np.uint8], path: str) -> dict[str, Any]:
    areas = np.bincount(shown.ravel(), minlength=len(kinds) + 1)
    return {
        "image": {"path": path, "width": shown.shape[1], "height": shown.shape[0]},
        "classes": [
            {
                "value": value,
                "category_id": kind.number,
                "name": kind.name,
                "is_thing": kind.label is None or kind.label.is_thing,
                "color": list(class_colour(value - 1)),
                "area": int(areas[value]),
            }
            for value, kind in enumerate(kinds, 1)
        ],
    }


def _indexed(values: npt.NDArray[np.uint8], count: int) -> bytes:
    """A PNG with a palette: black for 0, then a colour for each class. values: (H, W)."""
    picture = PIL.Image.fromarray(values, "P")
    picture.putpalette([0, 0, 0, *(part for place in range(count) for part in class_colour(place))])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
