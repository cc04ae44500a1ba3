"""Fields about where things are: boxes and their parts, centroids, and the size of the picture."""

import re
from collections.abc import Callable

import numpy as np

from rubylith.domain.geometry import Size
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Field, Level, Role, Unit, called, numbers_in, unit_of, written
from rubylith.schemas.names import words_of
from rubylith.schemas.orders import ACROSS, PARTS, corner_of, order_of
from rubylith.schemas.results import MISSING, Found, Scope, Value
from rubylith.schemas.shapes import is_numeric

_FIRST = {"x0", "xmin", "x min", "left", "l", "min x"}
_LAST = {"x1", "x2", "xmax", "x max", "right", "r", "max x"}


def box(field: Field, asked: Asked) -> Value | None:
    """Four numbers."""
    numbers = numbers_in(field.schema, 4, asked)
    if numbers is None:
        return None
    order = order_of(field)
    unit = unit_of(field, numbers[0])

    def value(scope: Scope) -> object:
        if scope.one is None:
            return MISSING
        size = scope.facts.size
        edges = [(PARTS[part](scope.one.box), size.width if part in ACROSS else size.height) for part in order]
        return [written(edge, extent, unit, n) for (edge, extent), n in zip(edges, numbers, strict=True)]

    return value


def box_part(field: Field, asked: Asked) -> Value | None:
    """One number of a box; x and y alone are those of the centroid."""
    del asked
    pick = _part(field)
    if pick is None or not is_numeric(field.schema) or "image" in {*field.words, *field.inside}:
        return None
    unit = unit_of(field, field.schema)
    name = " ".join(field.words)
    across = bool(re.search(r"x|width|left|right|\bw\b|\bl\b|\br\b", name)) and not re.search(r"y", name)

    def value(scope: Scope) -> object:
        if scope.one is None:
            return MISSING
        size = scope.facts.size
        return written(pick(scope.one), size.width if across else size.height, unit, field.schema)

    return value


def is_box_part(field: Field, _: Asked) -> bool:
    """By name alone: these names are too short to stand among others."""
    return _part(field) is not None


def corner(field: Field, asked: Asked) -> Value | None:
    """Top left, bottom right and the like as two numbers."""
    numbers, meant = numbers_in(field.schema, 2, asked), corner_of(field.words)
    if numbers is None or meant is None:
        return None
    across, down = meant
    return _point(lambda one, _: (PARTS[across](one.box), PARTS[down](one.box)), field, numbers)


def is_corner(field: Field, _: Asked) -> bool:
    """By name alone."""
    return corner_of(field.words) is not None


def centroid(field: Field, asked: Asked) -> Value | None:
    """Two numbers."""
    numbers = numbers_in(field.schema, 2, asked)
    if numbers is None:
        return None
    unit = unit_of(field, numbers[0])

    def inside(one: Found, size: Size) -> tuple[float, float]:
        x, y = centroid_of(one)
        return (min(x, size.width - 0.5), min(y, size.height - 0.5)) if unit is Unit.PIXELS else (x, y)

    return _point(inside, field, numbers)


def image_size(field: Field, asked: Asked) -> Value | None:
    """Width, height, or both of the whole picture, in pixels."""
    words = set(field.words)
    about_image = bool(words & {"image", "picture", "photo", "frame", "img"}) or _is_in_image(field)
    about_image = about_image or re.search(r"(?:width|height) of the (?:image|picture)", field.about) is not None
    if not about_image and field.level is not Level.IMAGE:
        return None
    if is_numeric(field.schema):
        if words & {"width", "w"}:
            return lambda scope: scope.facts.size.width
        return (lambda scope: scope.facts.size.height) if words & {"height", "h"} else None
    if not words & {"size", "dimension", "resolution", "shape"} or numbers_in(field.schema, 2, asked) is None:
        return None
    if re.search(r"\bh(?:eight)?\b\W+(?:and\W+)?w(?:idth)?\b", f"{field.about} {field.around}"):
        return lambda scope: [scope.facts.size.height, scope.facts.size.width]
    return lambda scope: [scope.facts.size.width, scope.facts.size.height]


