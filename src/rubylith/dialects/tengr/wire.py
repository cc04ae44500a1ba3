"""The documents of the wire, as pydantic models: strict types, every range, no unknown field."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from rubylith.dialects._data_uri import read_data_uri
from rubylith.domain.errors import InvalidImage
from rubylith.domain.prompt import MAX_POINTS
from rubylith.language.lists import phrases_in
from rubylith.service.fetching import MAX_URL

TEXT, POINTS = "text", "points"
AUTO, PNG, WEBP = "auto", "png", "webp"
IMAGE_URI = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
FAULT = "tengr"  # the type of faults that are found here and worded here
MAX_LIMIT, MAX_OFFSET = 500, 2**31 - 1
MAX_PROMPT = 4096  # characters


def fault(text: str) -> PydanticCustomError:
    """A fault in these words, which follow the field's name."""
    return PydanticCustomError(FAULT, "{text}", {"text": text})


def _whole(value: Any) -> Any:
    """JSON knows one kind of number, so 6.0 is as whole as 6."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Share = Annotated[float, Field(ge=0, le=1)]


class Closed(BaseModel):
    """Strict: no number in quotes, no truth from a number, no field that is not documented."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class ClicksIn(Closed):
    """Points of one polarity, as shares of width and height. The labels are checked and otherwise say nothing."""

    points: Annotated[list[tuple[Share, Share]], Field(max_length=MAX_POINTS)]
    labels: Annotated[list[Annotated[Whole, Field(ge=0, le=1)]], Field(max_length=MAX_POINTS)] | None = None

    @field_validator("labels")
    @classmethod
    def _one_each(cls, labels: list[int] | None, info: ValidationInfo) -> list[int] | None:
        points = info.data.get("points")
        if labels is not None and points is not None and len(labels) != len(points):
            raise fault(f"must contain exactly {len(points)} elements, one per point")
        return labels


class ArtworkIn(Closed):
    """What every artwork is made with."""

    imageUrl: str  # noqa: N815
    webhook: str | None = None
    outputFormat: Literal["auto", "png", "webp"] | None = None  # noqa: N815

    @field_validator("imageUrl")
    @classmethod
    def _leads_to_a_picture(cls, url: str) -> str:
        url = url.strip()
        if IMAGE_URI.match(url):
            try:
                read_data_uri(url)
            except InvalidImage:
                raise fault("must be valid base64 after data:image/…;base64,") from None
        elif not _is_address(url):
            raise fault("must be a URL address: http, https or data:image/…;base64,")
        elif len(url) > MAX_URL:
            raise PydanticKnownError("string_too_long", {"max_length": MAX_URL})
        return url

    @field_validator("webhook")
    @classmethod
    def _is_told_by_http(cls, url: str | None) -> str | None:
        url = None if url is None else url.strip()
        if url is not None and not _is_address(url):
            raise fault("must be a URL address with the protocol https")
        return url


class RemoveBackgroundIn(ArtworkIn):
    """`POST /v2/artworks/remove-background`."""

    imageFormat: Literal["png", "webp"] | None = None  # noqa: N815 - an older name of outputFormat


class SegmentationIn(ArtworkIn):
    """`POST /v2/artworks/segmentation`. None: left out, the default is in DEFAULTS."""

    method: Literal["text", "points"]
    maskExpand: Annotated[Whole, Field(ge=-16384, le=16384)] | None = None  # noqa: N815
    maskTaperedCorners: bool | None = None  # noqa: N815
    maskBlurSigma: Annotated[float, Field(ge=0.1, le=100)] | None = None  # noqa: N815
    maskKernelSize: Annotated[Whole, Field(ge=0, le=100)] | None = None  # noqa: N815
    textPrompt: str | None = Field(default=None, max_length=MAX_PROMPT, validate_default=True)  # noqa: N815
    textConfidence: Share | None = None  # noqa: N815
    textMaxDetections: Annotated[Whole, Field(ge=-1, le=100)] | None = None  # noqa: N815
    textCombineMasks: bool | None = None  # noqa: N815
    pointsPositive: ClicksIn | None = Field(default=None, validate_default=True)  # noqa: N815
    pointsNegative: ClicksIn | None = None  # noqa: N815
    pointsRefinementSteps: Annotated[Whole, Field(ge=0, le=10)] | None = None  # noqa: N815
    pointsMultimask: bool | None = None  # noqa: N815
    pointsBestMask: bool | None = None  # noqa: N815

    @field_validator("textPrompt")
    @classmethod
    def _says_something(cls, text: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("method") == TEXT and not phrases_in(text or ""):
            raise fault("should not be empty")
        return text

    @field_validator("pointsPositive")
    @classmethod
    def _points_at_something(cls, clicks: ClicksIn | None, info: ValidationInfo) -> ClicksIn | None:
        if info.data.get("method") == POINTS and not (clicks and clicks.points):
            raise fault("must contain at least one point")
        return clicks

    @field_validator("pointsNegative")
    @classmethod
    def _fits_beside_the_positive(cls, clicks: ClicksIn | None, info: ValidationInfo) -> ClicksIn | None:
        positive = info.data.get("pointsPositive")
        if clicks and positive and len(clicks.points) + len(positive.points) > MAX_POINTS:
            raise fault(f"must hold at most {MAX_POINTS} points together with pointsPositive")
        return clicks


DEFAULTS: dict[str, Any] = {
    "outputFormat": AUTO,
    "maskExpand": 0,
    "maskTaperedCorners": True,
    "maskBlurSigma": 0.1,
    "maskKernelSize": 0,
    "textConfidence": 0.2,
    "textMaxDetections": -1,
    "textCombineMasks": True,
    "pointsRefinementSteps": 0,
    "pointsMultimask": True,
    "pointsBestMask": True,
}


class ListIn(BaseModel):
    """Query of `GET /v2/artworks`; what it does not know is passed over."""

    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)
    artworkType: Literal["segmentation", "remove_background"] | None = None  # noqa: N815
    status: Literal["starting", "processing", "succeeded", "failed", "canceled"] | None = None


def _is_address(url: str) -> bool:
    """An absolute http or https address, by its form; there may be spaces behind its host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    named = bool(host) and " " not in parts.netloc
    return parts.scheme in {"http", "https"} and named and not re.search(r"[\x00-\x1f\x7f]", url)
