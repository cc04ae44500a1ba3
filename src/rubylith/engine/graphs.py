"""Graphs in a model's folder → open networks: the one place that says on what a network runs and in which precision.

It gives what is asked for or refuses; nothing is counted in another precision in silence.
"""

from enum import Enum
from importlib import import_module
from pathlib import Path

from rubylith.domain.errors import Unavailable, WeightsMissing
from rubylith.engine.precisions import CALIBRATED
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

SUFFIXES = {"fp32": ("",), "fp16": ("_fp16",), "int8": ("_int8", "_quantized"), "bf16": ("",)}


class Part(Enum):
    """What a network is of its model, which decides what the precision that is asked for means to it."""

    ENCODER = "encoder"  # it is what the precision is about
    WHOLE = "universal model"  # all of a model, in fp32 or not at all
    DETECTOR = "detector"  # finds words beside a model: in the precision of its files, those of fp32 for bf16
    EXACT = "the rest"  # decoders, and detectors of one file: always fp32


def settle(part: Part, device: Device) -> Device:
    """Where and how the network really runs; Unavailable if this machine, or a network of this kind, cannot do it."""
    if device.provider == "openvino":
        import_module("rubylith.engine.runtimes.openvino")  # says so if it is not installed
    elif device.precision == "bf16":
        raise Unavailable(
            f"{device.provider} does not count in bf16", "Use RUBYLITH_PROVIDER=openvino, or RUBYLITH_PRECISION=fp32"
        )
    if part is Part.WHOLE and device.precision != "fp32":
        raise Unavailable(
            f"Universal models run in fp32, not in {device.precision}",
            "Use RUBYLITH_PRECISION=fp32, or ask another model",
        )
    return exact(device) if part is Part.EXACT else device


def exact(device: Device) -> Device:
    """The same place, in fp32."""
    return Device(device.provider, device.threads)


def open_graph(folder: Path, name: str, part: Part, device: Device) -> Network:
    """The graph of that name in the folder or in its `onnx/`, ready.

    Unavailable if it cannot run as asked, WeightsMissing if there is no file of that precision, ModelFailed if damaged.
    """
    settled, path = settle(part, device), graph_path(folder, name, part, device)
    if part is Part.ENCODER and settled.provider == "openvino":
        from rubylith.engine.runtimes import openvino  # noqa: PLC0415  the core has no OpenVINO

        return openvino.open_network(path, settled)
    return open_network(path, settled)


def graph_path(folder: Path, name: str, part: Part, device: Device) -> Path:
    """The file that `open_graph` opens; errors as there."""
    settled = settle(part, device)
    if part is Part.ENCODER and (settled.provider, settled.precision) == ("openvino", "int8"):
        return _calibrated(folder, name)
    return find_graph(folder, name, settled.precision)


def find_graph(folder: Path, name: str, precision: str) -> Path:
    """The file of a graph in the folder or in its `onnx/`; WeightsMissing if there is none of that precision."""
    for suffix in SUFFIXES[precision]:
        for place in (folder, folder / "onnx"):
            path = place / f"{name}{suffix}.onnx"
            if path.is_file():
                return path
    if precision in {"fp32", "bf16"}:
        raise WeightsMissing(
            f"{folder} has no {name}.onnx",
            "See what is gone with `rubylith models verify`, and pull or export it again",
        )
    ways = "Pull" if precision == "fp16" else "Pull or export"
    raise WeightsMissing(
        f"{folder} has no {name} of precision {precision}",
        f"{ways} the model with --precision {precision}, or use RUBYLITH_PRECISION=fp32",
    )


def _calibrated(folder: Path, name: str) -> Path:
    path = folder / f"{name}{CALIBRATED}.onnx"
    if path.is_file():
        return path
    raise WeightsMissing(
        f"{folder} has no {name} in int8 with measured ranges, which OpenVINO needs",
        "Export the model with --precision int8 --calibrate PICTURES, or use RUBYLITH_PRECISION=bf16 or fp32",
    )
