"""A detector on a large picture: the whole first, then overlapping tiles of it, where small things are large enough.

A thing that a tile cuts is left to the tile, or the whole, that has all of it: a box at an inner edge of its tile goes.
Tiles overlap by half, so that what is smaller than that is whole in one of them; larger things the whole picture has to
show. What several views see is told once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.engine import Progress
from rubylith.engine.detectors import Detector
from rubylith.engine.progress import ignore
from rubylith.engine.refine import box_array, box_nms
from rubylith.engine.windows import is_cut, part_of, pasted, tiles

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
    detector: Detector,
    image: Image,
    names: Sequence[str],
    threshold: float | None,
    *,
    side: int,
    progress: Progress = ignore,
) -> tuple[Detection, ...]:
    """What of these names is in the picture, best first. side: of the tiles in pixels; pictures up to it have none."""
    views = (Box.of(image.size), *tiles(image.size, side, side // 2))
    found: list[Sight] = []
    for view, window in enumerate(views):
        progress(view / len(views))
        for one in detector.find(part_of(image, window) if view else image, names, threshold):
            box = one.box.shifted(window.x0, window.y0)
            if not is_cut(box, window, image.size, AT_EDGE * side):
                mask = None if one.mask is None else pasted(one.mask, window, image.size)
                found.append(Sight(view, Detection(one.name, one.score, box, mask)))
    return merged(found)


def usual_side(size: Size, side: int) -> int:
    """The side of the tiles that a detector looks at unasked: its own, or in a larger picture a larger one."""
    return max(side, -(-max(size.height, size.width) // MOST_ACROSS))


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


def _is_part(one: Sight, other: Sight) -> bool:
    if one.view == other.view:
        return False
    small, large = one.found.box, other.found.box
    low_x, low_y = max(small.x0, large.x0), max(small.y0, large.y0)
    width, height = min(small.x1, large.x1) - low_x, min(small.y1, large.y1) - low_y
    return width > 0 and height > 0 and width * height > PART * small.area
