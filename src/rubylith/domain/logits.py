"""A mask as a network says it, before it is cut: how later clicks correct it without loss."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """values: (n, n) float32, above 0 inside, in the square of the model that said it; read-only."""

    values: npt.NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        self.values.flags.writeable = False

    def of_side(self, side: int) -> npt.NDArray[np.float32]:
        """The values; InvalidPrompt unless they are `side` by `side`, as the model at hand has them."""
        if self.values.shape != (side, side):
            found = " x ".join(str(n) for n in self.values.shape)
            raise InvalidPrompt(
                f"The previous logits are {found} but this model has {side} x {side}",
                "Send logits that this model made, or the mask itself",
            )
        return self.values
