"""Pydantic models of many shapes, with a request; and which fields nothing goes into, for those that are refused."""

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, RootModel, create_model

TWO = "segment the cars and the dogs"
ALL = "Segment everything"


class ImageRef(BaseModel):
    id: str = Field(..., pattern=r"^img_\w{6}$")


class UrlRef(BaseModel):
    id: str = Field(..., pattern=r"^url_\w{6}$")


class VideoRef(BaseModel):
    id: str = Field(..., pattern=r"^vid_\w{6}$")


class Corners(BaseModel):
    x1: int
    y1: int
    x2: int
    y2: int


class Middle(BaseModel):
    cx: float
    cy: float
    w: float
    h: float


class Point(BaseModel):
    x: float
    y: float


class Rle(BaseModel):
    size: tuple[int, int]
    counts: str


class Runs(BaseModel):
    size: list[int]
    counts: list[int]


class Kind(Enum):
    CAR = "Car"
    DOG = "DOG"
    OTHER = "other"


class Node(BaseModel):
    label: str
    mask_url: str
    children: "list[Node]" = []


class Parent(BaseModel):
    label: str
    mask_url: str
    parent: "Parent | None" = None


class Endless(BaseModel):
    label: str
    next: "Endless"


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str
    mask_url: str


def model(title="Answer", /, **fields):
    """A model; each field is a type, or a type and a default or Field."""
    return create_model(title, **{n: f if isinstance(f, tuple) else (f, ...) for n, f in fields.items()})


def item(**fields):
    return model("Item", **fields)


Box = tuple[float, float, float, float]
Share = Annotated[float, Field(ge=0, le=1)]
Simple = item(label=str, mask_url=str)
Boxed = item(label=str, bbox=Corners)

