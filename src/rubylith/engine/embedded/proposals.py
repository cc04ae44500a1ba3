"""Everything that can be told apart: which regions of the hierarchy deserve a mask, and how good each is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Point
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything
from rubylith.engine import AreWhole, Progress
from rubylith.engine.embedded.hierarchy import Hierarchy, Leaves
from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.products import weighted_sums
from rubylith.engine.refine import box_nms
from rubylith.engine.windows import anything

FloatArray = npt.NDArray[np.float64]

SMALLEST = 3e-4  # share of the picture; smaller regions are crumbs
LEAST_SEEN, LEAST_DOT = 9.0, 4.0  # pixels of the picture that show a shape in a photograph; in a drawing
LEAST_SHARE = 1 / 16  # of the picture, which always are enough: one of a few pixels has no larger things
SEEDS_TO_SPARE = 2  # times as many seeds as superpixels
PER_RANK, PER_PERSISTENCE = 0.0295, 0.3
FAINT, FAINT_PRICE = 0.5, 0.03  # a region that hardly differs from its neighbour loses up to this share
SAME, SAME_PENALTY = 0.9, 0.3  # IoU from which two regions say the same, and what share the worse of them loses
# Of `described`, fitted by benchmarks/fit_regions.py to people's outlines on 68 photographs, at commit a1a4c02
MERITS = np.array([-0.0303, -0.0873, 0.889, 0.408, 1.82, 0.748])
PER_MERIT, BEST_MERIT = 0.02, 2.5  # few regions have more
LENIENCE = 0.8  # so that segment-anything's default thresholds leave about sixty masks of a photograph
LITTLE = 0.01  # what a region may lack before more merit brings it nearer to 1 ever more slowly
PER_OFFSET = 0.05  # by how much a stability_score_offset of 1 moves the price at which the hierarchy is cut


@dataclass(frozen=True, slots=True)
class Region:
    """A node that deserves a mask, with its quality and a seed inside it."""

    node: int
    predicted_iou: float
    stability_score: float
    seed: Point


def propose(
    picture: Picture, everything: Everything, progress: Progress, are_whole: AreWhole = anything
) -> tuple[Mask, ...]:
    """A mask for each region that `select` leaves, best first."""
    regions = select(picture, everything, are_whole)
    progress(0.3)
    tree, runs = picture.hierarchy, picture.runs
    progress(0.7)
    masks: list[Mask] = []
    for region in regions:
        chosen = np.zeros(len(tree.order), np.bool_)
        chosen[tree.leaves_of(region.node)] = True
        rle = runs.rle(chosen)
        if rle.area:
            masks.append(Mask(rle, rle.box, region.predicted_iou, region.stability_score, (region.seed,)))
    progress(1.0)
    return tuple(masks)


def select(picture: Picture, everything: Everything, are_whole: AreWhole = anything) -> list[Region]:
    """The regions that seeds, thresholds, a crop's edges and box NMS leave, best first; the whole picture if it is all
    one region.
    """
    tree = picture.hierarchy
    predicted = predicted_ious(tree, picture.leaves)
    stability = stability_scores(tree, everything.stability_score_offset)
    seeds = seeds_in(picture, everything.points_per_side)
    good = np.zeros(len(predicted), np.bool_)
    good[list(seeds)] = True
    good &= (predicted >= everything.pred_iou_thresh) & (stability >= everything.stability_score_thresh)
    good &= tree.areas >= _least_area(picture, everything.points_per_side)
    good[-1] = len(good) == 1  # the whole picture is a thing only where nothing can be told apart in it
    nodes = np.flatnonzero(good)
    nodes = nodes[are_whole(_pixel_boxes(picture, nodes))]
    kept = nodes[box_nms(tree.boxes[nodes], predicted[nodes], everything.box_nms_thresh)]
    return [Region(node, float(predicted[node]), float(stability[node]), seeds[node]) for node in kept.tolist()]


def _least_area(picture: Picture, per_side: int) -> float:
    """Pixels at working size from which a region is no crumb."""
    across, down = picture.scale
    least, seen = (0.0, LEAST_DOT) if _has_seeds_to_spare(picture, per_side) else (SMALLEST, LEAST_SEEN)
    whole = float(picture.hierarchy.areas[-1])
    return max(least * whole, min(seen * across * down, LEAST_SHARE * whole))


def _has_seeds_to_spare(picture: Picture, per_side: int) -> bool:
    """Whether it is a drawing of so few superpixels that each may have a seed of its own."""
    return len(picture.leaves.areas) * SEEDS_TO_SPARE <= per_side**2 and picture.is_drawing


def _pixel_boxes(picture: Picture, nodes: npt.NDArray[np.intp]) -> FloatArray:
    """(N, 4) XYXY of the first and the last pixel of the picture."""
    height, width = picture.leaves.labels.shape
    scale = np.array([picture.size.width / width, picture.size.height / height] * 2)
    return picture.hierarchy.boxes[nodes] * scale - np.array([0, 0, 1, 1])


def predicted_ious(tree: Hierarchy, leaves: Leaves) -> FloatArray:
    """How likely each node is a thing of its own, (N,) in [0, 1].

    1 - 0.8 (1 - coarseness - 0.02 (merit - 2.5)), bent so that it stays below 1. The merit says how much it looks like
    what people outline. A picture that is all one region is one thing.
    """
    if len(tree.parents) == 1:
        return np.ones(1)
    lacking = 1 - coarseness(tree) - PER_MERIT * (weighted_sums(described(tree, leaves), MERITS) - BEST_MERIT)
    few = np.minimum(lacking / LITTLE, 1)
    lacking = np.where(lacking < LITTLE, LITTLE * np.exp(few - 1), lacking)  # the best ones never all become 1
    return np.clip(1 - LENIENCE * lacking, 0, 1)


def coarseness(tree: Hierarchy) -> FloatArray:
    """Coarse regions first, then by how long each stays itself: (N,), 1 at most.

    1 - 0.0295 (ln(rank of the merge that ends it, counted from the last) - 0.3 persistence), where persistence is how
    much dearer that merge is than the node's own, 0 to 1. Less for regions that hardly differ from what they join, and
    for those that say nearly the same as a better one.
    """
    ends = _ends(tree)
    price = np.append(tree.heights, tree.heights[-1])[ends]
    persistence = (price - tree.heights) / (price + 1e-6)
    quality = 1 - PER_RANK * (np.log(len(ends) + 1 - ends) - PER_PERSISTENCE * persistence)
    quality = quality * (1 - FAINT * np.exp(-price / FAINT_PRICE))
    return np.where(_repeats(tree, quality), (1 - SAME_PENALTY) * quality, quality)


def _ends(tree: Hierarchy) -> npt.NDArray[np.intp]:
    """The node that swallows each, (N,); for the whole picture one more than there are."""
    return np.where(tree.parents >= 0, tree.parents, len(tree.parents))


def described(tree: Hierarchy, leaves: Leaves) -> FloatArray:
    """What tells things from pieces of things: (N, 6).

    Squares of the logs of its share of the picture and of the rank of the merge that ends it; mean edge strength along
    its outline, and inside; its share of its box; its stability.
    """
    ends = _ends(tree)
    sides = np.concatenate([leaves.pairs[:, 0], leaves.pairs[:, 1]])
    per_leaf = [np.bincount(sides, np.tile(one, 2), len(leaves.areas)) for one in (leaves.edge_sums, leaves.lengths)]
    around = [tree.sums(one.astype(np.float64)) for one in per_leaf]
    strength, length = (all_sides - 2 * inner for all_sides, inner in zip(around, tree.inner.T, strict=True))
    x0, y0, x1, y1 = tree.boxes.T
    return np.stack(
        [
            np.log(tree.areas / tree.areas[-1] + 1e-5) ** 2,
            np.log(len(ends) + 1 - ends) ** 2,
            strength / np.maximum(length, 1),
            tree.inner[:, 0] / (tree.inner[:, 1] + 1),
            tree.areas / ((x1 - x0) * (y1 - y0)),
            stability_scores(tree, 1.0),
        ],
        axis=1,
    )


def _repeats(tree: Hierarchy, quality: FloatArray) -> npt.NDArray[np.bool_]:
    """Which nodes have an IoU of SAME or more with a better one, (N,): such a node can only be above or below."""
    parents, children, areas = tree.parents.tolist(), tree.children.tolist(), tree.areas.tolist()
    repeating, kept = np.zeros(len(parents), np.bool_), [False] * len(parents)
    for node in np.argsort(-quality, kind="stable").tolist():
        above, below = parents[node], node
        while above >= 0 and areas[above] * SAME <= areas[node] and not kept[above]:
            above = parents[above]
        if above >= 0 and areas[above] * SAME <= areas[node]:
            repeating[node] = True
            continue
        while (one := children[below][0]) >= 0:
            other = children[below][1]
            below = one if areas[one] >= areas[other] else other
            if areas[below] < SAME * areas[node] or kept[below]:
                break
        repeating[node] = below != node and areas[below] >= SAME * areas[node] and kept[below]
        kept[node] = not repeating[node]
    return repeating


def stability_scores(tree: Hierarchy, offset: float) -> FloatArray:
    """IoU of each node as it is when the hierarchy is cut tighter and when it is cut looser: (N,) in [0, 1].

    The cut is in the middle (geometric) between the price of the node's own merge and that of the merge that ends it;
    it moves by a factor of 1 + 0.05 offset each way. Tighter, a node falls apart and its largest part remains; looser,
    it is swallowed. After segment-anything's score, which cuts logits at +offset and -offset.
    """
    factor = 1 + PER_OFFSET * offset
    ends = np.append(tree.heights, 2 * tree.heights[-1] + 1e-3)[np.where(tree.parents >= 0, tree.parents, -1)]
    middle = np.sqrt((tree.heights + 1e-3) * (ends + 1e-3))
    count = len(tree.order)
    one, other = tree.children[:, 0], tree.children[:, 1]
    larger: npt.NDArray[np.intp] = np.where(tree.areas[one] >= tree.areas[other], one, other)
    tight = loose = np.arange(len(middle))
    while (falls := (tight >= count) & (tree.heights[tight] > middle / factor)).any():
        tight = np.where(falls, larger[tight], tight)
    while (swallowed := (tree.parents[loose] >= 0) & (tree.heights[tree.parents[loose]] <= middle * factor)).any():
        loose = np.where(swallowed, tree.parents[loose], loose)
    return tree.areas[tight] / tree.areas[loose]


def seeds_in(picture: Picture, per_side: int) -> dict[int, Point]:
    """For each node with a seed in it the first such seed, in reading order of a regular grid over the picture."""
    tree = picture.hierarchy
    height, width = picture.leaves.labels.shape
    places = (np.arange(per_side) + 0.5) / per_side
    rows, columns = (places * height).astype(np.intp), (places * width).astype(np.intp)
    under, first = np.unique(picture.leaves.labels[np.ix_(rows, columns)], return_index=True)
    seeds: dict[int, Point] = {}
    for index, leaf in sorted(zip(first.tolist(), under.tolist(), strict=True)):
        row, column = divmod(index, per_side)
        x, y = float(places[column]) * picture.size.width, float(places[row]) * picture.size.height
        node = leaf
        while node >= 0 and node not in seeds:
            seeds[node] = Point(x, y)
            node = int(tree.parents[node])
    return seeds | _missed(picture, seeds) if _has_seeds_to_spare(picture, per_side) else seeds


def _missed(picture: Picture, seeds: dict[int, Point]) -> dict[int, Point]:
    """Seeds for the superpixels that those of the grid miss, and what is around them."""
    tree, labels = picture.hierarchy, picture.leaves.labels
    under, first = np.unique(labels, return_index=True)
    across, down = picture.scale
    missed: dict[int, Point] = {}
    for leaf, index in zip(under.tolist(), first.tolist(), strict=True):
        row, column = divmod(index, labels.shape[1])
        node = leaf
        while node >= 0 and node not in seeds and node not in missed:
            missed[node] = Point((column + 0.5) / across, (row + 0.5) / down)
            node = int(tree.parents[node])
    return missed
