"""Random walks over superpixels: how likely a walker from here meets the object before it meets the background.

Source: Grady, 'Random walks for image segmentation', PAMI 2006. The graph of superpixels is small enough to invert its
Laplacian once, after which any set of seeds costs a system as small as the number of seeds.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.hierarchy import Leaves

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

EDGE_SHARE = 0.6  # of the difference of two neighbours; the rest is histogram distance
STEEPNESS = 14.0  # how fast conductance falls with difference
PRIOR_PULL = 0.02  # of the median conductance of a superpixel
ROUNDS = 16  # of averaging, where the pull is strong
OVERSHOOT = 1.5  # how far each round goes: stationary Chebyshev iteration (Golub, Varga 1961) for a radius of 0.94


@dataclass(frozen=True, slots=True, eq=False)
class Diffusion:
    """inverse: (n, n) float32, symmetric, of the Laplacian plus a weak pull towards a prior; pull: its strength."""

    inverse: npt.NDArray[np.float32]
    pull: float

    @classmethod
    def over(cls, leaves: Leaves, pull: float = PRIOR_PULL) -> Self:
        """Conductance falls exponentially with the difference of neighbours and grows with their common border.

        pull: see PRIOR_PULL.
        """
        ones, others = leaves.pairs.T
        conductance = np.zeros((len(leaves.areas),) * 2)
        conductance[ones, others] = conductance[others, ones] = _conductances(leaves)
        degrees = conductance.sum(axis=1)
        strength = pull * float(np.median(degrees)) + 1e-9
        laplacian = np.diag(degrees + strength) - conductance
        return cls(np.linalg.inv(laplacian).astype(np.float32), strength)

    def spread(self, prior: FloatArray, seeds: IntArray, values: FloatArray) -> FloatArray:
        """The probability of being object: (n,) float64.

        prior: (n,) what superpixels tend to; seeds: (m,) distinct superpixels held at `values` (m,).
        """
        free = self._unseeded(prior)
        rows = self.inverse[seeds].astype(np.float64)  # (m, n)
        return free + np.einsum("i,ij->j", np.linalg.solve(rows[:, seeds], values - free[seeds]), rows)

    def _unseeded(self, prior: FloatArray) -> FloatArray:
        """The same without seeds. A prior of 1 stays 1, so the sparser of the prior and its complement is spread."""
        if np.count_nonzero(prior) > np.count_nonzero(prior != 1):
            return 1 - self._unseeded(1 - prior)
        some = np.flatnonzero(prior)
        # not `@`: a click's few rows are not worth waking BLAS's threads for, least of all on a busy machine
        return np.einsum("i,ij->j", self.pull * prior[some], self.inverse[some])


@dataclass(frozen=True, slots=True, eq=False)
class ShortWalks:
    """The same walks on so short a leash that a few rounds of averaging settle them: nothing has to be inverted.

    neighbours: (e,) superpixels, those of superpixel i from starts[i] on; weights: (e,) float32, of each in that
    superpixel's average; own: (n,) float32, of its prior.
    """

    neighbours: IntArray
    starts: IntArray
    weights: npt.NDArray[np.float32]
    own: npt.NDArray[np.float32]

    @classmethod
    def over(cls, leaves: Leaves, pull: float) -> Self:
        """pull: of the median conductance of a superpixel; 0.5 leaves errors below 0.05 on most photographs.

        Where few neighbours are far closer than most, as in a sky beside foliage, they may be ten times that.
        """
        count = len(leaves.areas)
        alone = np.arange(count)  # with a weight of 0, so that each superpixel has a neighbour
        ones, others = np.concatenate([leaves.pairs, leaves.pairs[:, ::-1], np.stack([alone, alone], axis=1)]).T
        between = _conductances(leaves)
        conductances = np.concatenate([between, between, np.zeros(count)])
        degrees = np.bincount(ones, conductances, count)
        strength = pull * float(np.median(degrees)) + 1e-9
        total = degrees + strength
        by_one = np.argsort(ones, kind="stable")
        weights = (conductances / total[ones])[by_one].astype(np.float32)
        starts = np.searchsorted(ones[by_one], alone)
        return cls(others[by_one], starts, weights, (strength / total).astype(np.float32))

    def spread(self, prior: FloatArray, seeds: IntArray, values: FloatArray) -> FloatArray:
        """As `Diffusion.spread`; `prior` may be (n,) or (k, n), for k walks with the same seeds."""
        own = (self.own * prior).astype(np.float32)
        held = values.astype(np.float32)
        likely = prior.astype(np.float32)
        likely[..., seeds] = held
        before = likely
        for _ in range(ROUNDS):
            met = np.take(likely, self.neighbours, axis=-1) * self.weights
            averages = np.add.reduceat(met, self.starts, axis=-1)
            before, likely = likely, before + OVERSHOOT * (averages + own - before)
            likely[..., seeds] = held
        return likely.astype(np.float64)


def _conductances(leaves: Leaves) -> FloatArray:
    """(p,): how easily each pair of neighbours is crossed."""
    ones, others = leaves.pairs.T
    distance = np.abs(leaves.histograms[ones] - leaves.histograms[others]).sum(axis=1) / 8
    difference = EDGE_SHARE * leaves.edge_sums / leaves.lengths + (1 - EDGE_SHARE) * distance
    return leaves.lengths * np.exp(-STEEPNESS * difference)
