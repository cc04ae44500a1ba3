# pyright: basic, reportMissingImports=false
"""An encoder's graph → the same with weights of eight bits, for processors that multiply those faster (VNNI)."""

import logging
from pathlib import Path

import numpy as np

from rubylith.domain.errors import ModelFailed
from rubylith.engine.runtimes import Arrays, Device
from rubylith.engine.runtimes.onnx import open_network

LIMIT = 0.1  # of the outputs' relative difference, as lengths of vectors; random weights lose 0.01 to 0.03


def quantize(path: Path, target: Path, arrays: Arrays) -> float:
    """Write the graph at `path` to `target` in int8; by how much the two differ on `arrays`, relative.

    Products with weights are in int8: the weights scaled per channel, what meets them by its own range each time, so no
    pictures are needed to measure ranges beforehand. Attention, sums and norms stay in fp32. ModelFailed if the
    difference is above LIMIT; then there is no file.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  needs onnx

    level = logging.root.manager.disable
    logging.disable(
        logging.WARNING
    )  # it recommends a step that large graphs take minutes for, and that changes nothing
    try:
        quantize_dynamic(
            path,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        logging.disable(level)
    exact, rough = (open_network(file, Device()).run(arrays) for file in (path, target))
    worst = max(float(np.linalg.norm(rough[name] - exact[name]) / np.linalg.norm(exact[name])) for name in exact)
    if not worst <= LIMIT:
        target.unlink()
        raise ModelFailed(
            f"In int8 the encoder differs by {worst:.2g} of its outputs", f"The limit is {LIMIT}; use --precision fp32"
        )
    return worst
