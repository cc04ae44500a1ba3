"""Made-up segmentations, and pictures that are only numbered."""

from dataclasses import dataclass, field

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.schemas import Picture

SIZE = Size(60, 80)


def mask(label, x0, y0, x1, y1, score=0.9):
    bitmap = np.zeros((SIZE.height, SIZE.width), bool)
    bitmap[y0:y1, x0:x1] = True
    rle = RLE.from_bitmap(bitmap)
    return Mask(rle, rle.box, 0.8, label=None if label is None else Label(label, score=score))


def segmentation(*masks):
    return Segmentation(SIZE, masks, disjoint=False, model="embedded")


CARS = segmentation(mask("car", 10, 5, 30, 15), mask("dog", 40, 30, 60, 50, 0.7), mask("car", 12, 20, 32, 35, 0.95))
EVERYTHING = segmentation(mask(None, 0, 0, 80, 60), mask(None, 3, 4, 5, 6), mask(None, 60, 40, 80, 60))
NOTHING = segmentation()


@dataclass
class Numbered:
    """Gives every file the next number and remembers what it holds."""

    masks: dict[str, RLE] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def _next(self, kind):
        self.made.append(kind)
        name = f"img_{len(self.made):06x}"
        return Picture(name, f"http://localhost/v1/{kind}/{name}.png", b"\x89PNG")

    def mask(self, rle):
        picture = self._next("mask")
        self.masks[picture.url] = rle
        return picture

    def label_map(self):
        return self._next("labels")

    def overlay(self):
        return self._next("overlay")

    def address(self, picture):
        return picture.id.replace("img_", "url_")
