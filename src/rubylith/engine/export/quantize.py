# pyright: basic, reportMissingImports=false
"""An encoder's graph → the same with weights of eight bits, for processors that multiply those faster (VNNI)."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rubylith.domain.errors import ModelFailed
from rubylith.engine.export.quiet import quiet
from rubylith.engine.runtimes import Array, Arrays, Device
from rubylith.engine.runtimes.onnx import open_network

LIMIT = 0.1  # of the outputs' relative difference, as lengths of vectors; random weights lose 0.01 to 0.04
PRODUCTS = ["MatMul", "Gemm"]
WITH_WEIGHTS = {"MatMulConstBOnly": True}  # attention multiplies what the picture made, which stays as it is


def quantize(path: Path, target: Path, arrays: Arrays) -> float:
    """Write the graph at `path` to `target` in int8; by how much the two differ on `arrays`, relative.

    Products with weights are in int8: the weights scaled per channel, what meets them by its own range each time, so no
    pictures are needed to measure ranges beforehand. Attention, sums and norms stay in fp32. ModelFailed if the
    difference is above LIMIT; then there is no file.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  needs onnx

    def write() -> None:
        quantize_dynamic(
            path,
            target,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options=WITH_WEIGHTS,
        )

    return _checked(path, target, arrays, write)


def calibrate(path: Path, target: Path, pictures: Iterable[Arrays], unseen: Arrays) -> float:
    """As `quantize`, with the range of what meets the weights measured once, on `pictures`, and symmetric about zero.

    That is what OpenVINO multiplies in int8 as it stands. The difference is that on `unseen`.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415

    def write() -> None:
        quantize_static(
            path,
            target,
            _Reader(pictures),  # pyright: ignore[reportArgumentType]  what has get_next is a reader to it
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={**WITH_WEIGHTS, "ActivationSymmetric": True},
        )

    return _checked(path, target, unseen, write)


class _Reader:
    """ONNX Runtime's CalibrationDataReader: one picture after another, then None."""

    def __init__(self, pictures: Iterable[Arrays]) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, Array] | None:
        following = next(self._left, None)
        return None if following is None else dict(following)


def _checked(path: Path, target: Path, arrays: Arrays, write: Callable[[], Any]) -> float:
    with quiet():
        write()
    exact, rough = (open_network(file, Device()).run(arrays) for file in (path, target))
    each = [np.linalg.norm(rough[name] - exact[name]) / np.linalg.norm(exact[name]) for name in exact]
    worst = float(np.max(each))  # which keeps NaN, where max() may lose it
    if not worst <= LIMIT:
        target.unlink()
        raise ModelFailed(
            f"In int8 the encoder differs by {worst:.2g} of its outputs", f"The limit is {LIMIT}; use --precision fp32"
        )
    return worst
