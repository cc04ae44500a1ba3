"""What the embedded model keeps of a picture, at a working size that bounds time and memory."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.engine.embedded.diffusion import Diffusion, ShortWalks
from rubylith.engine.embedded.edges import edge_strength, planes_of
from rubylith.engine.embedded.hierarchy import EDGE_SHARE, Hierarchy, Leaves, measure_leaves, merge
from rubylith.engine.embedded.network import Nano, View
from rubylith.engine.embedded.strokes import is_flat
from rubylith.engine.embedded.superpixels import still_places, superpixels
from rubylith.engine.embedded.upscale import LabelRuns, resize_labels

FloatArray = npt.NDArray[np.float64]
UInt8Array = npt.NDArray[np.uint8]

SECOND_EDGE_SHARE = 0.7
EDGE_SHARE_BESIDE_NETWORK = 0.35  # its borders are sharper, so that they need less weight
CONTOUR_SHARE = 0.5  # of an edge's strength; the rest is by colour and texture
CONTOUR_SCALE = 8.0  # brings a border's probability to the scale of the other edges
FAINT_EDGE = 0.02  # strength at which an edge by colour and texture lets half of that through
COLOUR_PULL = 0.5  # of the median conductance of a superpixel
LIKENESS = 0.05  # how fast likeness falls
WORKING_SIDE = 512  # pixels of the longer side; more costs time and finds texture instead of things
ENLARGED = 1.5, 4.0  # how much, at least and at most, small pictures are enlarged towards it

MATRICES = 2  # of superpixels by superpixels, float32: likeness and diffusion
RUN_BYTES = 8 + 4  # where a run starts, and its label
HALF_BYTES = 8 + 4 * 8  # area and box of a superpixel at half size
WALKS_BYTES = 2 * (8 + 4)  # of a pair, either way, and about as many of a superpixel


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, its superpixels and their hierarchy.

    pixels: (H, W, 3) uint8 RGB at full size; small: (h, w, 3) uint8 at working size, which is larger for tiny pictures;
    leaves.labels is (h, w).
    The cached properties are pure functions of these: two threads that meet there compute the same thing, or, in
    Python 3.11, wait for each other.
    """

    pixels: UInt8Array
    small: UInt8Array
    edges: npt.NDArray[np.float32]
    leaves: Leaves
    hierarchy: Hierarchy

    @property
    def size(self) -> Size:
        """Of the full picture."""
        return Size(*self.pixels.shape[:2])

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per full pixel, across and down."""
        return self.small.shape[1] / self.pixels.shape[1], self.small.shape[0] / self.pixels.shape[0]

    @property
    def is_enlarged(self) -> bool:
        """Whether the working size is the larger one."""
        return self.small.size > self.pixels.size

    @cached_property
    def is_drawing(self) -> bool:
        """Whether most of it is flat colour."""
        return is_flat(still_places(self.pixels if self.is_enlarged else self.small))

    @property
    def nbytes(self) -> int:
        """Memory that it comes to take once it has been asked about: what it holds, and what the properties below will.

        Only the runs are estimated: from those at working size, for their columns are more, or fewer, at full size.
        """
        labels, count, pairs = self.leaves.labels, len(self.leaves.areas), len(self.leaves.pairs)
        of_working_size = self.edges.nbytes + (0 if self.small is self.pixels else self.small.nbytes)
        held = self.pixels.nbytes + of_working_size + self.leaves.nbytes + self.hierarchy.nbytes
        runs = (labels.shape[1] + np.count_nonzero(labels[1:] != labels[:-1])) / self.scale[0]
        of_half = (self.small.nbytes + self.edges.nbytes + labels.nbytes) // 4 + HALF_BYTES * count
        of_walks = WALKS_BYTES * (count + pairs)
        later = MATRICES * 4 * count**2 + self.hierarchy.nbytes + round(RUN_BYTES * runs) + of_half + of_walks
        return held + later

    @cached_property
    def runs(self) -> LabelRuns:
        """The superpixels at full size, as runs: what region masks are written from."""
        return LabelRuns.of(resize_labels(self.leaves.labels, self.pixels))

    @cached_property
    def view(self) -> View:
        """The picture as the network is shown it."""
        return View.of(self.pixels, self.pixels if self.is_enlarged else self.small)

    @cached_property
    def small_view(self) -> View:
        """The same at working size: quicker to cut from, and fine enough for corrections."""
        return View(self.small, self.small, self.view.thumb)

    @cached_property
    def second_hierarchy(self) -> Hierarchy:
        """Another opinion on what belongs together, led by edges rather than colour."""
        return merge(self.leaves, SECOND_EDGE_SHARE)

    @cached_property
    def diffusion(self) -> Diffusion:
        """How easily one superpixel is reached from another."""
        return Diffusion.over(self.leaves)

    @cached_property
    def colour_walks(self) -> ShortWalks:
        """The same, on a short leash: the prior counts for more than the way."""
        return ShortWalks.over(self.leaves, COLOUR_PULL)

    @cached_property
    def likeness(self) -> npt.NDArray[np.float32]:
        """(n, n): 1 for superpixels of equal histograms, falling with their Bhattacharyya coefficient."""
        roots = np.sqrt(np.maximum(self.leaves.histograms, 0)).astype(np.float32)
        columns = np.ascontiguousarray(roots.T)
        common = np.einsum("ki,kj->ij", columns, columns)  # neither `@` nor OpenCV's: see products.py
        return np.exp((common / 4 - 1) / np.float32(LIKENESS))

    @cached_property
    def half(self) -> "Picture":
        """The same superpixels on every second pixel of the working size: enough to mend large masks, and faster."""
        labels = np.ascontiguousarray(self.leaves.labels[::2, ::2])
        height, width = labels.shape
        small = cast("UInt8Array", cv2.resize(self.small, (width, height), interpolation=cv2.INTER_AREA))
        areas = np.maximum(np.bincount(labels.ravel(), minlength=len(self.leaves.areas)), 1).astype(np.float64)
        leaves = replace(self.leaves, labels=labels, areas=areas, boxes=np.ceil(self.leaves.boxes / 2))
        half = Picture(self.small, small, np.ascontiguousarray(self.edges[::2, ::2]), leaves, self.hierarchy)
        half.__dict__["diffusion"] = self.diffusion  # the graph is the same
        return half


def read_picture(pixels: UInt8Array, nano: Nano | None = None, threads: int | None = None) -> Picture:
    """pixels: (H, W, 3) uint8 RGB. nano: helps to tell where things end. threads: at most so many filter it."""
    small = _fitted(pixels)
    planes = planes_of(small)
    edges = edge_strength(small, planes if nano is None else None, threads)
    if nano is not None:
        edges = _weighed(edges, nano.borders(small))
    labels = superpixels(edges, pixels if pixels.size < small.size else small)
    leaves = measure_leaves(labels, edges, planes)
    tree = merge(leaves, EDGE_SHARE if nano is None else EDGE_SHARE_BESIDE_NETWORK)
    return Picture(pixels, small, edges, leaves, tree)


def _weighed(edges: npt.NDArray[np.float32], likely: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Edges by colour and texture (h, w) with what the network thinks of them; it has no say where nothing changes."""
    seen = edges / (edges + FAINT_EDGE)
    weighed = (1 - CONTOUR_SHARE) * edges + CONTOUR_SHARE * CONTOUR_SCALE * seen * likely
    return weighed.astype(np.float32)


def _fitted(pixels: UInt8Array) -> UInt8Array:
    height, width = pixels.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    least, most = ENLARGED
    if 1 <= scale < least:
        return pixels
    scale = min(scale, most)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cast("UInt8Array", cv2.resize(pixels, size, interpolation=how))
