"""The vendor's documents. Fields that are not named are ignored, as the vendor does."""

from typing import Any, Literal

from pydantic import BaseModel, Field

MODELS = (
    "vlm-agent-1", "vlm-agent-1:auto", "vlm-agent-1:fast", "vlm-agent-1:pro", "vlm-agent", "vlmrun-orion-1",
    "vlmrun-orion-1:lite", "vlmrun-orion-1:fast", "vlmrun-orion-1:auto", "vlmrun-orion-1:pro", "vlmrun-orion-2:auto",
)  # fmt: skip
Toolset = Literal["core", "image", "image-gen", "world-gen", "viz", "document", "video", "web"]


class LinkIn(BaseModel):
    """An address inside a part."""

    url: str


class PartIn(BaseModel):
    """A part of a message: text, or a picture by link, data: URI or the id of an upload."""

    type: str
    text: str | None = None
    image_url: LinkIn | str | None = None
    file_url: LinkIn | str | None = None
    file_id: str | None = None


class MessageIn(BaseModel):
    """One message."""

    role: str
    content: str | list[PartIn] | None = None


class StreamOptionsIn(BaseModel):
    """What a stream tells besides."""

    include_usage: bool | None = None


class ChatIn(BaseModel):
    """`POST /chat/completions`."""

    model: str = "vlmrun-orion-1:auto"
    messages: list[MessageIn] = Field(min_length=1)
    response_format: dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    session_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    toolsets: list[Toolset] | None = None
    n: Literal[1] | None = None


class PresignedIn(BaseModel):
    """`POST /files/presigned-url`. The client sends what its caller left out as null."""

    filename: str = Field(min_length=1)
    purpose: str | None = None
    expiration: int | None = Field(default=None, ge=1, le=7 * 86_400)
