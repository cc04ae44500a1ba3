# pyright: basic, reportMissingImports=false
"""Models in transformers' form on PyTorch, without an export: the extra `torch`, for GPUs and for comparison."""

from pathlib import Path

import numpy as np

from rubylith.domain.errors import ModelFailed, Unavailable, UnknownName
from rubylith.engine.runtimes import Array, Arrays, Device

try:
    import torch

    from rubylith.engine.export.detectors import load_detector
    from rubylith.engine.export.parts import Part, parts_of
    from rubylith.engine.export.sources import load_transformers
    from rubylith.engine.export.universal import load_universal
except ImportError as failure:
    raise Unavailable(
        f"This model is in transformers' form, and {failure.name} is not installed",
        "Install rubylith[torch], or write graphs that need neither with `rubylith models export`",
    ) from failure

DEVICES = {"cpu": "cpu", "cuda": "cuda", "coreml": "mps"}


class TorchNetwork:
    """A part of a model on a device."""

    def __init__(self, part: Part, device: str) -> None:
        self.inputs = part.inputs
        self._part = part
        self._module = part.module.to(device)
        self._device = device

    def run(self, arrays: Arrays) -> dict[str, Array]:
        """The part's outputs by name; ModelFailed if PyTorch gives up. Arrays that it does not know are left out."""
        try:
            given = {name: _tensor(arrays[name]).to(self._device) for name in self.inputs}
            with torch.inference_mode():
                results = self._module(**given)
        except RuntimeError as failure:
            raise ModelFailed(f"PyTorch gave up in {self._part.name}: {failure}", "Try another device") from failure
        return {name: array.cpu().numpy() for name, array in zip(self._part.outputs, results, strict=True)}


def _tensor(array: Array) -> "torch.Tensor":
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def open_networks(folder: Path, device: Device) -> dict[str, TorchNetwork]:
    """Encoder, prepare, transformer and upscaler by name; Unavailable if PyTorch here cannot use the device.

    `device.threads` is set for the whole process, because PyTorch knows no other way.
    """
    name = device_name(device)
    if device.threads is not None:
        torch.set_num_threads(device.threads)
    try:
        source = load_transformers(folder)
    except Exception as failure:  # transformers and safetensors raise a dozen unrelated classes
        raise ModelFailed(f"{folder} cannot be loaded: {failure}", "Give a folder that transformers wrote") from failure
    return {part.name: TorchNetwork(part, name) for part in parts_of(source)}


def open_whole(folder: Path, side: int, device: Device) -> TorchNetwork:
    """A universal model, which is one network; errors as of open_networks. side: of the square it sees."""
    name = device_name(device)
    if device.threads is not None:
        torch.set_num_threads(device.threads)
    try:
        whole = load_universal(folder, side)
    except Exception as failure:
        raise ModelFailed(f"{folder} cannot be loaded: {failure}", "Give a folder that transformers wrote") from failure
    return TorchNetwork(whole.part, name)


def open_detector(folder: Path, device: Device) -> TorchNetwork:
    """A detector of any words, which is one network; errors as of open_networks."""
    name = device_name(device)
    if device.threads is not None:
        torch.set_num_threads(device.threads)
    try:
        part = load_detector(folder)
    except Exception as failure:
        raise ModelFailed(f"{folder} cannot be loaded: {failure}", "Give a folder that transformers wrote") from failure
    return TorchNetwork(part, name)


def device_name(device: Device) -> str:
    """PyTorch's name of the device; Unavailable with its fix if it is not here or cannot do the precision."""
    if device.precision != "fp32":
        raise Unavailable(
            f"Models in transformers' form run in fp32, not in {device.precision}",
            "Export the model in that precision, or use RUBYLITH_PRECISION=fp32",
        )
    if device.provider not in DEVICES:
        raise UnknownName.among("device of PyTorch", device.provider, tuple(DEVICES))
    name = DEVICES[device.provider]
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[name]
    if not present:
        raise Unavailable(
            f"PyTorch has no {device.provider} here", "Install PyTorch's build for it, or use RUBYLITH_PROVIDER=cpu"
        )
    return name
