"""Answers for random weights: regions that lie in each other, which a network that knows nothing would never find.

How long a network takes does not depend on its weights, but what comes after it does: random masks are noise over the
whole picture, and all or none of them pass the thresholds. So the networks are run, and what they say is then replaced
by these, the same for everybody. The time that takes is counted apart, to be taken off.
"""

import itertools
import time
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rubylith.engine.decoders import MULTIPLE
from rubylith.engine.runtimes import Array, Network

FloatArray = npt.NDArray[np.float32]

SIDE = 256  # of the logits
RADII = ((9, 80), (22, 30), (55, 10))  # of parts, objects, groups, and how many of each
PASSING = 0.75  # of the seeds that lie in a region; the others are answered badly


class World:
    """What each seed of a grid is answered: three masks and their predicted IoU. Seeds are asked row by row."""

    def __init__(self, per_side: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
        regions: list[FloatArray] = []
        for radius, count in RADII:
            for _ in range(count):
                (x, y), (a, b) = random.random(2) * SIDE, radius * (0.7 + 0.6 * random.random(2))
                turn = random.random() * np.pi
                across = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
                down = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
                regions.append(((1 - np.hypot(across / a, down / b)) * min(a, b)).astype(np.float32))
        self.regions = np.stack(regions)
        centres = ((np.arange(per_side) + 0.5) / per_side * SIDE).astype(int)
        seeds = [(row, column) for row in centres for column in centres]
        limits = np.cumsum([0, *(count for _, count in RADII)])
        self.chosen = np.array(
            [
                [low + int(self.regions[low:high, y, x].argmax()) for low, high in itertools.pairwise(limits)]
                for y, x in seeds
            ]
        )
        hits = np.array(
            [[self.regions[k, y, x] > 0 for k in ks] for (y, x), ks in zip(seeds, self.chosen, strict=True)]
        )
        hits &= random.random((len(seeds), 1)) < PASSING
        count = (len(seeds), 3)
        self.iou = np.where(hits, 0.8 + 0.19 * random.random(count), 0.4 + 0.4 * random.random(count)).astype(
            np.float32
        )
        self.slope = np.where(random.random(count) < 0.7, 3, 0.5).astype(np.float32)  # firm edges and soft ones
        self.shift = (random.random(count) * 0.8 - 0.4).astype(np.float32)
        self.begin()

    def begin(self) -> None:
        """The next answers are for the first seeds."""
        self.next_seed = 0
        self.seconds = 0.0

    def answer(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Logits (P, 3, SIDE, SIDE) and predicted IoU (P, 3) for the next seeds; starts again after the last."""
        started = time.perf_counter()
        indices = self.take(count)
        result = self.logits(indices), self.iou[indices]
        self.seconds += time.perf_counter() - started
        return result

    def take(self, count: int) -> npt.NDArray[np.intp]:
        """Numbers of the next seeds."""
        indices = (self.next_seed + np.arange(count)) % len(self.chosen)
        self.next_seed = int(indices[-1] + 1) % len(self.chosen)
        return indices

    def logits(self, indices: npt.NDArray[np.intp]) -> FloatArray:
        """(P, 3, SIDE, SIDE)."""
        return (
            self.regions[self.chosen[indices]] * self.slope[indices][..., None, None]
            + self.shift[indices][..., None, None]
        )


class Judged:
    """Our transformer graph, whose predicted IoU are the world's."""

    def __init__(self, network: Network, world: World) -> None:
        self._network, self._world = network, world
        self.inputs = network.inputs
        self.indices = np.zeros(0, np.intp)

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The graph's outputs with other scores."""
        outputs = self._network.run(arrays)
        self.indices = self._world.take(len(outputs["iou"]))
        iou = np.zeros((len(self.indices), 4), np.float32)
        iou[:, MULTIPLE] = self._world.iou[self.indices]
        return outputs | {"iou": iou}


class Drawn:
    """Our upscaler graph, whose masks are the world's and whose measures are those masks'."""

    def __init__(self, network: Network, judged: Judged, world: World, threshold: float) -> None:
        self._network, self._judged, self._world = network, judged, world
        self._threshold = threshold
        self.inputs = network.inputs

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The graph's outputs with other masks. Their measures cost time, too, though the graph has made its own."""
        outputs = self._network.run(arrays)
        started = time.perf_counter()
        indices = self._judged.indices
        logits = self._world.logits(indices[(self._world.iou[indices] > self._threshold).any(1)])
        stability, boxes = measure_all(logits, float(arrays["offset"][0]))
        self._world.seconds += time.perf_counter() - started
        return outputs | {"logits": logits, "stability": stability, "boxes": boxes}


def measure_all(logits: FloatArray, offset: float) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Stability (P, 3) and boxes (P, 3, 4) of logits (P, 3, SIDE, SIDE)."""
    from rubylith.domain.geometry import Size  # noqa: PLC0415
    from rubylith.engine.decoders import measure  # noqa: PLC0415

    stability, boxes = measure(logits.reshape(-1, SIDE, SIDE), offset, Size(SIDE, SIDE))
    return stability.reshape(-1, 3), boxes.reshape(-1, 3, 4)
