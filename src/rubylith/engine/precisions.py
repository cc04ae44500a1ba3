"""In which precision the files of an encoder are, and which of them a device opens."""

import re
from collections.abc import Iterable

from rubylith.engine.runtimes import KEPT_AS, Device

STATIC = "int8-static"  # files in int8 with measured ranges, which OpenVINO wants; nobody publishes any
CALIBRATED = "_int8_static"  # what their names end in
ENCODER = re.compile(r"(?:(?:vision_)?encoder|network|onnx/model)(_fp16|_int8_static|_int8|_quantized)?\.onnx$")
SUFFIXES = {None: "fp32", "_fp16": "fp16", "_int8": "int8", "_quantized": "int8", CALIBRATED: STATIC}


def precisions_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of the encoders among these files."""
    found = {SUFFIXES[match[1]] for path in paths if (match := ENCODER.search(path))}
    return tuple(precision for precision in dict.fromkeys(SUFFIXES.values()) if precision in found)


def files_for(device: Device) -> str:
    """The precision of the files that this device opens, which for OpenVINO in int8 are STATIC."""
    if device.provider == "openvino" and device.precision == "int8":
        return STATIC
    return KEPT_AS.get(device.precision, device.precision)
