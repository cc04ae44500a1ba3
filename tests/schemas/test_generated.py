"""Generated schemas: the answer validates, or the request is refused in planning."""

from dataclasses import replace

import jsonschema
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.schemas.scenes import CARS, EVERYTHING, NOTHING, Numbered

from rubylith.domain.errors import InvalidSchema, NothingFound, UnfillableSchema, UnsatisfiedSchema
from rubylith.schemas.filling import fill
from rubylith.schemas.planning import plan

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
        optional={"minItems": st.integers(0, 4), "maxItems": st.integers(0, 4), "uniqueItems": st.booleans()},
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


@settings(max_examples=60)
@given(st.one_of(roots, described), st.sampled_from(TEXTS), st.sampled_from((CARS, EVERYTHING, NOTHING)))
def test_the_answer_validates_or_the_schema_is_refused(schema, text, scene):
    try:
        made = plan(schema, text)
    except UnfillableSchema as refused:
        event("refused")
        assert refused.fields  # noqa: PT017
        return
    except InvalidSchema:
        return
    scene = as_asked(scene, made.wish)
    try:
        document = fill(made, scene, Numbered())
    except NothingFound:
        assert not scene.masks or made.wish.concepts
        return
    except UnsatisfiedSchema as refused:
        assert not scene.masks or holds_a_limit_on_how_many(schema) or "maximum" in refused.message.lower()  # noqa: PT017
        return
    jsonschema.Draft202012Validator(schema).validate(document)
