"""A detector on a large picture: the whole first, then overlapping tiles of it, where small things are large enough.

A thing that a tile cuts is left to the tile, or the whole, that has all of it: a box at an inner edge of its tile goes
unless nothing better explains it. What several views see is told once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.engine.detectors import Detector
from rubylith.engine.refine import box_array, box_nms

SAME_THING = 0.45  # IoU of two boxes of one name
PART = 0.7  # share of a box inside a better one of its name: a part of the same thing
MOST_ACROSS = 4  # tiles side by side without overlap; in a larger picture they are larger
AT_EDGE = 0.01  # of the tile's side: how near an inner edge a box must end to have been cut there


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found, and in which view: 0 is the whole picture."""

    view: int
    found: Detection


def find_everywhere(
    detector: Detector, image: Image, names: Sequence[str], threshold: float | None, *, tile: int
) -> tuple[Detection, ...]:
    """What of these names is in the picture, best first. tile: pixels; pictures up to it are looked at once."""
    found = [Sight(0, one) for one in detector.find(image, names, threshold)]
    whole = Box.of(image.size)
    tile = max(tile, -(-max(image.size.height, image.size.width) // MOST_ACROSS))
    for view, window in enumerate(tiles(image.size, tile), 1):
        x, y = int(window.x0), int(window.y0)
        part = Image(np.ascontiguousarray(image.pixels[y : int(window.y1), x : int(window.x1)]), image.digest)
        for one in detector.find(part, names, threshold):
            box = one.box.shifted(x, y)
            if not _is_cut(box, window, whole, AT_EDGE * tile):
                found.append(Sight(view, Detection(one.name, one.score, box)))
    return merged(found)


def merged(sights: Sequence[Sight]) -> tuple[Detection, ...]:
    """Each thing once, best first: of boxes of one name that mean one thing, the best.

    A box that lies in a better one is a part of the same thing only if another view saw it: one view tells apart what
    stands before what.
    """
    kept: list[Detection] = []
    for name in dict.fromkeys(sight.found.name for sight in sights):
        same = [sight for sight in sights if sight.found.name == name]
        boxes, scores = box_array([one.found.box for one in same]), np.array([one.found.score for one in same])
        best = [same[index] for index in box_nms(boxes, scores, SAME_THING)]
        kept += [one.found for place, one in enumerate(best) if not any(_is_part(one, other) for other in best[:place])]
    return tuple(sorted(kept, key=lambda one: -one.score))


def tiles(size: Size, side: int) -> Iterator[Box]:
    """Half-overlapping windows of `side` pixels, row by row; none if the picture is no larger."""
    if max(size.height, size.width) <= side:
        return
    for top in _starts(size.height, side):
        for left in _starts(size.width, side):
            yield Box(left, top, min(left + side, size.width), min(top + side, size.height))


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    steps = -(-2 * (length - side) // side)
    return [round(step * (length - side) / steps) for step in range(steps + 1)]


def _is_cut(box: Box, window: Box, whole: Box, near: float) -> bool:
    """True if the box ends where its window does and the picture does not."""
    return (
        (window.x0 > whole.x0 and box.x0 - window.x0 <= near)
        or (window.y0 > whole.y0 and box.y0 - window.y0 <= near)
        or (window.x1 < whole.x1 and window.x1 - box.x1 <= near)
        or (window.y1 < whole.y1 and window.y1 - box.y1 <= near)
    )


def _is_part(one: Sight, other: Sight) -> bool:
    if one.view == other.view:
        return False
    small, large = one.found.box, other.found.box
    low_x, low_y = max(small.x0, large.x0), max(small.y0, large.y0)
    width, height = min(small.x1, large.x1) - low_x, min(small.y1, large.y1) - low_y
    return width > 0 and height > 0 and width * height > PART * small.area
