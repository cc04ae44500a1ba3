"""What detectors of any words share: opening what is in a folder, and what their numbers mean."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rubylith.domain.detection import Detection
from rubylith.domain.errors import ModelFailed
from rubylith.domain.geometry import Box, Size
from rubylith.engine.detectors import DetectorWeights
from rubylith.engine.folders import GRAPH, has_graph
from rubylith.engine.graphs import Part, open_graph, settle
from rubylith.engine.refine import box_array, box_nms
from rubylith.engine.runtimes import Device, Network

FloatArray = npt.NDArray[np.float32]

PICTURES = "preprocessor_config.json"  # what transformers wrote about the pictures that a network sees


def open_boxes(weights: DetectorWeights, device: Device) -> Network:
    """The network, ready: the hub's graph where it is here, else transformers' files on PyTorch.

    Both take the arrays that transformers' class takes, by its names, and give `logits` and `pred_boxes`.
    """
    if has_graph(weights.folder):
        return open_graph(weights.folder, GRAPH, Part.DETECTOR, device)
    from rubylith.engine.runtimes.torch import open_detector  # noqa: PLC0415  the core has no PyTorch

    return open_detector(weights.folder, settle(Part.EXACT, device))


def seen_size(folder: Path) -> dict[str, int]:
    """How large a picture the network wants: `height` and `width`, or `shortest_edge` and `longest_edge`; {} if unsaid.

    ModelFailed if the page is not what transformers writes.
    """
    path = folder / PICTURES
    if not path.is_file():
        return {}
    try:
        size: dict[str, Any] = json.loads(path.read_text("utf-8")).get("size") or {}
        return {side: int(pixels) for side, pixels in size.items()}
    except (OSError, ValueError, TypeError, AttributeError) as failure:
        raise ModelFailed(f"{path} cannot be read: {failure}", "Pull the model again") from failure


def likely(logits: FloatArray) -> FloatArray:
    """Logits → probabilities; what is masked with minus infinity has none."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)


def corners(centres: FloatArray, size: Size) -> list[Box]:
    """(N, 4) centre and size as shares of a picture → boxes in its pixels. size: that which the shares are of."""
    middle, half = centres[:, :2], centres[:, 2:] / 2
    edges = np.concatenate([middle - half, middle + half], axis=1) * np.array([size.width, size.height] * 2, np.float32)
    return [Box(*(float(edge) for edge in row)) for row in edges]


def each_once(found: Sequence[Detection], same_thing: float) -> tuple[Detection, ...]:
    """Best first; of boxes of one name whose IoU is above `same_thing` the best."""
    kept: list[Detection] = []
    for name in dict.fromkeys(one.name for one in found):
        same = [one for one in found if one.name == name]
        scores = np.array([one.score for one in same])
        kept += [same[index] for index in box_nms(box_array([one.box for one in same]), scores, same_thing)]
    return tuple(sorted(kept, key=lambda one: -one.score))
