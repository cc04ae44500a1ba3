"""Generated schemas: the answer validates and says what was found, or the request is refused in planning."""

import re
from dataclasses import replace

import jsonschema
import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.schemas.scenes import CARS, EVERYTHING, NOTHING, SIZE, Numbered

from rubylith.domain.errors import NothingFound, UnfillableSchema, UnsatisfiedSchema
from rubylith.domain.rle import RLE
from rubylith.formats._contours import rasterise
from rubylith.schemas.filling import fill
from rubylith.schemas.planning import plan
from rubylith.schemas.results import arranged

NAMES = (
    "label name category mask mask_url bbox xywh xyxy box_2d rle polygon points score confidence count num_cars area "
    "width height image_size centroid x y x1 y1 x2 y2 id index class_id is_thing found has_dogs summary format mode "
    "image overlay label_map cars dogs items groups owner price counts segmentation notes size"
).split()
TEXTS = ("segment the cars and the two dogs", "Segment everything", "semantic segmentation of the car", "")
WORDS = (
    "",
    "in pixels",
    "normalized 0-1000",
    "bounding box",
    "mask URL",
    "confidence score",
    "number of cars",
    "base64",
)

MOST = st.sampled_from((0, 1, 2, 3, 4, 1.0, 2.0, 3.0))

numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(("number", "integer"))},
    optional={
        "minimum": st.integers(-5, 5),
        "maximum": st.integers(0, 2000),
        "exclusiveMaximum": st.sampled_from((1, 100)),
        "multipleOf": st.sampled_from((2, 0.5)),
    },
)
strings = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 4),
        "maxLength": st.integers(2, 200),
        "format": st.sampled_from(("uri", "date-time", "base64", "uuid")),
        "pattern": st.sampled_from(("^img_", "^url_\\w{6}$", "^[a-z]+$", "\\d")),
    },
)
enums = st.lists(
    st.sampled_from(("car", "dog", "other", "high", "medium", "low", 3, None)), min_size=1, unique=True
).map(lambda members: {"enum": members})
leaves = st.one_of(numbers, strings, enums, st.just({"type": "boolean"}), st.just({}), st.just({"type": "null"}))


def with_more(inner):
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 4), "maxItems": MOST, "uniqueItems": st.booleans()},
    )
    tuples = st.lists(inner, min_size=2, max_size=4).map(
        lambda parts: {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    )
    objects = st.dictionaries(st.sampled_from(NAMES), inner, max_size=5).flatmap(
        lambda members: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(members),
                "required": st.lists(st.sampled_from([*members, "label"]), unique=True),
                "additionalProperties": st.one_of(st.booleans(), inner),
            }
        )
    )
    unions = st.lists(st.one_of(inner, st.just({"type": "null"})), min_size=1, max_size=3).map(lambda b: {"anyOf": b})
    return st.one_of(arrays, tuples, objects, unions)


described = st.recursive(leaves, with_more, max_leaves=12).flatmap(
    lambda schema: st.fixed_dictionaries({k: st.just(v) for k, v in schema.items()}, optional={
        "description": st.sampled_from(WORDS), "default": st.sampled_from((None, 1, "a"))})
)  # fmt: skip
roots = st.dictionaries(st.sampled_from(NAMES), described, min_size=1, max_size=5).flatmap(
    lambda members: st.fixed_dictionaries(
        {
            "type": st.just("object"),
            "properties": st.just(members),
            "required": st.lists(st.sampled_from(list(members)), unique=True),
        }
    )
)
OF_WHAT_WAS_FOUND = ("minItems", "maxItems", "minProperties", "maxProperties")


def as_asked(scene, wish):
    """What an engine gives: masks labelled with what was asked for, or not at all."""
    if not wish.concepts:
        return EVERYTHING if scene is CARS else scene
    return replace(scene, masks=tuple(m for m in scene.masks if m.label is not None and m.label.name in wish.names))


def holds_a_limit_on_how_many(schema):
    return any(f"'{word}'" in repr(schema) for word in OF_WHAT_WAS_FOUND)


GENERATED, FILLED = 300, 20  # schemas without sense, of which so many at least are filled all the same


def test_the_answer_validates_or_the_schema_is_refused():
    filled: list[object] = []

    @settings(max_examples=GENERATED, derandomize=True, database=None)
    @given(st.one_of(roots, described), st.sampled_from(TEXTS), st.sampled_from((CARS, EVERYTHING, NOTHING)))
    def check(schema, text, scene):
        try:
            made = plan(schema, text)
        except UnfillableSchema as refused:
            event("refused")
            assert refused.fields  # noqa: PT017
            return
        scene = as_asked(scene, made.wish)
        try:
            document = fill(made, scene, Numbered())
        except NothingFound:
            assert not scene.masks or made.wish.concepts
            return
        except UnsatisfiedSchema as refused:
            is_out_of_limits = re.search(r"is too (?:small|large)|is no multiple", refused.message)
            assert not scene.masks or holds_a_limit_on_how_many(schema) or is_out_of_limits
            return
        jsonschema.Draft202012Validator(schema).validate(document)
        filled.append(document)

    check()
    assert len(filled) >= FILLED


def numbers_of(count, kind, **more):
    return {"type": "array", "items": {"type": kind}, "minItems": count, "maxItems": count, **more}


WIDTH, HEIGHT = SIZE.width, SIZE.height
TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def edges(one):
    return [one.box.x0, one.box.y0, one.box.x1, one.box.y1]


def near(value, *wanted):
    return np.allclose(value, wanted, atol=1e-4)


