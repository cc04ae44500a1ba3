"""Which of fal's models are offered here, by their ids: `owner/app/path`. One app is one namespace of requests."""

from rubylith.dialects.fal.errors import Failure, Refused
from rubylith.dialects.fal.wire import AutoSegmentIn, EvfIn, ImageIn, InputIn, Sam3In

AUTO_SEGMENT = "fal-ai/sam2/auto-segment"
EVF = "fal-ai/evf-sam"
SAM3_RLE = "fal-ai/sam-3/image-rle"
SAM3 = ("fal-ai/sam-3/image", "fal-ai/sam-3-1/image", SAM3_RLE)
MODELS: dict[str, type[InputIn]] = {
    AUTO_SEGMENT: AutoSegmentIn,
    "fal-ai/sam2/image": ImageIn,
    EVF: EvfIn,
    **dict.fromkeys(SAM3, Sam3In),
}


def find_model(model_id: str) -> type[InputIn]:
    """What the model takes; Refused with 404 if it is not offered."""
    if model_id in MODELS:
        return MODELS[model_id]
    app, path = split(model_id)
    if path and app in {split(known)[0] for known in MODELS}:
        raise Refused(Failure(404, f"Path /{path} not found"))
    raise Refused(Failure(404, f"Application '{app[:200]}' not found: offered are {', '.join(MODELS)}"))


def split(model_id: str) -> tuple[str, str]:
    """Application and path: `fal-ai/sam2` and `auto-segment`."""
    parts = [part for part in model_id.split("/") if part]
    return "/".join(parts[:2]), "/".join(parts[2:])
