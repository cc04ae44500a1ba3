"""All that can be told apart, for every family: crops, duplicates between crops, small regions, overlap.

Source: segment-anything, automatic_mask_generator.py and utils/amg.py, whose names and order of steps are kept.
"""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, Overlap
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, OutOfTime, Progress, Segmenter
from rubylith.engine.progress import between, share_of
from rubylith.engine.refine import box_array, box_nms, disjoint, mend_small_regions
from rubylith.engine.windows import anything, are_cut, part_of, pasted
from rubylith.engine.windows import tiles as windows_of

LOOKING = 0.9  # how far the work is once all is found that may have small regions
CROP_EDGE_TOLERANCE = 20.0  # pixels; a mask that ends this near a crop's edge was probably cut off there


@dataclass(frozen=True, slots=True)
class Crop:
    """A window on the picture, whole pixels; layer 0 is the picture itself."""

    layer: int
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def box(self) -> Box:
        """The window's edges."""
        return Box(self.x0, self.y0, self.x1, self.y1)


def segment(
    segmenter: Segmenter, image: Image | None, embedding: Embedding, everything: Everything, *, progress: Progress
) -> Segmentation:
    """Masks best first, `truncated` where max_seconds left a part unseen.

    `embedding` is that of the whole picture; further crops are embedded here, from `image`.
    """
    size = embedding.size
    crops = crop_windows(size, everything.crop_n_layers, everything.crop_overlap_ratio)
    if everything.tile_side is not None:
        crops += tiles(size, everything.tile_side, everything.crop_overlap_ratio, layer=everything.crop_n_layers + 1)
    mends = everything.min_mask_region_area > 0
    looking = between(progress, 0.0, LOOKING if mends else 1.0)
    found: list[tuple[Mask, Crop]] = []
    started, truncated = time.monotonic(), False
    for index, crop in enumerate(crops):
        options = _at_layer(everything, crop.layer)
        if everything.max_seconds is not None:
            left = everything.max_seconds - (time.monotonic() - started)
            if index and left <= 0:
                truncated = True
                break
            options = replace(options, max_seconds=max(left, 0.0))
        part = embedding if crop.layer == 0 else segmenter.embed(_cropped(image, crop))
        whole = anything if crop.layer == 0 else partial(_are_whole, crop, size)
        try:
            proposals = segmenter.propose(part, options, share_of(looking, index, len(crops)), whole)
        except OutOfTime as late:
            proposals, truncated = late.masks, True
        found += [(mask, crop) for mask in _uncropped(proposals, crop, size)]
    masks = _best_of_crops(found, everything.crop_nms_thresh) if len(crops) > 1 else [mask for mask, _ in found]
    if mends:
        threshold = max(everything.box_nms_thresh, everything.crop_nms_thresh)
        mending = between(progress, LOOKING, 1.0)
        masks = mend_small_regions(masks, everything.min_mask_region_area, threshold, progress=mending)
    ranked = sorted(masks, key=lambda mask: -mask.predicted_iou)[: everything.max_masks]
    is_disjoint = everything.overlap is Overlap.NONE
    kept = disjoint(ranked, size) if is_disjoint else tuple(ranked)
    progress(1.0)
    return Segmentation(size, kept, disjoint=is_disjoint, model=embedding.provenance, truncated=truncated)


def crop_windows(size: Size, layers: int, overlap_ratio: float) -> tuple[Crop, ...]:
    """The picture, then `(2**layer)**2` windows for each further layer, overlapping by a share of the shorter side."""
    crops = [Crop(0, 0, 0, size.width, size.height)]
    for layer in range(1, layers + 1):
        per_side = 2**layer
        overlap = int(overlap_ratio * min(size.height, size.width) * (2 / per_side))
        width = math.ceil((overlap * (per_side - 1) + size.width) / per_side)
        height = math.ceil((overlap * (per_side - 1) + size.height) / per_side)
        for column, row in itertools.product(range(per_side), repeat=2):
            x0, y0 = (width - overlap) * column, (height - overlap) * row
            if x0 < size.width and y0 < size.height:
                crops.append(Crop(layer, x0, y0, min(x0 + width, size.width), min(y0 + height, size.height)))
    return tuple(crops)


def tiles(size: Size, side: int, overlap_ratio: float, *, layer: int) -> tuple[Crop, ...]:
    """Equal windows of at most `side` pixels a side that overlap by at least a share of it; none if one would do."""
    windows = windows_of(size, side, int(overlap_ratio * side))
    return tuple(Crop(layer, int(one.x0), int(one.y0), int(one.x1), int(one.y1)) for one in windows)


def _at_layer(everything: Everything, layer: int) -> Everything:
    points = everything.points_per_side // everything.crop_n_points_downscale_factor**layer
    return replace(everything, points_per_side=max(1, points))


def _cropped(image: Image | None, crop: Crop) -> Image:
    if image is None:
        raise InvalidPrompt("Crops and tiles are parts of the picture, which is not at hand", "Send the picture")
    return part_of(image, crop.box)


def _are_whole(crop: Crop, size: Size, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    shifted = boxes + np.array([crop.x0, crop.y0, crop.x0, crop.y0])
    return ~are_cut(shifted, crop.box, size, CROP_EDGE_TOLERANCE)


def _uncropped(masks: tuple[Mask, ...], crop: Crop, size: Size) -> Iterator[Mask]:
    """The masks of a crop in the picture's own coordinates."""
    if crop.layer == 0:
        yield from masks
        return
    for mask in masks:
        box = mask.box.shifted(crop.x0, crop.y0)
        points = tuple(point.shifted(crop.x0, crop.y0) for point in mask.points)
        yield replace(mask, rle=pasted(mask.rle, crop.box, size), box=box, points=points)


def _best_of_crops(found: list[tuple[Mask, Crop]], threshold: float) -> list[Mask]:
    """NMS between crops; smaller crops saw more and win."""
    boxes = box_array([mask.box for mask, _ in found])
    scores = np.array([1 / crop.box.area for _, crop in found])
    return [found[index][0] for index in box_nms(boxes, scores, threshold)]
