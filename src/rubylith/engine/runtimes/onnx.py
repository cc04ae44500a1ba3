"""ONNX graphs on ONNX Runtime."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rubylith.domain.errors import ModelFailed, Unavailable, UnknownName
from rubylith.engine.runtimes import PROVIDERS, Array, Arrays, Device

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SLOW_FUSION = "SkipLayerNormFusion"  # its kernel takes four times what the two steps by themselves take (1.31)
HALF = "tensor(float16)"
ORT_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "CPUExecutionProvider",  # what is no encoder runs beside it
}
PACKAGES = {
    "cuda": "onnxruntime-gpu instead of onnxruntime",
    "coreml": "onnxruntime on macOS",
    "directml": "onnxruntime-directml instead of onnxruntime",
}


class OnnxNetwork:
    """A graph in an ONNX Runtime session."""

    def __init__(self, session: "InferenceSession", name: str) -> None:
        self._session = session
        self._name = name
        self._inputs = tuple(one.name for one in session.get_inputs())
        self._outputs = tuple(one.name for one in session.get_outputs())
        self._halves = frozenset(one.name for one in session.get_inputs() if one.type == HALF)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays it takes."""
        return self._inputs

    def run(self, arrays: Arrays) -> dict[str, Array]:
        """The graph's outputs by name, whole numbers or float32; ModelFailed if ONNX Runtime gives up.

        Arrays that the graph does not know are left out.
        """
        try:
            results = self._session.run(
                self._outputs, {name: self._as_wanted(name, arrays[name]) for name in self._inputs}
            )
        except Exception as failure:  # ONNX Runtime raises a dozen unrelated classes
            raise ModelFailed(
                f"The graph {self._name} gave up: {failure}", "Run `rubylith models verify` on the model"
            ) from failure
        return {name: _full(array) for name, array in zip(self._outputs, results, strict=True)}

    def _as_wanted(self, name: str, array: Array) -> Array:
        return array.astype(np.float16) if name in self._halves else array


def _full(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def open_network(path: Path, device: Device) -> OnnxNetwork:
    """The graph at `path`, ready to run on the device; Unavailable if ONNX Runtime here cannot use it.

    Weights in a side file (`<name>.onnx_data`) are found next to the graph.
    """
    import onnxruntime  # noqa: PLC0415  a tenth of a second that commands without a network need not wait

    provider = provider_name(device.provider, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # shapes differ between calls; patterns would keep a plan for each
    if not device.spins:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device.threads is not None:
        options.intra_op_num_threads = device.threads
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=[provider], disabled_optimizers=[SLOW_FUSION]
        )
    except Exception as failure:
        raise ModelFailed(
            f"{path} cannot be loaded: {failure}",
            "Pull or export the model again; `rubylith models verify` finds damage",
        ) from failure
    if provider not in session.get_providers():
        raise Unavailable(
            f"ONNX Runtime could not start {device.provider}", "Check its drivers, or use RUBYLITH_PROVIDER=cpu"
        )
    return OnnxNetwork(session, path.name)


def providers_here() -> tuple[str, ...]:
    """Those of PROVIDERS that this installation has."""
    import onnxruntime  # noqa: PLC0415  as above

    return _named(onnxruntime.get_available_providers())


def provider_name(wanted: str, present: Sequence[str]) -> str:
    """ONNX Runtime's name of the provider; Unavailable with its fix if this installation lacks it."""
    if wanted not in ORT_NAMES:
        raise UnknownName.among("provider", wanted, PROVIDERS)
    if ORT_NAMES[wanted] not in present:
        raise Unavailable(
            f"ONNX Runtime has no {wanted} here; it has {', '.join(_named(present))}",
            f"Install {PACKAGES[wanted]}, or use RUBYLITH_PROVIDER=cpu",
        )
    return ORT_NAMES[wanted]


def _named(present: Sequence[str]) -> tuple[str, ...]:
    here = (name for name in PROVIDERS if ORT_NAMES[name] in present)
    return tuple(name for name in here if name != "openvino" or find_spec("openvino"))
