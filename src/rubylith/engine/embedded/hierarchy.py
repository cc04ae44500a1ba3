"""Merges superpixels, most alike first, into one tree of regions.

Source: Arbelaez, Maire, Fowlkes, Malik, 'Contour detection and hierarchical image segmentation', PAMI 2011 (ultrametric
contour map); the price of a merge adds the distance of the regions' histograms and a mild preference for small regions.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.edges import SOFT_BINS
from rubylith.engine.embedded.products import pairwise_products

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

EDGE_SHARE = 0.5  # of the price; the rest is histogram distance
SIZE_POWER = 0.15  # of the harmonic area: small regions merge a little earlier


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """What is known of each superpixel and of each pair of neighbours.

    labels: (H, W) int32. areas: (n,) pixels. histograms: (n, bins) means. pairs: (p, 2) labels, the smaller first.
    edge_sums: (p,) edge strength summed along the common border; lengths: (p,) pixels of that border.
    boxes: (n, 4) XYXY half-open; border: (n,) pixels on the picture's edge.
    """

    labels: npt.NDArray[np.int32]
    areas: FloatArray
    histograms: FloatArray
    pairs: IntArray
    edge_sums: FloatArray
    lengths: FloatArray
    boxes: FloatArray
    border: FloatArray

    @property
    def nbytes(self) -> int:
        """Of all its arrays."""
        return sum(getattr(self, each.name).nbytes for each in fields(self))

    def component(self, members: npt.NDArray[np.bool_], leaf: int) -> npt.NDArray[np.bool_]:
        """Those of `members` (n,) that hang together with `leaf`, which need not be one: (n,) bool."""
        reached = np.zeros(len(self.areas), np.bool_)
        reached[leaf] = True
        joined = (members | reached)[self.pairs].all(axis=1)
        ones, others = self.pairs[joined].T
        size = 0
        while (count := np.count_nonzero(reached)) != size:
            size = count
            touched = reached[ones] | reached[others]
            reached[ones[touched]] = reached[others[touched]] = True
        return reached


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """A binary tree: nodes 0..n-1 are the leaves, later ones merge two earlier ones, the last is the whole picture.

    parents: (N,) node, -1 for the root. children: (N, 2), -1 for leaves. heights: (N,) price of the merge, never
    falling towards the root, 0 for leaves. areas: (N,). boxes: (N, 4) XYXY. inner: (N, 2) edge strength summed along
    the borders between superpixels inside, and their length in pixels. order: (n,) leaves; those under node k are
    order[first[k]:last[k]].
    """

    parents: IntArray
    children: IntArray
    heights: FloatArray
    areas: FloatArray
    boxes: FloatArray
    inner: FloatArray
    order: IntArray
    first: IntArray
    last: IntArray

    @property
    def nbytes(self) -> int:
        """Of all its arrays."""
        return sum(getattr(self, each.name).nbytes for each in fields(self))

    def leaves_of(self, node: int) -> IntArray:
        """The superpixels under a node."""
        return self.order[self.first[node] : self.last[node]]

    def ancestors(self, node: int) -> IntArray:
        """The node, its parent and so on; without the whole picture unless that is all there is."""
        path = [node]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return np.array(path[:-1] or path)

    def sums(self, per_leaf: npt.NDArray[np.float64]) -> FloatArray:
        """Adds up a quantity of leaves (n,) over all nodes: (N,)."""
        running = np.concatenate([[0.0], np.cumsum(per_leaf[self.order])])
        return running[self.last] - running[self.first]

    def cut(self, height: float) -> IntArray:
        """For each leaf the largest node around it whose merge cost at most `height`: (n,)."""
        return self.cut_below(self.heights <= height)

    def cut_below(self, kept: npt.NDArray[np.bool_]) -> IntArray:
        """For each leaf the largest node around it with `kept` (N,) all the way up to it: (n,)."""
        node = np.arange(len(self.parents))
        for k in range(len(node) - 2, -1, -1):
            if kept[self.parents[k]]:
                node[k] = node[self.parents[k]]
        return node[: len(self.order)]


def measure_leaves(
    labels: npt.NDArray[np.int32], edges: npt.NDArray[np.float32], planes: Sequence[npt.NDArray[np.uint8]]
) -> Leaves:
    """labels: (H, W) int32 from 0; edges: (H, W) float32; planes: four (H, W) uint8, of `planes_of`."""
    areas = np.bincount(labels.ravel()).astype(np.float64)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    pairs, edge_sums, lengths = _borders(labels, edges)
    return Leaves(
        labels=labels,
        areas=areas,
        histograms=_histograms(labels, planes, len(areas)) / areas[:, None],
        pairs=pairs,
        edge_sums=edge_sums,
        lengths=lengths,
        boxes=_boxes(labels, len(areas)),
        border=np.bincount(rim, minlength=len(areas)).astype(np.float64),
    )


def _histograms(labels: npt.NDArray[np.int32], planes: Sequence[npt.NDArray[np.uint8]], count: int) -> FloatArray:
    """Of each label the sum of its pixels' soft histograms: (n, bins)."""
    places = labels.ravel().astype(np.intp) * 256
    values = [np.bincount(places + plane.ravel(), minlength=count * 256).reshape(count, 256) for plane in planes]
    sums = [
        pairwise_products(of_plane.astype(np.float64), np.ascontiguousarray(bins.T, np.float64))
        for of_plane, bins in zip(values, SOFT_BINS, strict=True)
    ]
    return np.concatenate(sums, axis=1)


