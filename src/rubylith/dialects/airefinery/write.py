"""Domain → wire."""

import base64
from typing import Any

from rubylith.dialects.airefinery.read import VENDORS_MODELS
from rubylith.dialects.airefinery.regions import label_map
from rubylith.domain.caller import Caller
from rubylith.domain.segmentation import Segmentation
from rubylith.formats.labelmap import encode_labels
from rubylith.service.models import ModelState

SCORE_DECIMALS = 4
OWNER = "rubylith"


def write_segmentation(segmentation: Segmentation, created: int) -> dict[str, Any]:
    """The label map of all regions as one item. created: Unix seconds."""
    scores = [min(max(mask.predicted_iou, 0.0), 1.0) for mask in segmentation.masks]
    mask = {
        "b64_json": base64.b64encode(encode_labels(label_map(segmentation))).decode(),
        "label": None,
        "score": round(sum(scores) / len(scores), SCORE_DECIMALS),
    }
    return {"created": created, "data": [mask], "usage": None}


def write_models(states: tuple[ModelState, ...]) -> dict[str, Any]:
    """The names that requests may use: the vendor's, then ours."""
    names = (*VENDORS_MODELS, *(state.name for state in states))
    return {"object": "list", "data": [_write_model(name) for name in names]}


def write_caller(caller: Caller) -> dict[str, Any]:
    """Whom a key belongs to."""
    return {"organization_id": caller.id}


def _write_model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "created": 0,
        "object": "model",
        "owned_by": name.partition("/")[0] if "/" in name else OWNER,
        "root": name,
        "parent": None,
        "permission": [],
    }
