"""fal's documents: inputs of the models that are offered, checked as pydantic checks them there, and one output."""

from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rubylith.dialects._data_uri import is_data_uri
from rubylith.service.fetching import MAX_URL

MAX_AREA = 1_000_000_000  # pixels
MAX_PROMPTS = 1000
MAX_POINTS = 10_000  # of all objects together: every box takes every negative point of its object
MAX_PROMPT = 4096  # characters
MAX_STEPS, MAX_KERNEL = 10_000, 999  # pixels

Label = Annotated[Literal[0, 1], BeforeValidator(lambda value: {"0": 0, "1": 1}.get(str(value), value))]


def _no_longer_than_urls(url: str) -> str:
    if not is_data_uri(url) and len(url) > MAX_URL:
        text = "A URL should have at most {max_length} characters, and base64 data:image/…;base64, before it"
        raise PydanticCustomError("string_too_long", text, {"max_length": MAX_URL})
    return url


class Open(BaseModel):
    """Unknown fields are passed over; numbers may come as strings, as pydantic's lax mode reads them."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class InputIn(Open):
    """What every model takes."""

    image_url: Annotated[str, AfterValidator(_no_longer_than_urls)]
    sync_mode: bool = False


class AutoSegmentIn(InputIn):
    """`fal-ai/sam2/auto-segment`."""

    output_format: Literal["jpeg", "png"] = "png"
    points_per_side: int = Field(32, ge=1, le=64)
    pred_iou_thresh: float = Field(0.88, ge=0, le=1)
    stability_score_thresh: float = Field(0.95, ge=0, le=1)
    min_mask_region_area: int = Field(100, ge=0, le=MAX_AREA)


class PointIn(Open):
    """A click in pixels; label 1 on the object, 0 beside it. Points of one object_id are one object."""

    x: float = Field(305, allow_inf_nan=False)
    y: float = Field(350, allow_inf_nan=False)
    label: Label = 1
    object_id: int | None = None


class BoxIn(Open):
    """A box in pixels."""

    x_min: float = Field(0, allow_inf_nan=False)
    y_min: float = Field(0, allow_inf_nan=False)
    x_max: float = Field(0, allow_inf_nan=False)
    y_max: float = Field(0, allow_inf_nan=False)
    object_id: int | None = None


class ImageIn(InputIn):
    """`fal-ai/sam2/image`."""

    prompts: list[PointIn] = Field([], max_length=MAX_PROMPTS)
    box_prompts: list[BoxIn] = Field([], max_length=MAX_PROMPTS)
    apply_mask: bool = False
    output_format: Literal["jpeg", "png", "webp"] = "png"


def _odd_or_none(value: int) -> int:
    if value and value % 2 == 0:
        raise ValueError("the side of the kernel must be odd, or 0 for no blur")
    return value


class EditsIn(Open):
    """What `fal-ai/evf-sam` does with its mask. blur_mask: side of a Gaussian kernel; 0 for none. Both in pixels."""

    negative_prompt: str = Field("", max_length=MAX_PROMPT)
    mask_only: bool = True
    fill_holes: bool = False
    expand_mask: int = Field(0, ge=0, le=MAX_STEPS)
    revert_mask: bool = False
    blur_mask: Annotated[int, AfterValidator(_odd_or_none)] = Field(0, ge=0, le=MAX_KERNEL)


class EvfIn(InputIn, EditsIn):
    """`fal-ai/evf-sam`."""

    prompt: str = Field(max_length=MAX_PROMPT)


class ChoiceIn(Open):
    """Which masks SAM 3 answers with, and what it tells of them."""

    return_multiple_masks: bool = False
    max_masks: int = Field(3, ge=1, le=32)
    include_scores: bool = False
    include_boxes: bool = False


class Sam3In(InputIn, ChoiceIn):
    """`fal-ai/sam-3/image`, `fal-ai/sam-3-1/image` and `fal-ai/sam-3/image-rle`; the default words are the vendor's."""

    prompt: str = Field("wheel", max_length=MAX_PROMPT)
    point_prompts: list[PointIn] = Field([], max_length=MAX_PROMPTS)
    box_prompts: list[BoxIn] = Field([], max_length=MAX_PROMPTS)
    apply_mask: bool = True
    output_format: Literal["jpeg", "png", "webp"] = "png"


class PictureOut(TypedDict):
    """fal's `Image`: a file of a result."""

    url: str
    content_type: str
    file_name: str
    file_size: int
    width: int
    height: int
