# pyright: basic, reportMissingImports=false
"""Lets a torchvision built for another PyTorch be imported: its operators' names, and NMS in NumPy.

Both peers import torchvision for `batched_nms` and for resizing, neither of which needs its compiled operators. Import
this before them. NMS is then not their own, but takes milliseconds of their minutes.
"""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from rubylith.engine.refine import box_nms

NMS = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
LIBRARIES: list[torch.library.Library] = []  # an operator lives as long as its library


def prepare() -> None:
    """Make torchvision importable; RuntimeError if it is not installed at all."""
    if LIBRARIES:
        return
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise RuntimeError("torchvision is missing: pip install --no-deps torchvision")
    folder = Path(spec.origin).parent
    try:
        for file in folder.glob("_C*.so"):
            torch.ops.load_library(str(file))
    except OSError:
        _register((folder / "_meta_registrations.py").read_text("utf-8"))
        _import_without_checks()


def _register(source: str) -> None:
    """Define every operator that torchvision speaks of while it is imported."""
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(set(re.findall(r'(?:register_meta\("|register_fake\("torchvision::)(\w+)"', source)) - {"nms"}):
        library.define(f"{name}(Tensor x) -> Tensor")
    library.define(NMS)
    library.impl("nms", _nms, "CPU")
    LIBRARIES.append(library)


def _import_without_checks() -> None:
    from torchvision import extension  # noqa: PLC0415
    from torchvision.ops import boxes  # noqa: PLC0415

    for module in (extension, boxes):
        module._assert_has_ops = lambda: None


def _nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    return torch.tensor(box_nms(boxes.numpy().astype(np.float64), scores.numpy(), threshold), dtype=torch.long)
