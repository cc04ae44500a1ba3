# pyright: basic, reportMissingImports=false
"""Encoders on OpenVINO: the extra `openvino`, for processors, in bfloat16 on those that count in it, or in int8.

Decoders stay on ONNX Runtime: OpenVINO 2026.4 adds wrongly in one of ours, a bias to an array of eight axes.
"""

from pathlib import Path
from threading import Lock

import numpy as np

from rubylith.domain.errors import ModelFailed, Unavailable
from rubylith.engine.runtimes import Array, Arrays, Device

try:
    import openvino
except ImportError as failure:
    raise Unavailable(
        "OpenVINO is not installed", "Install it with `pip install 'rubylith[openvino]'`, or use RUBYLITH_PROVIDER=cpu"
    ) from failure


class OpenVinoNetwork:
    """A compiled graph. Calls wait for each other, since each has all the threads."""

    def __init__(self, compiled: "openvino.CompiledModel", name: str, outputs: tuple[str, ...]) -> None:
        self._request = compiled.create_infer_request()
        self._name = name
        self._kinds = {one.any_name: one.element_type.to_dtype() for one in compiled.inputs}
        self._outputs = outputs
        self._turn = Lock()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays it takes."""
        return tuple(self._kinds)

    def run(self, arrays: Arrays) -> dict[str, Array]:
        """The graph's outputs by name, whole numbers or float32; ModelFailed if OpenVINO gives up.

        Arrays that the graph does not know are left out.
        """
        given = {name: np.require(arrays[name], kind, "C") for name, kind in self._kinds.items()}
        try:
            with self._turn:
                self._request.infer(given, share_inputs=True)
                return {
                    name: _full(self._request.get_output_tensor(index).data) for index, name in enumerate(self._outputs)
                }
        except Exception as failure:  # OpenVINO raises plain RuntimeError and others
            raise ModelFailed(
                f"The graph {self._name} gave up: {failure}", "Run `rubylith models verify` on the model"
            ) from failure


def _full(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array.copy()


def open_network(path: Path, device: Device) -> OpenVinoNetwork:
    """The graph at `path`, compiled for the processor; Unavailable if that cannot count in the precision asked for.

    In int8 the graph says what is counted in that; the rest is counted in bfloat16 where the processor can.
    """
    core = openvino.Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if device.precision == "bf16" and not has_bf16:
        raise Unavailable("This processor does not count in bfloat16", "Use RUBYLITH_PRECISION=fp32")
    # In fp32 too this must be said: OpenVINO by itself would take bfloat16 in silence.
    hint = "bf16" if has_bf16 and device.precision in {"bf16", "int8"} else "f32"
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    if device.threads is not None:
        options["INFERENCE_NUM_THREADS"] = str(device.threads)
    try:
        graph = core.read_model(path)
        compiled = core.compile_model(graph, "CPU", options)
    except Exception as failure:
        raise ModelFailed(
            f"{path} cannot be loaded: {str(failure).strip().splitlines()[-1]}",
            "Pull or export the model again; `rubylith models verify` finds damage",
        ) from failure
    return OpenVinoNetwork(compiled, path.name, tuple(one.any_name for one in graph.outputs))
