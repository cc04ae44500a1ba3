"""The native API's documents, as pydantic models: what OpenAPI shows and what a body is checked against."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from rubylith.domain.job import DeliveryState, JobState
from rubylith.domain.prompt import MAX_PHRASES, Mode


def _as_click(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """One sentence for what is no click, in place of one for each of its forms."""
    try:
        return validate(value)
    except ValidationError:
        form = "Give [x, y], or [x, y, 1] for a place on the object and [x, y, 0] for one beside it"
        raise PydanticCustomError("click", form) from None  # pyright: ignore[reportArgumentType]


Click = Annotated[tuple[float, float] | tuple[float, float, Literal[0, 1]], WrapValidator(_as_click)]
Corners = tuple[float, float, float, float]


def _as_threshold(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """The same for what is no threshold."""
    try:
        return validate(value)
    except ValidationError:
        form = "Give a number from 0 to 1 for all phrases, or a list with one for each"
        raise PydanticCustomError("threshold", form) from None  # pyright: ignore[reportArgumentType]


Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[
    Share | Annotated[list[Share], Field(min_length=1, max_length=MAX_PHRASES)], WrapValidator(_as_threshold)
]
ImageText = Annotated[
    str,
    Field(
        description="An http(s) URL, a data: URI, or the id of an upload or an embedding",
        examples=["https://example.org/photo.jpg", "file_8b1f…"],
        min_length=1,
    ),
]


NO_MASK = "Give a mask of an earlier answer, or its segmentation: an RLE with size and counts"


class Closed(BaseModel):
    """Unknown fields are refused by name: a misspelt option must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RLEIn(Closed):
    """COCO's compressed run-length encoding."""

    size: tuple[int, int] = Field(description="[height, width]")
    counts: str


class MaskIn(BaseModel):
    """A mask of an earlier answer, whole; all but its segmentation is passed over."""

    segmentation: RLEIn


def _as_rle(value: Any, read: ValidatorFunctionWrapHandler) -> RLEIn:
    """Of a whole mask its run lengths, of anything else itself; faults lie at the fields that were sent."""
    if isinstance(value, dict) and "segmentation" in value:
        return MaskIn.model_validate(value).segmentation
    if isinstance(value, dict) and not value.keys().isdisjoint(RLEIn.model_fields):
        return cast("RLEIn", read(value))
    raise PydanticCustomError("previous", NO_MASK)  # pyright: ignore[reportArgumentType]


Previous = Annotated[RLEIn, WrapValidator(_as_rle, json_schema_input_type=RLEIn | MaskIn)]


class ObjectIn(Closed):
    """One object: clicks, a box, a mask to correct, in any combination."""

    points: list[Click] = Field(default=[], description="[x, y] on the object or [x, y, 0] beside it", max_length=1000)
    box: Corners | None = Field(default=None, description="[x0, y0, x1, y1]")
    previous: Previous | None = Field(default=None, description="A mask of this picture to be corrected, or its RLE")


class OptionsIn(Closed):
    """How to find everything; names, defaults and meaning of segment-anything."""

    points_per_side: int | None = Field(default=None, ge=1, le=256, description="Seeds per side (default 32)")
    pred_iou_thresh: float | None = Field(default=None, ge=0, le=1, description="Default 0.88, and 0.8 with SAM 2")
    stability_score_thresh: float | None = Field(default=None, ge=0, le=1, description="Default 0.95")
    stability_score_offset: float | None = Field(default=None, ge=0, le=100, description="Default 1.0")
    box_nms_thresh: float | None = Field(default=None, ge=0, le=1, description="Default 0.7")
    crop_n_layers: int | None = Field(default=None, ge=0, le=4, description="Default 0")
    crop_nms_thresh: float | None = Field(default=None, ge=0, le=1, description="Default 0.7")
    crop_overlap_ratio: float | None = Field(default=None, ge=0, le=0.9, description="Default 512 / 1500")
    crop_n_points_downscale_factor: int | None = Field(default=None, ge=1, le=16, description="Default 1")
    min_mask_region_area: int | None = Field(default=None, ge=0, le=10**9, description="Pixels (default 0)")
    max_masks: int | None = Field(default=None, ge=1, le=10**6, description="Default: no limit")
    overlap: Literal["keep", "none"] | None = Field(default=None, description="none: no two masks share a pixel")
    tile_side: int | None = Field(default=None, ge=256, le=10**6, description="Also look at tiles of so many pixels")
    fast: bool | None = Field(default=None, description="Ask fewer seeds where a good mask lies already")
    max_seconds: float | None = Field(default=None, ge=0, le=10**6, description="Then give what was found")
    label: bool | None = Field(default=None, description="Name each mask, by who on this server knows names")


class PromptIn(Closed):
    """What to cut. None of points, boxes, objects, text: everything."""

    points: list[Click] = Field(default=[], description="Clicks on one object", max_length=1000)
    boxes: list[Corners] = Field(default=[], description="One object each; with points: at most one", max_length=1000)
    objects: list[ObjectIn] = Field(default=[], description="Several objects at once", max_length=1000)
    previous: Previous | None = Field(default=None, description="A mask to be corrected by the points, or its RLE")
    text: str | list[str] | None = Field(
        default=None,
        description="What to find: a list, or one string with commas or `and` between; see docs/concepts.md",
        examples=[["face", "red cup"], "largest object"],
    )
    mode: Mode | None = Field(
        default=None, description="A mask per thing, per name, or both: of text, or the whole scene"
    )
    threshold: Threshold | None = Field(
        default=None, description="With text: drop lower scores; one number for all phrases, or one for each"
    )
    detector: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[a-z0-9.-]*$",
        description="With text: who looks, by name; default: the smallest that knows",
    )
    multimask: bool = Field(default=False, description="Up to three candidates per object instead of the best")
    options: OptionsIn = OptionsIn()
    model: str | None = Field(default=None, description="Default: the server's")
    format: str | list[str] = Field(
        default="json",
        description="json, other formats, or zip; several give a zip. Where absent, the Accept header decides",
        examples=["json", ["overlay", "coco"]],
    )


