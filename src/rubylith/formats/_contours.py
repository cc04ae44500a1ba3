"""Outlines of masks as polygons on pixel corners, and back.

A ring is an (N, 2) int32 array of x, y; vertices lie on pixel corners, the last one joins the first. Seen on the
screen, outer rings run clockwise and holes anticlockwise, and no exact ring touches itself. Filled by the even-odd
rule and sampled at pixel centres, exact rings give back their bitmap bit for bit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE, BoolArray

Ring = npt.NDArray[np.int32]

EXACT_AREA = 400  # pixels; masks up to here keep every corner
LEAST_IOU = 0.995  # what a simplified mask must keep of the exact one
TOLERANCES = (1.0, 0.75, 0.5)  # pixels that a simplified edge may stray; the first that keeps LEAST_IOU is taken
SMALL_RING = 24  # pixels enclosed; rings up to here keep every corner


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One piece of a mask, connected over pixel edges (pieces that touch at a corner are two), and its holes."""

    outer: Ring
    holes: tuple[Ring, ...]

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The outer ring, then the holes."""
        return (self.outer, *self.holes)


def outline(rle: RLE) -> tuple[Part, ...]:
    """The parts of a mask in picture coordinates, top left first, simplified where that costs next to nothing.

    Masks over EXACT_AREA keep an IoU of LEAST_IOU with themselves; smaller ones are exact.
    """
    box, bitmap = rle.tight()
    if not bitmap.size:
        return ()
    parts = trace(bitmap)
    if np.count_nonzero(bitmap) > EXACT_AREA:
        parts = _simplified(parts, bitmap)
    origin = np.array([box.x0, box.y0], np.int32)
    return tuple(Part(p.outer + origin, tuple(h + origin for h in p.holes)) for p in parts)


def trace(bitmap: BoolArray) -> tuple[Part, ...]:
    """The exact parts of a bitmap, (H, W) bool."""
    _, components = cv2.connectedComponents(bitmap.view(np.uint8), connectivity=4)
    outers: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for ring in _rings(bitmap):
        component = int(components[_pixel_beside(ring)])
        if _signed_area(ring) > 0:
            outers[component] = ring
        else:
            holes.setdefault(component, []).append(ring)
    return tuple(Part(outer, tuple(holes.get(component, ()))) for component, outer in outers.items())


def rasterise(rings: Iterable[npt.NDArray[np.number]], size: Size) -> BoolArray:
    """(H, W) bool: the pixels whose centre lies inside an odd number of `rings`, each (N, 2) x, y."""
    edges = [np.concatenate((ring, np.roll(ring, -1, axis=0)), axis=1, dtype=np.float64) for ring in rings]
    if not edges:
        return np.zeros((size.height, size.width), np.bool_)
    x0, y0, x1, y1 = np.concatenate(edges).T
    start, end = (np.clip(np.ceil(y - 0.5), 0, size.height).astype(np.int64) for y in (y0, y1))
    first, count = np.minimum(start, end), np.abs(end - start)  # rows of pixel centres that the edge crosses
    edge = np.repeat(np.arange(first.size, dtype=np.int64), count)
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    x = x0[edge] + (row + 0.5 - y0[edge]) * (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
    column = np.clip(np.ceil(x - 0.5), 0, size.width).astype(np.int64)
    stride = size.width + 1
    crossings = np.zeros(size.height * stride, np.uint8)
    np.add.at(crossings, row * stride + column, 1)  # modulo 256, which keeps odd and even apart
    odd = crossings.reshape(size.height, stride)[:, : size.width] & 1
    return np.bitwise_xor.accumulate(odd, axis=1).view(np.bool_)


def _simplified(parts: tuple[Part, ...], bitmap: BoolArray) -> tuple[Part, ...]:
    """The parts with fewer vertices, as few as LEAST_IOU allows."""
    size = Size(*bitmap.shape)
    for tolerance in TOLERANCES:
        fewer = tuple(Part(_fewer(p.outer, tolerance), tuple(_fewer(h, tolerance) for h in p.holes)) for p in parts)
        again = rasterise((ring for part in fewer for ring in part.rings), size)
        if np.count_nonzero(again & bitmap) >= LEAST_IOU * np.count_nonzero(again | bitmap):
            return fewer
    return parts


def _fewer(ring: Ring, tolerance: float) -> Ring:
    """The ring by Douglas and Peucker's algorithm; small rings as they are, so that none collapses."""
    if abs(_signed_area(ring)) <= SMALL_RING:
        return ring
    kept = cv2.approxPolyDP(ring[:, None], tolerance, closed=True)[:, 0].astype(np.int32)
    return kept if len(kept) > 2 else ring


