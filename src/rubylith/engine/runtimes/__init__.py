"""What runs a network. One file per runtime: arrays in, arrays out, and nothing about pictures or prompts.

`onnx` opens one graph from a file, `openvino` does so for encoders alone, `torch` opens all parts of a model in
transformers' form. A runtime that cannot do what `Device` asks says so; none of them falls back in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

NAMES = ("onnx", "openvino", "torch")

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
FloatArray = npt.NDArray[np.float32]

PROVIDERS = ("cpu", "cuda", "coreml", "directml", "openvino")
PRECISIONS = ("fp32", "fp16", "int8", "bf16")
KEPT_AS = {"bf16": "fp32"}  # counted in one precision, with files of another


@dataclass(frozen=True, slots=True)
class Device:
    """Where and how a network runs.

    provider: one of PROVIDERS. threads: None leaves it to the runtime, which takes one per core.
    spins: whether threads of ONNX Runtime wait for each other by counting; without it small networks answer as soon and
    leave a third of the cores to others.
    precision: one of PRECISIONS; picks the model's files of that precision, and for bf16 how those of fp32 are counted.
    """

    provider: str = "cpu"
    threads: int | None = None
    precision: str = "fp32"
    spins: bool = True


class Network(Protocol):
    """One loaded graph. Any number of threads may run it at once."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays it takes."""
        ...

    def run(self, arrays: Arrays) -> dict[str, Array]:
        """The graph's outputs by name; ModelFailed if it gives up."""
        ...