def _boxes(labels: npt.NDArray[np.int32], count: int) -> FloatArray:
    """(n, 4) XYXY half-open."""
    flat = labels.ravel().astype(np.intp)
    low, high = np.full((2, count), max(labels.shape), np.intp), np.zeros((2, count), np.intp)
    rows, columns = np.indices(labels.shape)
    for axis, places in enumerate((columns.ravel(), rows.ravel())):
        np.minimum.at(low[axis], flat, places)
        np.maximum.at(high[axis], flat, places + 1)
    return np.concatenate([low, high]).T.astype(np.float64)


def _borders(labels: npt.NDArray[np.int32], edges: npt.NDArray[np.float32]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Pairs of neighbouring labels, and the sum of edge strength and the number of pixel sides between them."""
    ones = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    others = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    sides = np.flatnonzero(ones != others)
    ones, others = ones[sides].astype(np.int64), others[sides].astype(np.int64)
    strength = np.concatenate(
        [np.maximum(edges[:, :-1], edges[:, 1:]).ravel(), np.maximum(edges[:-1], edges[1:]).ravel()]
    )[sides]
    count = int(labels.max()) + 1
    keys, pair = np.unique(np.minimum(ones, others) * count + np.maximum(ones, others), return_inverse=True)
    pairs = np.stack(np.divmod(keys, count), axis=1).astype(np.intp)
    sums, lengths = np.bincount(pair, strength, len(keys)), np.bincount(pair, minlength=len(keys))
    return pairs, sums.astype(np.float64), lengths.astype(np.float64)


def merge(leaves: Leaves, edge_share: float) -> Hierarchy:
    """The tree that greedy merging gives; one node if there is one leaf. edge_share: see EDGE_SHARE."""
    count = len(leaves.areas)
    total = 2 * count - 1
    parents, children = np.full(total, -1, np.intp), np.full((total, 2), -1, np.intp)
    heights, inner = np.zeros(total), np.zeros((total, 2))
    areas = np.concatenate([leaves.areas, np.zeros(count - 1)])
    histograms = np.concatenate([leaves.histograms, np.zeros((count - 1, leaves.histograms.shape[1]))])
    whole = float(leaves.areas.sum())

    def prices(node: npt.NDArray[np.intp] | int, others: IntArray, borders: FloatArray) -> FloatArray:
        difference = histograms[node] - histograms[others]
        distance = np.sqrt((difference * difference).sum(axis=1)) / 2
        smaller = areas[node] * areas[others] / ((areas[node] + areas[others]) * whole)
        edge = borders[:, 0] / borders[:, 1]
        return (edge_share * edge + (1 - edge_share) * distance) * smaller**SIZE_POWER

    borders = np.stack([leaves.edge_sums, leaves.lengths], axis=1)
    ones, others = leaves.pairs.T
    neighbours: list[dict[int, tuple[float, float]]] = [{} for _ in range(total)]
    for one, other, (strength, length) in zip(ones.tolist(), others.tolist(), borders.tolist(), strict=True):
        neighbours[one][other] = neighbours[other][one] = (strength, length)
    heap = list(zip(prices(ones, others, borders).tolist(), ones.tolist(), others.tolist(), strict=True))
    heapq.heapify(heap)
    merged = [False] * total
    node, height = count, 0.0
    while heap:
        price, one, other = heapq.heappop(heap)
        if merged[one] or merged[other]:
            continue
        height = max(height, price)
        heights[node], children[node] = height, (one, other)
        parents[one] = parents[other] = node
        merged[one] = merged[other] = True
        areas[node] = areas[one] + areas[other]
        inner[node] = inner[one] + inner[other] + neighbours[one][other]
        share = areas[one] / areas[node]
        histograms[node] = share * histograms[one] + (1 - share) * histograms[other]
        around = _join(neighbours, one, other, node)
        if around:
            keys = list(around)
            costs = prices(node, np.array(keys), np.array(list(around.values())))
            for price, key in zip(costs.tolist(), keys, strict=True):
                heapq.heappush(heap, (price, key, node))
        node += 1
    return _arranged(leaves, parents, children, heights, areas=areas, inner=inner)


def _join(
    neighbours: list[dict[int, tuple[float, float]]], one: int, other: int, node: int
) -> dict[int, tuple[float, float]]:
    """Hands the borders of two merged nodes to the new one, in place; returns the new node's borders."""
    around, more = neighbours[one], neighbours[other]
    del around[other], more[one]
    for key, (strength, length) in more.items():
        known = around.get(key, (0.0, 0.0))
        around[key] = (known[0] + strength, known[1] + length)
    for key, border in around.items():
        theirs = neighbours[key]
        theirs.pop(one, None)
        theirs.pop(other, None)
        theirs[node] = border
    neighbours[node] = around
    neighbours[one] = neighbours[other] = {}
    return around


def _arranged(
    leaves: Leaves, parents: IntArray, children: IntArray, heights: FloatArray, *, areas: FloatArray, inner: FloatArray
) -> Hierarchy:
    """Numbers the leaves so that each node's are a slice, and adds boxes."""
    count, total = len(leaves.areas), len(parents)
    boxes = np.concatenate([leaves.boxes, np.zeros((total - count, 4))])
    size = np.ones(total, np.intp)
    for node in range(count, total):
        one, other = children[node]
        size[node] = size[one] + size[other]
        boxes[node, :2] = np.minimum(boxes[one, :2], boxes[other, :2])
        boxes[node, 2:] = np.maximum(boxes[one, 2:], boxes[other, 2:])
    first = np.zeros(total, np.intp)
    for node in range(total - 1, count - 1, -1):
        one, other = children[node]
        first[one], first[other] = first[node], first[node] + size[one]
    order = np.zeros(count, np.intp)
    order[first[:count]] = np.arange(count)
    return Hierarchy(
        parents=parents,
        children=children,
        heights=heights,
        areas=areas,
        boxes=boxes,
        inner=inner,
        order=order,
        first=first,
        last=first + size,
    )
