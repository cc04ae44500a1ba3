"""Folders that transformers wrote → the family and the weights, without PyTorch."""

import json
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import ModelFailed, UnknownName, WeightsMissing
from rubylith.engine.models import Weights

CONFIGURATION = "config.json"
UNIVERSAL = {"eomt": 640, "mask2former": 384, "oneformer": 640}  # and the side of the square where no page says it
FAMILIES = {"sam": "sam", "sam_hq": "sam_hq", "sam2": "sam2", "sam2_video": "sam2", "edgetam": "sam2"} | {
    kind: kind for kind in UNIVERSAL
}
DETECTORS = {
    "grounding-dino": "grounding_dino",
    "mm-grounding-dino": "grounding_dino",
    "owlv2": "owlv2",
    "sam3": "sam3",
    "sam3_video": "sam3",  # the hub has the part for pictures inside of that for films
}
GRAPH = "model"  # the name of a detector's graph on the hub


def is_transformers_folder(folder: Path) -> bool:
    """True if there is a configuration of transformers and no export of ours."""
    return (folder / CONFIGURATION).is_file() and not (folder / "model.json").is_file()


def read_transformers_folder(folder: Path) -> tuple[str, Weights]:
    """The family and the weights; UnknownName if it is none of FAMILIES, ModelFailed if the page is unreadable."""
    try:
        page: dict[str, Any] = json.loads((folder / CONFIGURATION).read_text("utf-8"))
        prompts: dict[str, Any] = page.get("prompt_encoder_config") or {}
        kind = str(page["model_type"])
        if kind in UNIVERSAL:
            return kind, _universal(folder, page, kind)
        side, patch = int(prompts.get("image_size", 1024)), int(prompts.get("patch_size", 16))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
        raise ModelFailed(
            f"{folder / CONFIGURATION} cannot be read: {failure}", "Give a folder that transformers wrote"
        ) from failure
    if kind not in FAMILIES:
        raise UnknownName.among("kind of model", kind, tuple(FAMILIES))
    weights = Weights(
        str(folder.resolve()), folder, is_split=False, input_size=side, mask_size=4 * side // patch, needs_torch=True
    )
    return FAMILIES[kind], weights


def read_detector_folder(folder: Path) -> str:
    """The family of a detector of any words; UnknownName if it is none of DETECTORS.

    WeightsMissing if the folder has no page that says it, ModelFailed if that is unreadable.
    """
    try:
        kind = str(json.loads((folder / CONFIGURATION).read_text("utf-8"))["model_type"])
    except OSError as failure:
        raise WeightsMissing(
            f"{folder} holds no detector ({failure.strerror})", "Give a folder that transformers wrote"
        ) from failure
    except (ValueError, KeyError, TypeError) as failure:
        raise ModelFailed(
            f"{folder / CONFIGURATION} cannot be read: {failure}", "Give a folder that transformers wrote"
        ) from failure
    if kind not in DETECTORS:
        raise UnknownName.among("kind of detector", kind, tuple(DETECTORS))
    return DETECTORS[kind]


def has_graph(folder: Path) -> bool:
    """True if a detector's graph is here, in whichever precision, so that PyTorch is not needed."""
    return any(path.is_file() for place in (folder, folder / "onnx") for path in place.glob(f"{GRAPH}*.onnx"))


def _universal(folder: Path, page: dict[str, Any], kind: str) -> Weights:
    """A universal model; how large a picture it sees is its own matter (EoMT), or on the page for pictures."""
    side: Any = page.get("image_size") if kind == "eomt" else None
    pictures = folder / "preprocessor_config.json"
    if side is None and pictures.is_file():
        told: dict[str, Any] = json.loads(pictures.read_text("utf-8")).get("size") or {}
        side = told.get("height") or told.get("shortest_edge")
    sides = cast("list[int]", side if isinstance(side, list) else [side or UNIVERSAL[kind]])
    side = int(sides[0])
    return Weights(
        str(folder.resolve()), folder, is_split=False, input_size=side, mask_size=side // 4, needs_torch=True
    )
