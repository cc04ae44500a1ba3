"""Frontal faces by a boosted cascade of local binary patterns.

Source: Viola and Jones 2001 (cascades), Zhang et al. 2007 (multi-block LBP). The trained cascade is OpenCV's
lbpcascade_frontalface (BSD-3-Clause), as scikit-image distributes it.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from xml.etree import ElementTree

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Box
from rubylith.domain.image import UInt8Array

WINDOW = 24  # pixels a side: what the cascade was trained on
SMALLEST_SHARE = 0.04  # of the picture's shorter side
SCALE_STEP, STRIDE = 1.15, 2
SAME_FACE, LEAST_HITS = 0.3, 3  # IoU; how many windows must agree
LONGEST_SIDE = 1600  # pixels at which small faces are looked for
CORNERS = [(row, column) for row in range(4) for column in range(4)]  # of the 3 x 3 blocks of a feature
NEIGHBOURS = [0, 1, 2, 5, 8, 7, 6, 3]  # blocks in the order of the pattern's bits, highest first; 4 is the middle

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Weak:
    """One weak classifier. block: x, y, width and height of the first of 3 x 3 blocks. votes: (256,) by pattern."""

    block: tuple[int, int, int, int]
    votes: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Windows whose votes stay below the threshold are no faces."""

    threshold: float
    weak: tuple[Weak, ...]


def find_faces(pixels: UInt8Array) -> tuple[tuple[Box, float], ...]:
    """Boxes with a score in (0, 1), best first. pixels: (H, W, 3) uint8 RGB."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    hits = np.concatenate([np.zeros((0, 4), np.float32), *_hits(np.asarray(grey, np.uint8))])
    return tuple(_grouped(hits))


def _hits(grey: UInt8Array) -> Iterator[npt.NDArray[np.float32]]:
    """(N, 4) XYXY of the windows that pass, for each scale."""
    height, width = grey.shape
    smallest = max(WINDOW, min(height, width) * SMALLEST_SHARE, max(height, width) / LONGEST_SIDE * WINDOW)
    steps = math.floor(math.log(max(1.0, min(height, width) / smallest), SCALE_STEP))
    for step in range(steps + 1):
        scale = WINDOW / (smallest * SCALE_STEP**step)
        size = (round(width * scale), round(height * scale))
        if min(size) < WINDOW:
            return
        corners = _passing(np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)) / scale
        yield np.concatenate([corners, corners + WINDOW / scale], axis=1).astype(np.float32)


def _passing(grey: UInt8Array) -> npt.NDArray[np.float32]:
    """(N, 2) x and y of the windows that pass every stage."""
    sums = np.asarray(cv2.integral(grey), np.int32)
    stride = sums.shape[1]
    rows, columns = np.mgrid[0 : grey.shape[0] - WINDOW + 1 : STRIDE, 0 : grey.shape[1] - WINDOW + 1 : STRIDE]
    origins = (rows * stride + columns).ravel().astype(np.int32)
    flat = sums.ravel()
    for stage in _cascade():
        votes = np.zeros(len(origins), np.float32)
        for weak in stage.weak:
            votes += weak.votes[_patterns(flat, origins, stride, weak.block)]
        origins = origins[votes >= stage.threshold]
        if not len(origins):
            break
    return np.stack([origins % stride, origins // stride], axis=1).astype(np.float32)


def _patterns(sums: Int32Array, origins: Int32Array, stride: int, block: tuple[int, int, int, int]) -> Int32Array:
    """The local binary pattern, 0 to 255, of each window."""
    x, y, width, height = block
    at = [sums[origins + (y + row * height) * stride + x + column * width] for row, column in CORNERS]
    blocks = [
        at[4 * row + column] - at[4 * row + column + 1] - at[4 * row + column + 4] + at[4 * row + column + 5]
        for row in range(3)
        for column in range(3)
    ]
    pattern = np.zeros(len(origins), np.int32)
    for neighbour in NEIGHBOURS:
        pattern = (pattern << 1) | (blocks[neighbour] >= blocks[4])
    return pattern


def _grouped(hits: npt.NDArray[np.float32]) -> Iterator[tuple[Box, float]]:
    """Windows that agree on a face → their mean; the more agree, the better."""
    groups: list[list[npt.NDArray[np.float32]]] = []
    for hit in hits:
        for group in groups:
            if _overlap(hit, group[0]) > SAME_FACE:
                group.append(hit)
                break
        else:
            groups.append([hit])
    for group in sorted(groups, key=lambda group: -len(group)):
        if len(group) >= LEAST_HITS:
            x0, y0, x1, y1 = (float(edge) for edge in np.mean(group, axis=0))
            yield Box(x0, y0, x1, y1), 1 - math.exp(-len(group) / 8)


def _overlap(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / (float(np.prod(one[2:] - one[:2])) + float(np.prod(other[2:] - other[:2])) - shared)


@functools.cache
def _cascade() -> tuple[Stage, ...]:
    text = resources.files("rubylith.engine.words").joinpath("frontal_face.xml").read_text("utf-8")
    cascade = ElementTree.fromstring(text).find("cascade")
    assert cascade is not None, "frontal_face.xml holds a cascade"
    blocks = [_numbers(one, "rect") for one in cascade.findall("features/_")]
    return tuple(
        Stage(
            _numbers(stage, "stageThreshold")[0],
            tuple(_weak(one, blocks) for one in stage.findall("weakClassifiers/_")),
        )
        for stage in cascade.findall("stages/_")
    )


def _weak(node: ElementTree.Element, blocks: list[list[float]]) -> Weak:
    _, _, feature, *subset = (int(number) for number in _numbers(node, "internalNodes"))
    bits = np.array(subset, np.int64).astype(np.uint32)
    patterns = np.arange(256)
    is_in = (bits[patterns >> 5] >> (patterns & 31).astype(np.uint32)) & 1
    yes, no = _numbers(node, "leafValues")
    x, y, width, height = (int(number) for number in blocks[feature])
    return Weak((x, y, width, height), np.where(is_in == 1, yes, no).astype(np.float32))


def _numbers(node: ElementTree.Element, name: str) -> list[float]:
    return [float(number) for number in (node.findtext(name) or "").split()]
