"""Fields that hold the mask itself: run lengths and polygons."""

import re
from collections.abc import Callable, Mapping

import numpy as np

from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import polygons
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Field, Role, Unit, called, numbers_in, unit_of, written
from rubylith.schemas.results import MISSING, Found, Scope, Value
from rubylith.schemas.shapes import is_numeric, is_only, is_whole, takes_anything, takes_strings, types_of

Ring = list[list[float]]
RingWriter = Callable[[Ring, Scope], object]


def run_lengths(field: Field, asked: Asked) -> Value | None:
    """A compressed string, uncompressed counts, or an object of size and counts."""
    schema = field.schema
    if set(schema.get("properties", {})) >= {"size", "counts"}:
        return _sized(schema, asked)
    if takes_strings(schema) and "array" not in types_of(schema):
        return lambda scope: MISSING if scope.one is None else scope.one.rle.counts.decode("ascii")
    item = asked.inner(schema.get("items", {}))
    if is_only(schema, "array") and (is_whole(item) or takes_anything(item)):
        return lambda scope: MISSING if scope.one is None else scope.one.rle.runs().tolist()
    return None


def is_run_lengths(field: Field, asked: Asked) -> bool:
    """By name, or by having size and counts; `count` is none, though in the singular it reads like `counts`."""
    members = set(field.schema.get("properties", {}))
    is_a_count = field.words[-1:] == ("count",) and not field.name.lower().endswith("counts")
    return (_IS_CALLED(field, asked) and not is_a_count) or {"size", "counts"} <= members


def polygon(field: Field, asked: Asked) -> Value | None:
    """Pairs, objects of x and y, or flat numbers; the largest ring, or all rings one level deeper."""
    if not is_only(field.schema, "array"):
        return None
    inner = asked.inner(field.schema.get("items", {}))
    write = None if _is_of_coco(field, inner, asked) else _ring_writer(field, field.schema, asked)
    if write is not None:
        return lambda scope: MISSING if scope.one is None else write(_rings(scope.one)[0], scope)
    write = _ring_writer(field, inner, asked)
    if write is not None:
        return lambda scope: MISSING if scope.one is None else [write(ring, scope) for ring in _rings(scope.one)]
    return None


def _is_of_coco(field: Field, inner: Schema, asked: Asked) -> bool:
    """True for what COCO calls a segmentation: rings of flat numbers, unless each can only be a pair."""
    if not is_only(inner, "array") or "prefixItems" in inner:
        return False
    numbers = asked.inner(inner.get("items", {}))
    is_flat = is_numeric(numbers) and types_of(numbers) <= {"number", "integer"}
    return "segmentation" in field.words and is_flat and inner.get("maxItems", 6) >= 6


def _sized(schema: Schema, asked: Asked) -> Value | None:
    size = numbers_in(asked.inner(schema["properties"]["size"]), 2, asked)
    counts = asked.inner(schema["properties"]["counts"])
    if size is None or set(schema.get("required", ())) - {"size", "counts"}:
        return None
    compressed = takes_strings(counts)
    if not compressed and "array" not in types_of(counts):
        return None

    def value(scope: Scope) -> object:
        if scope.one is None:
            return MISSING
        rle = scope.one.rle
        written_counts = rle.counts.decode("ascii") if compressed else rle.runs().tolist()
        return {"size": [rle.size.height, rle.size.width], "counts": written_counts}

    return value


def _ring_writer(field: Field, schema: Schema, asked: Asked) -> RingWriter | None:
    """How one ring is written into an array like this; None if it cannot be."""
    if "array" not in types_of(schema):
        return None
    item = asked.inner(schema.get("items", {}))
    in_pixels = "segmentation" in field.words
    is_one_point = field.words[-1:] == ("point",) and not field.name.endswith("s")
    holds_pairs = is_only(item, "array") or (takes_anything(item) and not is_one_point)
    pair = numbers_in(item, 2, asked) if holds_pairs else None
    members: Mapping[str, object] = item.get("properties", {}) if is_only(item, "object") else {}
    if pair is not None:
        unit, first = unit_of(field, pair[0]), pair[0]
        return lambda ring, scope: [list(_xy(point, scope, unit, first)) for point in ring]
    if {"x", "y"} == set(members):
        first = asked.inner(members["x"])
        unit = unit_of(field, first)
        return lambda ring, scope: [dict(zip("xy", _xy(p, scope, unit, first), strict=True)) for p in ring]
    if types_of(item) <= {"number", "integer"} and is_numeric(item) and "prefixItems" not in schema:
        if schema.get("maxItems", 6) < 6 or is_one_point:
            return None
        unit = Unit.PIXELS if in_pixels else unit_of(field, item)
        return lambda ring, scope: [n for point in ring for n in _xy(point, scope, unit, item)]
    return None


def _xy(point: list[float], scope: Scope, unit: Unit, number: Schema) -> tuple[float, float]:
    size = scope.facts.size
    return written(point[0], size.width, unit, number), written(point[1], size.height, unit, number)


def _rings(one: Found) -> list[Ring]:
    """Outer rings, the largest first."""
    alone = Segmentation(one.rle.size, (Mask(one.rle, one.rle.box, one.score),), disjoint=True, model="")
    parts = polygons.document(alone, "")["masks"][0]["parts"]
    return sorted((part["outer"] for part in parts), key=_area, reverse=True)


def _area(ring: Ring) -> float:
    x, y = np.asarray(ring, np.float64).T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


_IS_CALLED = called("rle counts mask_rle run_length run_lengths run_length_encoding rle_counts")
RUN_LENGTHS = Role(is_run_lengths, re.compile(r"\brle\b|run[- ]length"), run_lengths)
POLYGON = Role(
    called("polygon polygons contour contours outline outlines boundary vertices points segmentation"),
    re.compile(r"polygon|outline|contour"),
    polygon,
)
