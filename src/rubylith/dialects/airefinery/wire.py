"""The vendor's documents, as pydantic models."""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class SegmentIn(BaseModel):
    """`POST /images/segmentations`. Whatever else the client sends along is ignored."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(examples=["syscv-community/sam-hq-vit-base"])
    image_prompt: str = Field(
        validation_alias=AliasChoices("image_prompt", "image"), description="The image file in base64", repr=False
    )
    segment_prompt: list[Any] = Field(
        description="[[[x, y], …]]: image, points; or [[[[x, y], …], …]]: image, objects, points. Pixels",
        examples=[[[[450, 600]]]],
    )


class KeyIn(BaseModel):
    """`POST /authentication/validate`; the current client sends no body at all."""

    model_config = ConfigDict(frozen=True)

    api_key: str | None = Field(default=None, repr=False)


class MaskOut(BaseModel):
    """One label map. score: the mean of how good the model holds its regions to be, 0 to 1."""

    b64_json: str = Field(description="PNG, one grey channel: 0 where nothing is, else the number of the region")
    label: str | None
    score: float | None


class SegmentOut(BaseModel):
    """`POST /images/segmentations`."""

    created: int = Field(description="Unix seconds")
    data: list[MaskOut]
    usage: None


class ModelOut(BaseModel):
    """A model. `parent` and `permission` must be there for the client, whatever they hold."""

    id: str
    created: int
    object: str
    owned_by: str
    root: str
    parent: str | None
    permission: list[Any]


class ModelsOut(BaseModel):
    """`GET /models`."""

    object: str
    data: list[ModelOut]


class KeyOut(BaseModel):
    """`POST /authentication/validate`; the current client takes an empty id for a wrong key."""

    organization_id: str


class FaultOut(BaseModel):
    """What is wrong with one part of a body."""

    loc: list[str | int]
    msg: str
    type: str


class ErrorOut(BaseModel):
    """Every error."""

    detail: str | list[FaultOut]