def _signed_area(ring: Ring) -> float:
    """Pixels enclosed; positive if the ring runs clockwise on the screen. Source: the shoelace formula."""
    x, y = ring.astype(np.float64).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _pixel_beside(ring: Ring) -> tuple[int, int]:
    """Row and column of the mask's pixel to the right of the ring's first edge, at its start."""
    (x, y), (to_x, to_y) = ring[0].tolist(), ring[1].tolist()
    return (y - (to_x < x or to_y < y), x - (to_x < x or to_y > y))


def _rings(bitmap: BoolArray) -> Iterator[Ring]:
    """Every exact ring of a bitmap, clockwise round its pixels, by its topmost and then leftmost corner."""
    corners, follows = _corners(bitmap)
    xy: list[list[int]] = corners.tolist()
    successor: list[int] = follows.tolist()
    seen = bytearray(len(xy))
    for start in range(len(xy)):
        path: list[int] = []
        at = start
        while not seen[at]:
            seen[at] = 1
            path.append(at)
            at = successor[at]
        if path:
            yield from (np.array([xy[i] for i in loop], np.int32) for loop in _untangled(path, xy))


def _untangled(path: list[int], xy: Sequence[list[int]]) -> Iterator[list[int]]:
    """A closed path cut into loops at the corners that it passes twice."""
    places: dict[tuple[int, int], int] = {}
    stack: list[int] = []
    for index in path:
        corner = (xy[index][0], xy[index][1])
        if corner in places:
            since = places[corner]
            yield stack[since:]
            for gone in stack[since:]:
                del places[xy[gone][0], xy[gone][1]]
            del stack[since:]
        places[corner] = len(stack)
        stack.append(index)
    yield stack


def _corners(bitmap: BoolArray) -> tuple[Ring, npt.NDArray[np.int64]]:
    """(N, 2) corners of the boundary, row by row, and for each the index of the one that follows it on its ring.

    Along a row of corners the 1st is joined to the 2nd, the 3rd to the 4th, and so on; the same along a column. Where
    two pixels touch diagonally, two corners coincide, and the column's order says which of them belong together.
    """
    padded = np.pad(bitmap, 1)
    northwest, northeast, southwest, southeast = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    straight = ((northwest == northeast) & (southwest == southeast)) | (
        (northwest == southwest) & (northeast == southeast)
    )
    crossing = ~straight & (northwest == southeast) & (northeast == southwest)
    y, x = np.nonzero(~straight)
    twice = np.where(crossing[y, x], 2, 1)
    y, x = np.repeat(y, twice), np.repeat(x, twice)
    second = np.zeros(y.size, np.bool_)
    second[1:] = (y[1:] == y[:-1]) & (x[1:] == x[:-1])
    in_columns = np.lexsort((second ^ (crossing & northeast)[y, x], y, x))
    index = np.arange(y.size)
    across = index ^ 1
    down = np.empty_like(index)
    down[in_columns] = in_columns[index ^ 1]
    from_left = southeast[y, x]  # is the mask below the edge that begins here?
    leaves_across = np.where(index & 1, ~from_left[across], from_left)
    follows = np.where(leaves_across, across, down)
    return np.stack((x, y), axis=1).astype(np.int32), follows
