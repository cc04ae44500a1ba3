"""Everything that can be told apart: which regions of the hierarchy are worth a mask."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Point
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything
from rubylith.engine import Progress
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.refine import box_nms

SMALLEST = 3e-4  # share of the picture; smaller regions are crumbs


@dataclass(frozen=True, slots=True)
class Region:
    """A node worth a mask."""

    node: int
    predicted_iou: float
    stability_score: float
    seed: Point


def propose(picture: Picture, everything: Everything, progress: Progress) -> tuple[Mask, ...]:
    """Masks best first."""
    regions = select(picture, everything)
    progress(0.3)
    tree, runs = picture.hierarchy, picture.runs
    progress(0.7)
    masks: list[Mask] = []
    for region in regions:
        chosen = np.zeros(len(tree.order), np.bool_)
        chosen[tree.leaves_of(region.node)] = True
        rle = runs.rle(chosen)
        masks.append(Mask(rle, rle.box, region.predicted_iou, region.stability_score, (region.seed,)))
    progress(1.0)
    return tuple(masks)


def select(picture: Picture, everything: Everything) -> list[Region]:
    """The regions that seeds, thresholds and box NMS leave, best first."""
    tree = picture.hierarchy
    count = len(tree.parents)
    predicted, stability = quality(picture), stabilities(picture, everything.stability_score_offset)
    seeds = seeds_of(picture, everything.points_per_side)
    good = (predicted >= everything.pred_iou_thresh) & (stability >= everything.stability_score_thresh)
    good &= tree.areas >= SMALLEST * tree.areas[-1]
    if count == 1:
        good[:] = True
    seeded = np.zeros(count, np.bool_)
    seeded[list(seeds)] = True
    nodes = np.flatnonzero(good & seeded)
    kept = nodes[box_nms(tree.boxes[nodes], predicted[nodes], everything.box_nms_thresh)]
    return [Region(node, float(predicted[node]), float(stability[node]), seeds[node]) for node in kept.tolist()]


def quality(picture: Picture) -> npt.NDArray[np.float64]:
    """predicted IoU of each node."""
    tree = picture.hierarchy
    total = len(tree.parents)
    parents = np.where(tree.parents >= 0, tree.parents, total)
    above = np.append(tree.heights, tree.heights[-1])[parents]
    persistence = (above - tree.heights) / (above + 1e-6)
    return np.clip(1 - 0.026 * (np.log(total + 1 - parents) - 0.3 * persistence), 0, 1)


def stabilities(picture: Picture, offset: float) -> npt.NDArray[np.float64]:
    """IoU of each node cut a bit tighter and a bit looser."""
    tree = picture.hierarchy
    ratio = 1 + 0.1 * offset
    above = np.where(tree.parents >= 0, tree.heights[tree.parents], tree.heights[-1] * 2)
    middle = np.sqrt((tree.heights + 1e-3) * (above + 1e-3))
    result = np.ones(len(tree.parents))
    for node in range(len(tree.parents)):
        tight, loose = node, node
        while tree.heights[tight] > middle[node] / ratio:
            one, other = tree.children[tight]
            tight = one if tree.areas[one] >= tree.areas[other] else other
        while tree.parents[loose] >= 0 and tree.heights[tree.parents[loose]] <= middle[node] * ratio:
            loose = tree.parents[loose]
        result[node] = tree.areas[tight] / tree.areas[loose]
    return result


def seeds_of(picture: Picture, per_side: int) -> dict[int, Point]:
    """A seed for each node that contains one."""
    tree = picture.hierarchy
    height, width = picture.small.shape[:2]
    places = (np.arange(per_side) + 0.5) / per_side
    rows, columns = (places * height).astype(int), (places * width).astype(int)
    under = picture.leaves.labels[np.ix_(rows, columns)]
    size = picture.size
    seeds: dict[int, Point] = {}
    leaves, first = np.unique(under, return_index=True)
    for leaf, index in zip(leaves.tolist(), first.tolist(), strict=True):
        point = Point(places[index % per_side] * size.width, places[index // per_side] * size.height)
        node = leaf
        while node >= 0 and node not in seeds:
            seeds[node] = point
            node = int(tree.parents[node])
    return seeds
