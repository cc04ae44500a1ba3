"""A mask as a network says it, before it is cut: how later clicks correct it without loss."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt


@dataclass(frozen=True, slots=True)
class Logits:
    """Above 0 inside, in the square of the model that said it. data: side * side float32, row by row."""

    side: int
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, values: npt.NDArray[np.float32]) -> Self:
        """values: (side, side) float32."""
        return cls(len(values), np.ascontiguousarray(values, np.float32).tobytes())

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """(side, side) float32, read-only."""
        return np.frombuffer(self.data, np.float32).reshape(self.side, self.side)

    def of_side(self, side: int) -> npt.NDArray[np.float32]:
        """The values; InvalidPrompt unless they are `side` by `side`, as the model at hand has them."""
        if self.side != side or len(self.data) != side * side * 4:
            raise InvalidPrompt(
                f"The previous logits are {self.side} x {self.side} but this model has {side} x {side}",
                "Send logits that this model made, or the mask itself",
            )
        return self.values