FILLED = {
    "published": (TWO, model(segmentations=list[item(label=str, mask_url=str, xywh=Box)])),
    "score and area": (TWO, model(items=list[item(label=str, score=float, area=int, mask=str)])),
    "camel case": (TWO, model(detectedObjects=list[item(className=str, boundingBox=list[float], maskUrl=str)])),
    "optional unknown": (TWO, model(items=list[item(label=str, mask=str, owner=(str | None, None))])),
    "nullable unknown": (TWO, model(items=list[item(label=str, mask=str, owner=str | None)])),
    "default unknown": (TWO, model(items=list[item(label=str, mask=str, colour=(str, "red"))])),
    "xyxy ints": (TWO, model(items=list[item(label=str, xyxy=tuple[int, int, int, int])])),
    "object box": (TWO, model(items=list[Boxed])),
    "cxcywh": (TWO, model(items=list[item(name=str, box=Middle)])),
    "ltrb scalars": (TWO, model(items=list[item(name=str, left=int, top=int, right=int, bottom=int)])),
    "xmin scalars": (TWO, model(items=list[item(name=str, xmin=float, ymin=float, xmax=float, ymax=float)])),
    "corner scalars": (TWO, model(items=list[item(name=str, x=float, y=float, width=float, height=float)])),
    "gemini box": (TWO, model(items=list[item(label=str, box_2d=Annotated[list[int], Field(
        description="ymin, xmin, ymax, xmax normalized to 0-1000")])])),
    "rle object": (TWO, model(items=list[item(label=str, rle=Rle)])),
    "rle runs": (TWO, model(items=list[item(label=str, segmentation=Runs)])),
    "rle string": (TWO, model(items=list[item(label=str, rle=str)])),
    "polygon pairs": (TWO, model(items=list[item(label=str, polygon=list[tuple[float, float]])])),
    "polygon points": (TWO, model(items=list[item(label=str, outline=list[Point])])),
    "polygons": (TWO, model(items=list[item(label=str, polygons=list[list[list[float]]])])),
    "coco": (TWO, model(annotations=list[item(id=int, category_id=int, segmentation=list[list[float]], bbox=list[float],
                                              area=float, iscrowd=int)])),
    "image reference": (TWO, model(items=list[item(label=str, mask=ImageRef)])),
    "url reference": (TWO, model(items=list[item(label=str, mask=UrlRef)])),
    "http url": (TWO, model(items=list[item(label=str, mask_url=AnyHttpUrl)])),
    "base64": (TWO, model(items=list[item(label=str, mask_base64=str)])),
    "data uri": (TWO, model(items=list[item(label=str, mask=Annotated[str, Field(description="as a data URI")])])),
    "overlay": (TWO, model(image=Annotated[ImageRef, Field(description="The segmented image")])),
    "label map": (TWO, model(label_map=str, labels=list[str])),
    "counts": (TWO, model(counts=dict[str, int])),
    "mapping of urls": (TWO, model(masks=dict[str, str])),
    "mapping of lists": (TWO, model(objects=dict[str, list[Simple]])),
    "mapping of objects": (TWO, model(classes=dict[str, item(count=int, instances=list[Simple])])),
    "mapping of boxes": (TWO, model(boxes=dict[str, list[list[int]]])),
    "mapping of flags": (TWO, model(present=dict[str, bool])),
    "per concept": (TWO, model(cars=list[Simple], dogs=list[Simple])),
    "one of each": (TWO, model(car=Boxed | None, dog=Boxed | None)),
    "counts by name": (TWO, model(num_cars=int, dog_count=int, number_of_objects=int, total=int)),
    "flags": (TWO, model(has_cars=bool, dog_present=bool, found=bool)),
    "parallel": (TWO, model(labels=list[str], boxes=list[list[float]], scores=list[float], masks=list[str])),
    "groups": (TWO, model(groups=list[item(category=str, count=int, instances=list[Simple])])),
    "histogram": (TWO, model(classes=list[item(label=str, count=int)])),
    "nested": (TWO, model(result=model("Inner", image=model("Im", width=int, height=int), objects=list[Simple]))),
    "size tuple": (TWO, model(image_size=tuple[int, int], items=list[Simple])),
    "single": (TWO, item(label=str, mask_url=str, confidence=float)),
    "enum": (TWO, model(items=list[item(label=Kind, mask_url=str)])),
    "literal": (TWO, model(items=list[item(label=Literal["car", "dog"], mask_url=str)])),
    "enum without text": (ALL, model(items=list[item(category=Literal["car", "dog", "other"], mask_url=str)])),
    "constants": (TWO, model(kind=Literal["segmentation"], mime_type=str, mode=str, items=list[Simple])),
    "confidence levels": (TWO, model(items=list[item(label=str, confidence=Literal["high", "medium", "low"])])),
    "percent": (TWO, model(items=list[item(label=str, confidence=Annotated[int, Field(ge=0, le=100)])])),
    "coverage": (TWO, model(items=list[item(label=str, coverage=Share, area_percentage=float)])),
    "centroid": (TWO, model(items=list[item(label=str, xy=tuple[float, float], centroid=Point, cx=float, cy=float)])),
    "root list": (TWO, RootModel[list[Simple]]),
    "closed": (TWO, model(items=list[Closed])),
    "children": (TWO, model(items=list[Node])),
    "parents": (TWO, model(items=list[Parent])),
    "union": (TWO, model(items=list[item(label=str, box=Corners | list[float])])),
    "any": (TWO, model(label=Any, count=int)),
    "limits": (TWO, model(items=Annotated[list[Simple], Field(max_length=1)])),
    "sets": (TWO, model(labels=set[str], items=list[Simple])),
    "summary": (TWO, model(summary=str, items=list[item(description=str, label=str)])),
    "ids": (TWO, model(items=list[item(instance_id=str, index=int, id=int, label=str)])),
    "semantic": ("semantic segmentation of the road and the sky", model(classes=list[Simple])),
    "panoptic": ("panoptic segmentation of car and sky", model(segments=list[item(name=str, is_thing=bool, mask=str)])),
    "unlabelled": (ALL, model(masks=list[item(mask_url=str, area=int, score=float)])),
    "deep": (TWO, model(a=model("A", b=model("B", c=model("C", objects=list[Simple]))))),
    "defaults that are wrong": (TWO, model(items=list[Simple], extra=(str, None))),
    "top corner": (TWO, model(items=list[item(label=str, top_left=tuple[int, int], bottom_right=tuple[int, int])])),
}  # fmt: skip

REFUSED = {
    "unknown in a list": (TWO, model(items=list[item(label=str, mask=str, licence_plate_owner=str)]),
                          ("items[].licence_plate_owner",)),
    "several": (TWO, model(price=float, items=list[item(label=str, mood=str)]), ("price", "items[].mood")),
    "unknown list": (TWO, model(items=list[Simple], receipts=list[str]), ("receipts",)),
    "nothing known": (TWO, model(price=float | None, seller=(str, "me")), ("root",)),
    "video": (TWO, model(clip=VideoRef, items=list[Simple]), ("clip.id",)),
    "enum that fits not": (TWO, model(items=list[item(label=Literal["truck", "bus"], mask=str)]), ("items[].label",)),
    "endless": (TWO, model(items=list[Endless]), ("items[].next",)),
    "pattern": (TWO, model(items=list[item(label=Annotated[str, Field(pattern="^[0-9]+$")], mask=str)]),
                ("items[].label",)),
    "too small a score": (TWO, model(items=list[item(label=str, score=Annotated[float, Field(ge=1.5)])]),
                          ("items[].score",)),
    "short label": (TWO, model(items=list[item(label=Annotated[str, Field(max_length=2)], mask=str)]),
                    ("items[].label",)),
    "bare scores": (TWO, model(items=list[Simple], confidence=float), ("confidence",)),
    "open mapping": (TWO, model(items=list[Simple], metadata=dict[str, Any]), ("metadata",)),
}  # fmt: skip
