"""Prodia's documents and job types."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SEGMENT, REMOVE_BACKGROUND = "inference.segment.v1", "inference.remove-background.v1"
MASK_BACKGROUND, PING, WORDS = "inference.mask-background.v1", "inference.ping.v1", "inference.segment.v2"
ALIASES = {"inference.sam2.segment.v1": SEGMENT, "inference.sam3.segment.v1": WORDS}

FORMATS = ("PNG", "JPEG", "WebP")
MIN_SIDE, MAX_SIDE, MAX_SIDE_OF_WORDS = 256, 2048, 4096  # pixels
MAX_FILE = 10 * 1024 * 1024  # bytes


class Closed(BaseModel):
    """Unknown fields are the caller's fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class JobIn(Closed):
    """Part `job`. `id` and `created_at` of an earlier answer may come back; ours count."""

    type: str
    config: dict[str, Any] = {}
    id: Any = None
    created_at: Any = None


class NoConfig(Closed):
    """Most job types take none."""


class WordsConfig(Closed):
    """`inference.segment.v2`."""

    prompt: str = Field(min_length=1, max_length=500)
    confidence_threshold: float = Field(default=0.5, ge=0, le=1)


CONFIGS: dict[str, type[Closed]] = {
    SEGMENT: NoConfig,
    REMOVE_BACKGROUND: NoConfig,
    MASK_BACKGROUND: NoConfig,
    PING: NoConfig,
    WORDS: WordsConfig,
}
