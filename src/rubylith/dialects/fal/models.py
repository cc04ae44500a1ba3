"""Which of fal's models are offered here, by their ids: `owner/app/path`. One app is one namespace of requests."""

from rubylith.dialects.fal.errors import Failure, Refused
from rubylith.dialects.fal.wire import AutoSegmentIn, ImageIn, InputIn

APP = "fal-ai/sam2"
MODELS: dict[str, type[InputIn]] = {f"{APP}/auto-segment": AutoSegmentIn, f"{APP}/image": ImageIn}
NEED_WORDS = ("fal-ai/evf-sam", "fal-ai/sam-3", "fal-ai/sam-3-1")  # apps that take text, which no model here reads yet


def find_model(model_id: str) -> type[InputIn]:
    """What the model takes; Refused with 404 if it is not offered."""
    if model_id in MODELS:
        return MODELS[model_id]
    app, path = split(model_id)
    if app == APP:
        raise Refused(Failure(404, f"Path /{path} not found"))
    known = ", ".join(MODELS)
    if app in NEED_WORDS:
        why = f"it finds things by words, which no model of this server reads yet; offered are {known}"
    else:
        why = f"offered are {known}"
    raise Refused(Failure(404, f"Application '{app[:200]}' not found: {why}"))


def split(model_id: str) -> tuple[str, str]:
    """Application and path: `fal-ai/sam2` and `auto-segment`."""
    parts = [part for part in model_id.split("/") if part]
    return "/".join(parts[:2]), "/".join(parts[2:])