class SegmentPartIn(PromptIn):
    """Part `request` of a multipart body; the picture is part `image`."""


class SegmentIn(SegmentPartIn):
    """`POST /v1/segment`."""

    image: ImageText


class JobPartIn(PromptIn):
    """The same for a job, and how to be told."""

    webhook: str | None = Field(default=None, description="An https address that is told when the job has ended")
    priority: int = Field(default=0, ge=-100, le=100, description="Lower starts earlier")
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00]*$",
        description="The same key and document give the same job",
    )


class JobIn(JobPartIn):
    """`POST /v1/jobs`."""

    image: ImageText


class EmbeddingPartIn(Closed):
    """Part `request` of a multipart body; the picture is part `image`."""

    model: str | None = None


class EmbeddingIn(EmbeddingPartIn):
    """`POST /v1/embeddings`."""

    image: ImageText


class ImageOut(BaseModel):
    """The picture as it was understood: upright."""

    width: int
    height: int
    digest: str = Field(description="SHA-256 of the received bytes")


class RLEOut(BaseModel):
    """COCO's compressed run-length encoding."""

    size: tuple[int, int] = Field(description="[height, width]")
    counts: str


class MaskOut(BaseModel):
    """segment-anything's record."""

    id: int
    area: int
    bbox: tuple[float, float, float, float] = Field(description="[x, y, width, height]")
    predicted_iou: float
    stability_score: float | None
    label: str | None
    score: float | None
    point_coords: list[tuple[float, float]] = Field(description="The clicks that it answers, [x, y] each")
    point_labels: list[Literal[0, 1]] = Field(description="Of each: 1 on the object, 0 beside it")
    segmentation: RLEOut


class FileOut(BaseModel):
    """A stored file and a link to it that works for a while without a key."""

    name: str
    url: str
    media_type: str
    size: int
    sha256: str


class ProvenanceOut(BaseModel):
    """What made the result, so that it can be made again."""

    model: str
    options: dict[str, Any]
    version: str


class SegmentOut(BaseModel):
    """`POST /v1/segment` as JSON."""

    id: str
    image: ImageOut
    model: str
    truncated: bool = Field(
        default=False,
        description="True, and only then present, where `max_seconds` ended the search: there may be more",
    )
    masks: list[MaskOut]
    timings: dict[str, float] = Field(description="Seconds of each stage")
    provenance: ProvenanceOut


class ProblemOut(BaseModel):
    """RFC 9457. `hint` says how to mend it; `errors` names each field at fault."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: list[dict[str, str]] | None = None


class MeaningOut(BaseModel):
    """What a `type` of problem means, and the status that it is told with."""

    type: str
    title: str
    status: int
    meaning: str


class JobProblemOut(BaseModel):
    """Why a job failed. `kind`: the name of the error."""

    kind: str
    detail: str
    hint: str


class WebhookOut(BaseModel):
    """How a job's webhook fares. `note`: what the receiver did last."""

    state: DeliveryState
    attempts: int
    next_at: datetime | None
    note: str


class JobOut(BaseModel):
    """A job. `result` and `files` come with success, `problem` with failure, `webhook` once it has ended."""

    id: str
    state: JobState
    position: int | None = Field(default=None, description="Jobs that start before this one, while it is queued")
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: SegmentOut | None = None
    files: list[FileOut] = []
    problem: JobProblemOut | None = None
    webhook: WebhookOut | None = None


class UploadOut(BaseModel):
    """`POST /v1/files`."""

    id: str
    name: str
    url: str
    media_type: str
    size: int
    expires_at: datetime | None


class TicketIn(Closed):
    """`POST /v1/uploads`."""

    name: str = Field(default="upload", max_length=255, description="What a download of it is called")
    media_type: str = Field(default="application/octet-stream", max_length=255)


class TicketOut(BaseModel):
    """A place for a file: PUT its bytes to `url` before `expires_at`, then send `id` as `image`."""

    id: str
    method: Literal["PUT"]
    url: str
    expires_at: datetime


class EmbeddingOut(BaseModel):
    """`POST /v1/embeddings`: send `id` as `image` and the picture need not be looked at again."""

    id: str
    model: str
    width: int
    height: int
    expires_at: datetime | None


class PullOut(BaseModel):
    """A model that is being fetched, or could not be."""

    state: Literal["waiting", "running", "failed"]
    received: int = Field(description="Bytes that are here")
    total: int | None = Field(description="Bytes in all, once they are known")
    problem: JobProblemOut | None = Field(default=None, description="Why it failed; pull again to go on")


class ModelOut(BaseModel):
    """One model that this server knows."""

    name: str
    loaded: bool
    default: bool
    pulled: bool = Field(description="Its files are on this server")
    kind: Literal["segmenter", "detector"]
    prompts: list[str] = Field(description="What it is good for")
    summary: str
    licence: str | None
    licence_class: str | None
    bytes: int = Field(description="Of its files; an estimate if they are not here and not known for good")
    pull: PullOut | None
