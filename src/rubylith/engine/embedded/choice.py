"""The choice among a click's candidates: how likely each is what is meant; see `clicks.measure` for the features."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from rubylith.domain.errors import ModelFailed
from rubylith.engine.embedded.products import pairwise_products, weighted_sums

FloatArray = npt.NDArray[np.float64]

# Made by benchmarks/fit_clicks.py for the networks in the package; a test tells if it was made for others.
FILE = Path(__file__).with_name("choice.npz")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A linear score and one hidden layer beside it. linear: (f,); hidden: (f, h); bias: (h,); out: (h,)."""

    linear: FloatArray
    hidden: FloatArray
    bias: FloatArray
    out: FloatArray

    @classmethod
    def straight(cls, weights: tuple[float, ...]) -> Self:
        """The linear score alone."""
        return cls(np.array(weights), np.zeros((len(weights), 0)), np.zeros(0), np.zeros(0))

    @classmethod
    def read(cls, path: Path, features: int | None = None) -> Self:
        """As `write` left it; ModelFailed where that is damaged, or weighs another number of features than this."""
        with _opened(path) as arrays:
            choice = cls(*(arrays[name].astype(np.float64) for name in cls.__slots__))
            choice._check(features)
        return choice

    def _check(self, features: int | None) -> None:
        """ValueError for what no picture can be weighed with."""
        endless = next((name for name in self.__slots__ if not np.isfinite(getattr(self, name)).all()), None)
        if endless is not None:
            raise ValueError(f"{endless} holds what is no number")
        if self.linear.ndim != 1 or self.bias.ndim != 1 or self.hidden.shape != (self.linear.size, self.bias.size):
            raise ValueError("its arrays do not fit together")
        if self.out.shape != self.bias.shape:
            raise ValueError("its arrays do not fit together")
        if features is not None and self.linear.size != features:
            raise ValueError(f"it weighs {self.linear.size} features instead of {features}")

    @staticmethod
    def networks(path: Path) -> str:
        """The SHA-256 of the networks that the choice in a file was fitted to; ModelFailed where that is damaged."""
        with _opened(path) as arrays:
            return str(arrays["networks"])

    def write(self, path: Path, networks: str) -> None:
        """The four arrays as float32, by their names, and the SHA-256 of the networks that they were fitted to."""
        arrays = {name: getattr(self, name).astype(np.float32) for name in self.__slots__}
        np.savez(path, networks=np.array(networks), **arrays)

    def merits(self, features: FloatArray) -> FloatArray:
        """Logits (c,) of the candidates whose features (c, f) these are."""
        units = np.tanh(pairwise_products(features, self.hidden.T) + self.bias)  # (c, h)
        return weighted_sums(features, self.linear) + weighted_sums(units, self.out)


@contextmanager
def _opened(path: Path) -> Generator[NpzFile]:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, BadZipFile) as failure:
        raise ModelFailed(
            f"The choice in the package, {path}, is damaged: {failure}", "Install rubylith again"
        ) from failure


# Fitted to the highest expected IoU on the open set, 1137 clicks on up to 60 photos of each of eight kinds, 2026-11-20;
# threefold by photo they reach .505 on what they have not seen, .521 on what they have.
ALONE = Choice.straight((
    0.475, 2.03, -0.629, 0.698, -1.22, -0.343, 2.21,
    6.25, -2.51, -1.27, -2.93, 8.95,
    -0.188, -0.0428, 7.33, 2.27, -0.588, 0.845, 1.6, 0.816, -0.391, 0.647,
))  # fmt: skip

FEATURES = len(ALONE.linear) + 8  # beside those of a region, what the network says of each candidate


@cache
def beside_network() -> Choice:
    """The choice where the network's guesses are among the candidates."""
    return Choice.read(FILE, FEATURES)
