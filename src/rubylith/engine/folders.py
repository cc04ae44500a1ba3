"""Folders that transformers wrote → the family and the weights, without PyTorch."""

import json
from pathlib import Path
from typing import Any

from rubylith.domain.errors import ModelFailed, UnknownName
from rubylith.engine.models import Weights

CONFIGURATION = "config.json"
FAMILIES = {"sam": "sam", "sam_hq": "sam_hq", "sam2": "sam2", "sam2_video": "sam2", "edgetam": "sam2"}


def is_transformers_folder(folder: Path) -> bool:
    """True if there is a configuration of transformers and no export of ours."""
    return (folder / CONFIGURATION).is_file() and not (folder / "model.json").is_file()


def read_transformers_folder(folder: Path) -> tuple[str, Weights]:
    """The family and the weights; UnknownName if it is no SAM, ModelFailed if the configuration is not readable."""
    try:
        page: dict[str, Any] = json.loads((folder / CONFIGURATION).read_text("utf-8"))
        prompts: dict[str, Any] = page.get("prompt_encoder_config") or {}
        kind = str(page["model_type"])
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