# A field of a result: its schema, and whether a value in it is that of the result.
OF_RESULTS = {
    "label": (TEXT, lambda value, one: value == one.label),
    "class_name": ({"enum": ["Cars", "DOG", "other"]},
                   lambda value, one: value == {"car": "Cars", "dog": "DOG"}[one.label]),
    "score": (NUMBER, lambda value, one: value == one.score),
    "confidence": (WHOLE, lambda value, one: value == round(100 * one.score)),
    "probability": ({**NUMBER, "description": "from 0 to 100"}, lambda value, one: near(value, 100 * one.score)),
    "area": (WHOLE, lambda value, one: value == one.rle.area),
    "coverage": (NUMBER, lambda value, one: near(value, one.rle.area / SIZE.area)),
    "xyxy": (numbers_of(4, "integer"), lambda value, one: value == edges(one)),
    "bbox": (numbers_of(4, "number", description="left, top, right, bottom in pixels"),
             lambda value, one: value == edges(one)),
    "xywh": (numbers_of(4, "number"), lambda value, one: near(
        value, one.box.x0 / WIDTH, one.box.y0 / HEIGHT, one.box.width / WIDTH, one.box.height / HEIGHT)),
    "box_2d": (numbers_of(4, "integer", description="ymin, xmin, ymax, xmax in 0-1000"), lambda value, one: value == [
        round(1000 * edge / extent) for edge, extent in zip(
            [one.box.y0, one.box.x0, one.box.y1, one.box.x1], [HEIGHT, WIDTH] * 2, strict=True)]),
    "box": ({"properties": dict.fromkeys(("x1", "y1", "x2", "y2"), WHOLE), "required": ["x1", "y1", "x2", "y2"]},
            lambda value, one: list(value.values()) == edges(one)),
    "bounds": ({"properties": dict.fromkeys(("top_left", "bottom_right"), numbers_of(2, "integer")), "required": [
        "top_left", "bottom_right"]}, lambda value, one: [*value["top_left"], *value["bottom_right"]] == edges(one)),
    "rle": (TEXT, lambda value, one: RLE.from_coco(SIZE, value).counts == one.rle.counts),
    "polygon": ({"type": "array", "items": numbers_of(2, "integer")}, lambda value, one: np.array_equal(
        rasterise([np.array(value)], SIZE), one.rle.bitmap())),
    "segmentation": ({"type": "array", "items": {"type": "array", "items": NUMBER}}, lambda value, one: np.array_equal(
        rasterise([np.reshape(ring, (-1, 2)) for ring in value], SIZE), one.rle.bitmap())),
    "id": (WHOLE, lambda value, one: value == one.number),
    "category_id": (WHOLE, lambda value, one: value == ["car", "dog"].index(one.label) + 1),
    "is_thing": ({"type": "boolean"}, lambda value, _: value is True),
    "owner": ({"type": ["string", "null"]}, lambda value, _: value is None),
    "wheels": ({"type": ["integer", "null"], "description": "Number of wheels"}, lambda value, _: value is None),
}  # fmt: skip
MASKING = sorted(OF_RESULTS.keys() - {"label", "class_name", "category_id", "is_thing", "owner", "wheels"})
OF_THE_PICTURE = {
    "count": (WHOLE, 3), "num_dogs": (WHOLE, 1), "figure": ({**WHOLE, "description": "How many cars are there"}, 2),
    "labels": ({"type": "array", "items": TEXT}, ["car", "dog"]), "summary": (TEXT, "2 cars and 1 dog"),
    "has_cars": ({"type": "boolean"}, True), "image_size": (numbers_of(2, "integer"), [WIDTH, HEIGHT]),
    "counts": ({"type": "object", "additionalProperties": WHOLE}, {"car": 2, "dog": 1}),
    "categories": ({"type": "array", "items": {"properties": {"id": WHOLE, "name": TEXT}, "required": ["id", "name"]}},
                   [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]),
    "price": ({"type": ["number", "null"]}, None),
}  # fmt: skip


@settings(max_examples=100)
@given(
    st.tuples(st.sampled_from(MASKING), st.sets(st.sampled_from(sorted(OF_RESULTS)), max_size=6)),
    st.sets(st.sampled_from(sorted(OF_THE_PICTURE)), max_size=4),
    st.sampled_from(("items", "segmentations", "detectedObjects", "annotations")),
    st.sampled_from((None, 0, 1, 2, 2.0, 3)),
    st.booleans(),
)
def test_schemas_that_ask_for_what_is_known_are_filled_with_what_was_found(fields, others, name, most, by_reference):
    chosen = sorted({fields[0], *fields[1]})
    item = {"type": "object", "properties": {n: OF_RESULTS[n][0] for n in chosen}, "required": chosen}
    listed = {"type": "array", "items": {"$ref": "#/$defs/Item"} if by_reference else item}
    listed = listed if most is None else {**listed, "maxItems": most}
    shown = {**{n: OF_THE_PICTURE[n][0] for n in others}, name: listed}
    schema = {"type": "object", "properties": shown, "required": list(shown), "$defs": {"Item": item}}
    made = plan(schema, TEXTS[0])
    found = arranged(CARS, made.wish)
    document = fill(made, CARS, Numbered())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert {n: document[n] for n in others} == {n: OF_THE_PICTURE[n][1] for n in others}
    best = sorted(found, key=lambda one: -one.score)[: None if most is None else int(most)]
    kept = [one for one in found if one in best]
    assert len(document[name]) == len(kept)
    for value, one in zip(document[name], kept, strict=True):
        assert list(value) == chosen
        assert [n for n in chosen if not OF_RESULTS[n][1](value[n], one)] == []