def centroid_of(one: Found) -> tuple[float, float]:
    """x, y of the centroid, or of the nearest pixel of the mask where the centroid lies outside it."""
    frame, bitmap = one.rle.tight()
    rows, columns = np.nonzero(bitmap)
    y, x = float(rows.mean()), float(columns.mean())
    if not bitmap[min(round(y), bitmap.shape[0] - 1), min(round(x), bitmap.shape[1] - 1)]:
        nearest = int(np.argmin((rows - y) ** 2 + (columns - x) ** 2))
        y, x = float(rows[nearest]), float(columns[nearest])
    return frame.x0 + x + 0.5, frame.y0 + y + 0.5


def _point(pick: Callable[[Found, Size], tuple[float, float]], field: Field, numbers: tuple[Schema, ...]) -> Value:
    first, second = numbers
    unit = unit_of(field, first)

    def value(scope: Scope) -> object:
        if scope.one is None:
            return MISSING
        size = scope.facts.size
        x, y = pick(scope.one, size)
        return [written(x, size.width, unit, first), written(y, size.height, unit, second)]

    return value


def _part(field: Field) -> Callable[[Found], float] | None:
    """How to read a part of a box off a result; None for a name that means none."""
    name = re.sub(r"(?<=[xy]) (?=\d)", "", " ".join(w for w in field.words if w not in {"bbox", "box"}))
    beside = {re.sub(r"(?<=[xy]) (?=\d)", "", " ".join(words_of(one))) for one in field.siblings}
    flipped = name.replace("y", "x").replace("top", "left").replace("bottom", "right")
    down = "y" in name or name in {"top", "bottom", "t", "b"}
    if name in {"width", "w"}:
        return lambda one: one.box.width
    if name in {"height", "h"}:
        return lambda one: one.box.height
    meant = corner_of(field.inside) if name in {"x", "y"} else None
    if meant is not None:
        return lambda one: PARTS[meant[down]](one.box)
    if name in {"x", "y"} and beside & {"width", "w", "height", "h"}:
        return _edge(down=down, last=False)
    if name in {"x", "y", "cx", "cy", "center x", "center y", "x center", "y center", "centre x", "centre y"}:
        if beside & {"width", "w"}:
            return lambda one: (one.box.y0 + one.box.y1) / 2 if down else (one.box.x0 + one.box.x1) / 2
        return lambda one: centroid_of(one)[down]
    if name in {"t", "b", "l", "r"} and not {"t", "b", "l", "r"} <= beside | {name}:
        return None
    if flipped == "x1" and beside & {"x2", "y2"}:
        return _edge(down=down, last=False)
    if flipped in _FIRST or name == "t":
        return _edge(down=down, last=False)
    if flipped in _LAST or name == "b":
        return _edge(down=down, last=True)
    return None


def _edge(*, down: bool, last: bool) -> Callable[[Found], float]:
    if down:
        return lambda one: one.box.y1 if last else one.box.y0
    return lambda one: one.box.x1 if last else one.box.x0


def _is_in_image(field: Field) -> bool:
    return bool(set(field.inside) & {"image", "size", "dimension", "resolution", "picture", "mask", "png", "photo"})


BOX = Role(
    called("bbox box bounding_box bounds rect rectangle xywh xyxy ltrb ltwh cxcywh yxyx box_2d bbox_2d"),
    re.compile(r"bounding[ -]?box"),
    box,
)
BOX_PART = Role(is_box_part, None, box_part)
CORNER = Role(is_corner, None, corner)
CENTROID = Role(
    called("centroid center centre point xy keypoint location position center_point centre_point"),
    re.compile(r"\bcent(?:er|re|roid)\b|keypoint"),
    centroid,
)
IMAGE_SIZE = Role(
    called("image_width image_height width height image_size size dimensions resolution w h picture_width "
           "picture_height image_shape image_dimensions image_resolution"),
    re.compile(r"(?:width|height) of the (?:image|picture)"),
    image_size,
    of_instances=False,
)  # fmt: skip
