"""What goes into fields: values, not only their types."""

import json
import re
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import BaseModel, Field
from tests.schemas.models import Corners, ImageRef, Middle, Point, Rle, Simple, item, model
from tests.schemas.scenes import CARS, EVERYTHING, NOTHING, SIZE, Numbered, mask, segmentation

from rubylith.domain.errors import InvalidSchema, NothingAsked, NothingFound, UnfillableSchema, UnsatisfiedSchema
from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.formats._contours import rasterise
from rubylith.schemas.filling import fill
from rubylith.schemas.planning import plan

TWO = "segment the cars and the dogs"


def answer(shape, text=TWO, scene=CARS, pictures=None, **more):
    schema = shape if isinstance(shape, dict) else shape.model_json_schema()
    return fill(plan(schema, text, **more), scene, pictures or Numbered())


def items(scene=CARS, text=TWO, **fields):
    return answer(model(items=list[item(**fields)]), text, scene)["items"]


def test_results_come_in_the_order_of_the_request_then_by_score():
    assert [one["label"] for one in items(label=str)] == ["car", "dog"]
    assert [(i["label"], i["score"]) for i in items(label=str, score=float)] == [
        ("car", 0.95),
        ("car", 0.9),
        ("dog", 0.7),
    ]


def test_one_box_in_four_encodings():
    found = items(xyxy=tuple[int, int, int, int], xywh=list[float], box=Corners, bbox=Middle, label=str)[0]
    assert found["xyxy"] == [12, 20, 32, 35]
    assert found["xywh"] == [0.15, 0.3333, 0.25, 0.25]
    assert found["box"] == {"x1": 12, "y1": 20, "x2": 32, "y2": 35}
    assert found["bbox"] == {"cx": 0.275, "cy": 0.4583, "w": 0.25, "h": 0.25}


@pytest.mark.parametrize(
    ("field", "box"),
    [
        (list[float], [0.15, 0.3333, 0.25, 0.25]),
        (Annotated[list[float], Field(description="x_min, y_min, x_max, y_max in pixels")], [12, 20, 32, 35]),
        (
            Annotated[list[int], Field(description="[ymin, xmin, ymax, xmax] normalized to 0-1000")],
            [333, 150, 583, 400],
        ),
        (Annotated[list[float], Field(description="center x, center y, w, h")], [0.275, 0.4583, 0.25, 0.25]),
        (list[Annotated[float, Field(le=1)]], [0.15, 0.3333, 0.25, 0.25]),
        (list[Annotated[float, Field(le=4096)]], [12, 20, 20, 15]),
    ],
)
def test_units_and_order_of_a_box(field, box):
    assert items(label=str, bounding_box=field)[0]["bounding_box"] == pytest.approx(box, abs=1e-4)


def test_masks_as_run_lengths_polygons_and_files_are_the_same_mask():
    pictures = Numbered()
    shape = model(items=list[item(rle=Rle, mask_url=str, polygon=list[tuple[int, int]], mask=ImageRef, area=int)])
    for found in answer(shape, pictures=pictures)["items"]:
        kept = pictures.masks[found["mask_url"]]
        assert RLE.from_coco(Size(*found["rle"]["size"]), found["rle"]["counts"]).counts == kept.counts
        assert np.array_equal(rasterise([np.array(found["polygon"])], SIZE), kept.bitmap())
        assert found["area"] == kept.area
        assert found["mask"]["id"].startswith("img_")


def test_a_bare_list_takes_what_its_name_says():
    found = items(polygon=list, rle=list, xywh=list, point=list, label=str)[0]
    assert found["polygon"] == [[0.15, 0.3333], [0.4, 0.3333], [0.4, 0.5833], [0.15, 0.5833]]
    assert found["rle"] == mask("car", 12, 20, 32, 35).rle.runs().tolist()
    assert found["xywh"] == [0.15, 0.3333, 0.25, 0.25]
    assert found["point"] == pytest.approx([0.275, 0.4583], abs=0.01)


def test_a_centroid_outside_its_mask_moves_to_the_nearest_pixel():
    ring = np.ones((SIZE.height, SIZE.width), bool)
    ring[10:50, 10:70] = False
    rle = RLE.from_bitmap(ring)
    scene = segmentation(mask("car", 0, 0, 1, 1).__class__(rle, rle.box, 0.9))
    x, y = items(scene, "Segment everything", label=str, xy=Annotated[list[float], Field(description="in pixels")])[0][
        "xy"
    ]
    assert ring[int(y), int(x)]


def test_fields_named_after_a_concept_hold_only_that():
    found = answer(model(cars=list[Simple], dogs=list[Simple], cats=list[Simple], num_cars=int, has_dogs=bool))
    assert [one["label"] for one in found["cars"]] == ["car", "car"]
    assert [one["label"] for one in found["dogs"]] == ["dog"]
    assert (found["cats"], found["num_cars"], found["has_dogs"]) == ([], 2, True)
    single = answer(model(dog=Simple | None, cat=Simple | None))
    assert (single["dog"]["label"], single["cat"]) == ("dog", None)


def test_groups_and_mappings_by_label():
    group = item(category=str, count=int, instances=list[Simple])
    found = answer(model(groups=list[group], counts=dict[str, int], areas=dict[str, int], masks=dict[str, list[str]]))
    assert [(g["category"], g["count"], len(g["instances"])) for g in found["groups"]] == [("car", 2, 2), ("dog", 1, 1)]
    assert found["counts"] == {"car": 2, "dog": 1}
    assert found["areas"] == {"car": 500, "dog": 400}
    assert [len(urls) for urls in found["masks"].values()] == [2, 1]


def test_labels_stand_once_unless_other_arrays_run_beside_them():
    assert answer(model(labels=list[str]))["labels"] == ["car", "dog"]
    found = answer(model(labels=list[str], scores=list[float]))
    assert found == {"labels": ["car", "car", "dog"], "scores": [0.95, 0.9, 0.7]}


def test_members_of_an_enum_are_what_is_looked_for_when_nothing_is_named():
    shape = model(items=list[item(label=Literal["car", "truck", "other"], mask=str)])
    assert plan(shape.model_json_schema(), "Segment everything").wish.names == ("car", "truck")
    dogs = segmentation(mask("dog", 0, 0, 9, 9))
    assert [i["label"] for i in answer(shape, "segment the dog", dogs)["items"]] == ["other"]


def test_names_of_lists_are_what_is_looked_for_when_nothing_else_is():
    shape = model(cars=list[Simple], people=list[Simple], objects=list[Simple])
    assert plan(shape.model_json_schema(), "Segment everything").wish.names == ("car", "person")


def test_an_enum_without_a_place_for_the_concept_is_refused():
    shape = model(items=list[item(label=Literal["car", "truck"], mask=str)])
    with pytest.raises(UnfillableSchema) as refused:
        plan(shape.model_json_schema(), "segment the dog")
    assert refused.value.fields == ("items[].label",)
    assert "No member of the enum of items[].label means 'dog'" in str(refused.value)
    assert "ask for 'car' or 'truck'" in str(refused.value)
    shape = model(items=list[item(label=Literal["car", "truck"], owner=str, mask=str)])
    with pytest.raises(UnfillableSchema, match=re.escape("these fields of the schema: items[].label, items[].owner")):
        plan(shape.model_json_schema(), "segment the dog")


def test_limits_of_the_request_and_of_the_schema_keep_the_best():
    two = [i["score"] for i in items(text="segment one car", label=str, score=float)]
    assert two == [0.95, 0.7]  # the one car, and a dog that nobody limited
    short = answer(model(items=Annotated[list[item(label=str, score=float)], Field(max_length=2)]))["items"]
    assert [i["score"] for i in short] == [0.95, 0.9]


def test_semantic_unites_and_panoptic_takes_apart():
    scene = segmentation(
        mask("car", 0, 0, 20, 20, 0.5), mask("car", 10, 10, 30, 30, 0.9), mask("sky", 0, 0, 80, 15, 0.7)
    )
    united = items(scene, "semantic segmentation of car and sky", label=str, area=int, score=float)
    assert united == [
        {"label": "car", "area": 700, "score": 0.9},
        {"label": "sky", "area": 1200, "score": 0.7},
    ]
    pictures = Numbered()
    shape = model(items=list[item(label=str, is_thing=bool, mask_url=str)])
    found = answer(shape, "panoptic segmentation of cars and sky", scene, pictures)["items"]
    assert [(i["label"], i["is_thing"]) for i in found] == [("car", True), ("car", True), ("sky", False)]
    stacked = np.sum([pictures.masks[i["mask_url"]].bitmap() for i in found], axis=0)
    assert stacked.max() == 1


def test_nothing_found():
    full = answer(model(items=list[Simple], count=int, found=bool, best=Simple | None), scene=NOTHING)
    assert full == {"items": [], "count": 0, "found": False, "best": None}
    with pytest.raises(NothingFound, match="no car and no dog"):
        answer(Simple, scene=NOTHING)
    with pytest.raises(UnsatisfiedSchema, match="items"):
        answer(model(items=Annotated[list[Simple], Field(min_length=1)]), scene=NOTHING)


@pytest.mark.parametrize("limits", [{"minimum": 1.5}, {"exclusiveMaximum": 0}])
def test_a_figure_that_no_score_satisfies_is_left_out_or_refused_before(limits):
    def asked(required):
        one = {"label": {"type": "string"}, "score": {"type": "number", **limits}}
        shape = {"type": "object", "properties": one, "required": required}
        return {"type": "object", "properties": {"items": {"type": "array", "items": shape}}, "required": ["items"]}

    assert answer(asked(["label"])) == {"items": [{"label": "car"}, {"label": "car"}, {"label": "dog"}]}
    with pytest.raises(UnfillableSchema) as refused:
        plan(asked(["label", "score"]), TWO)
    assert refused.value.fields == ("items[].score",)
    alone = asked(["label", "score"])["properties"]["items"]["items"]
    with pytest.raises(UnfillableSchema):
        plan({**alone, "properties": {"score": alone["properties"]["score"]}, "required": []}, TWO)


def test_a_figure_that_only_this_picture_drives_out_of_bounds_is_left_out_or_null():
    many = segmentation(*(mask("car", x, 0, x + 5, 5) for x in range(0, 60, 6)))
    few = Annotated[int, Field(le=6)]
    assert answer(model(count=(few, None), items=list[Simple]), "the cars", CARS)["count"] == 3
    assert "count" not in answer(model(count=(few, None), items=list[item(label=str)]), "the cars", many)
    assert answer(model(count=few | None, items=list[Simple]), "the cars", many)["count"] is None
    with pytest.raises(UnsatisfiedSchema, match="count"):
        answer(model(count=few, items=list[Simple]), "the cars", many)
    few_items = {"type": "array", "items": {"type": "object", "properties": {"label": {"type": "string"}},
                                            "required": ["label"]}, "contains": {"const": 3}}  # fmt: skip
    with pytest.raises(UnsatisfiedSchema, match="items"):  # results are not left out
        answer({"type": "object", "properties": {"items": few_items}}, "the cars", many)


@pytest.mark.parametrize(
    ("fields", "draws"),
    [
        ({"items": list[Simple]}, False),
        ({"items": list[Simple], "label_map_url": str}, False),
        ({"overlay_url": str}, True),
        ({"items": list[Simple], "segmented_image": ImageRef}, True),
    ],
)
def test_a_plan_says_whether_it_needs_the_pixels(fields, draws):
    planned, pictures = plan(model(**fields).model_json_schema(), TWO), Numbered()
    fill(planned, CARS, pictures)
    assert (planned.draws, "overlay" in pictures.made) == (draws, draws)


def test_a_single_result_is_the_best():
    assert answer(item(label=str, xyxy=list[int], count=int)) == {"label": "car", "xyxy": [12, 20, 32, 35], "count": 3}


def test_the_picture_and_its_address():
    shape = model(image=model(width=int, height=int), image_url=str | None, items=list[Simple], summary=str)
    assert answer(shape)["image_url"] is None
    found = answer(shape, source="https://example.org/a.png")
    assert (found["image"], found["image_url"]) == ({"width": 80, "height": 60}, "https://example.org/a.png")
    assert found["summary"] == "2 cars and 1 dog"


def test_overlays_and_label_maps_tell_of_the_whole():
    pictures = Numbered()
    shape = model(overlay=ImageRef, label_map=str, items=list[Simple])
    answer(shape, pictures=pictures)
    assert pictures.made[:2] == ["overlay", "labels"]
    picture = Numbered()
    answer(model(image=Annotated[ImageRef, Field(description="the segmented image")]), pictures=picture)
    assert picture.made == ["overlay"]


def test_descriptions_say_what_names_do_not():
    found = items(
        what=Annotated[str, Field(description="Name of the segmented object")],
        where=Annotated[list[int], Field(description="Bounding box as x1, y1, x2, y2")],
        file=Annotated[str, Field(description="Pre-signed URL of the binary mask")],
        surety=Annotated[float, Field(description="Detection confidence")],
    )[0]
    assert (found["what"], found["where"], found["surety"]) == ("car", [12, 20, 32, 35], 0.95)
    assert found["file"].startswith("http://")


def test_references_in_a_circle_are_cut():
    class Tree(BaseModel):
        label: str
        mask_url: str
        children: "list[Tree]"
        parent: "Tree | None"

    found = answer(model(items=list[Tree]))["items"][0]
    assert (found["children"], found["parent"]) == ([], None)


def test_words_that_ask_for_nothing():
    with pytest.raises(NothingAsked):
        plan(Simple.model_json_schema(), "Hello")


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"type": "object", "properties": {"a": {"$ref": "https://example.org/schema.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"type": "object", "properties": {f"a{n}": {"type": "string"} for n in range(600)}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}},
        {"type": "object", "properties": 3},
        nested(40),
        nested(400),
        [],
        "object",
        None,
    ],
)
def test_what_is_no_schema_is_refused(schema):
    with pytest.raises(InvalidSchema):
        plan(schema, "Segment everything")


def test_references_that_unfold_without_end_are_refused():
    wide = {f"p{n}": {"$ref": "#/$defs/l1"} for n in range(20)}
    levels = {f"l{k}": {"type": "object", "properties": {f"p{n}": {"$ref": f"#/$defs/l{k + 1}"} for n in range(20)}}
              for k in range(1, 5)}  # fmt: skip
    schema = {"type": "object", "properties": wide, "$defs": {**levels, "l5": {"type": "string"}}}
    with pytest.raises(InvalidSchema, match="unfolds"):
        plan(schema, "Segment everything")


def test_a_tuple_of_an_earlier_draft_is_understood():
    box = {"type": "array", "items": [{"type": "number"}] * 4, "minItems": 4, "maxItems": 4}
    schema = {"properties": {"items": {"type": "array", "items": {"properties": {"bbox": box}, "required": ["bbox"]}}}}
    assert len(answer(schema)["items"][0]["bbox"]) == 4


def test_unlabelled_masks_are_objects():
    found = answer(model(items=list[item(label=str, area=int)]), "Segment everything", EVERYTHING)["items"]
    assert {one["label"] for one in found} == {"object"}
    assert json.dumps(found)


def test_points_of_an_object_are_its_centroid():
    assert items(label=str, center=Point)[0]["center"] == {"x": 0.275, "y": 0.4583}


def described(text, kind="number", count=4, **more):
    return {"type": "array", "items": {"type": kind}, "minItems": count, "maxItems": count, "description": text, **more}


def listed(about="", **fields):
    """A list of results, described as `about`."""
    one = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "object", "properties": {"items": {"type": "array", "items": one, "description": about}},
            "required": ["items"]}  # fmt: skip


X0, Y0, X1, Y1, W, H = 12, 20, 32, 35, 20, 15  # of the best car, in pixels


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("[top, left, height, width] in pixels", [Y0, X0, H, W]),
        ("top, left, width, height in pixels", [Y0, X0, W, H]),
        ("[xmin, xmax, ymin, ymax], pixels", [X0, X1, Y0, Y1]),
        ("left, top, right and bottom (pixels)", [X0, Y0, X1, Y1]),
        ("x1, y1, w, h in pixels", [X0, Y0, W, H]),
        ("x0,y0,x1,y1 in pixels", [X0, Y0, X1, Y1]),
        ("pixels: y1, x1, y2, x2", [Y0, X0, Y1, X1]),
        ("top-left corner, width and height, in pixels", [X0, Y0, W, H]),
        ("top-left and bottom-right corners in pixels", [X0, Y0, X1, Y1]),
        ("opposite corners in pixels", [X0, Y0, X1, Y1]),
        ("center (x, y), width, height in pixels", [22, 27.5, W, H]),
        ("center and size, in pixels", [22, 27.5, W, H]),
        ("Bounding box in pixels of the object at the center of attention", [X0, Y0, W, H]),
        ("Box in pixels; things in the corner count too", [X0, Y0, W, H]),
    ],
)
def test_the_order_of_a_box_is_what_its_description_says(text, box):
    assert answer(listed(label={"type": "string"}, bbox=described(text)))["items"][0]["bbox"] == box


@pytest.mark.parametrize(
    ("about", "box"),
    [
        ("Up to 1000 objects", [0.15, 0.3333, 0.25, 0.25]),
        ("Objects, also in the corners", [0.15, 0.3333, 0.25, 0.25]),
        ("What is near the center, whatever its width", [0.15, 0.3333, 0.25, 0.25]),
        ("Things of more than 30 pixels", [0.15, 0.3333, 0.25, 0.25]),
        ("With boxes as x1, y1, x2, y2", [0.15, 0.3333, 0.4, 0.5833]),
        ("Boxes are xyxy, in pixels", [X0, Y0, X1, Y1]),
        ("Coordinates are from 0 to 1000", [150, 333, 250, 250]),
        ("normalized to 1000", [150, 333, 250, 250]),
    ],
)
def test_descriptions_around_a_box_change_it_only_by_exact_words(about, box):
    found = answer(listed(about, label={"type": "string"}, bbox=described("")))["items"][0]["bbox"]
    assert found == pytest.approx(box, abs=1e-4)


def test_its_own_description_goes_before_those_around_it():
    shape = listed("boxes as xyxy, scaled to 1000", bbox=described("x, y, width, height normalized to 0-1"))
    assert answer(shape)["items"][0]["bbox"] == [150, 333, 250, 250]  # the scale is not contradicted
    shape = listed("boxes as xyxy in pixels", bbox=described("cx, cy, w, h, normalized"))
    assert answer(shape)["items"][0]["bbox"] == [0.275, 0.4583, 0.25, 0.25]


@pytest.mark.parametrize(
    ("names", "corners"),
    [
        (("top_left", "bottom_right"), ((X0, Y0), (X1, Y1))),
        (("topRight", "bottomLeft"), ((X1, Y0), (X0, Y1))),
        (("upper_left_corner", "lower_right_corner"), ((X0, Y0), (X1, Y1))),
        (("min", "max"), ((X0, Y0), (X1, Y1))),
    ],
)
def test_corners_of_a_box_are_not_its_centroid(names, corners):
    class Whole(BaseModel):
        x: int
        y: int

    objects = item(label=str, bbox=model(**dict.fromkeys(names, Whole)))
    pairs = item(label=str, bbox=model(**dict.fromkeys(names, tuple[int, int])))
    wanted = dict(zip(names, corners, strict=True))
    found = answer(model(items=list[objects]))["items"][0]["bbox"]
    assert {name: (point["x"], point["y"]) for name, point in found.items()} == wanted
    found = answer(model(items=list[pairs]))["items"][0]["bbox"]
    assert {name: tuple(point) for name, point in found.items()} == wanted


def test_a_corner_on_the_edge_of_the_picture_is_on_its_edge():
    whole = segmentation(mask("car", 0, 0, 80, 60))
    pixels = Annotated[list[float], Field(description="in pixels")]
    assert items(whole, label=str, bottom_right=pixels)[0]["bottom_right"] == [80, 60]


UNKNOWN = [
    ("wheels", "integer", "Number of wheels"),
    ("doors", "integer", "How many doors"),
    ("doors", "integer", "Number of car doors"),
    ("doors", "integer", "How many of the cars' doors are open"),
    ("age", "integer", "How many years old"),
    ("passengers", "integer", "number of objects per row"),
    ("inside", "integer", "Number of objects"),  # of each: that is not what was segmented
    ("notes", "number", "Your confidence that the car is stolen"),
    ("notes", "number", "A confidence score that the car is stolen"),
    ("notes", "number", "Confidence of the driver"),
    ("notes", "string", "Explain the confidence score"),
    ("plate", "string", "Licence plate, e.g. 'label of the car'"),
    ("plate", "string", "Licence plate, not the object label"),
    ("plate", "string", "Name of the owner of the detected object"),
    ("camera", "integer", "Identifier of the camera"),
    ("camera", "string", "Vehicle identifier, as on the frame"),
]


@pytest.mark.parametrize(("name", "kind", "text"), UNKNOWN)
def test_what_a_segmentation_does_not_tell_is_null_or_refused_and_not_made_up(name, kind, text):
    known = {"label": {"type": "string"}, "area": {"type": "integer"}}
    shape = listed(**known, **{name: {"type": [kind, "null"], "description": text}})
    assert answer(shape)["items"][0] == {"label": "car", "area": 300, name: None}
    with pytest.raises(UnfillableSchema) as refused:
        plan(listed(**known, **{name: {"type": kind, "description": text}}), TWO)
    assert refused.value.fields == (f"items[].{name}",)


@pytest.mark.parametrize(
    "text",
    [
        "Number of lanes of the road",
        "number of points",
        "how many cars per lane",
        "number of cars and wheels",
        "number of wheels, cars",
    ],
)
def test_what_is_not_counted_in_the_picture_is_not_made_up_either(text):
    shape = listed(label={"type": "string"})
    shape["properties"]["figure"] = {"type": "integer", "description": text}
    assert "figure" not in answer(shape)
    with pytest.raises(UnfillableSchema):
        plan({**shape, "required": ["items", "figure"]}, TWO)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Number of objects", 3),
        ("The number of detected objects in the image", 3),
        ("number of object instances found", 3),
        ("How many cars are there?", 2),
        ("how many dogs you see", 1),
        ("Total number of the segmented cars.", 2),
        ("Number of cars and dogs", 3),
        ("Number of dogs, in the image", 1),
    ],
)
@pytest.mark.parametrize("name", ["figure", "count"])
def test_what_is_counted_is_told(name, text, number):
    assert answer({"properties": {name: {"type": "integer", "description": text}}}) == {name: number}


@pytest.mark.parametrize(
    "text", ["Confidence from 0 to 100", "0-100", "between 0 and 100", "0 \u2013 100", "0..100", "as a percentage"]
)
def test_scores_in_percent(text):
    found = answer(listed(label={"type": "string"}, confidence={"type": "number", "description": text}))
    assert found["items"][0]["confidence"] == 95
    shares = [answer(listed(confidence={"type": "number", "description": other})) for other in ("0 to 1", "0-1000 of")]
    assert [one["items"][0]["confidence"] for one in shares] == [0.95, 0.95]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "Detection confidence", 0.95),
        ("number", "Confidence (0-1) of the detection", 0.95),
        ("number", "Confidence", 0.95),
        ("number", "The model's confidence score, 0-1", 0.95),
        ("string", "Object label", "car"),
        ("string", "A short name of the object. Lower case", "car"),
        ("string", "What it is: class label", "car"),
        ("integer", "Unique identifier of the segment", 1),
        ("string", "The identifier", "1"),
    ],
)
def test_descriptions_that_say_it_are_understood(kind, text, value):
    assert (
        answer(listed(it={"type": kind, "description": text}, mask_url={"type": "string"}))["items"][0]["it"] == value
    )


SOURCE = "https://example.org/a.png"


@pytest.mark.parametrize("name", ["image", "source", "input_image", "original_picture"])
def test_the_link_inside_an_image_is_that_of_the_picture(name):
    pictures = Numbered()
    shape = model(**{name: model(width=int, height=int, url=str)}, items=list[Simple])
    found = answer(shape, source=SOURCE, pictures=pictures)
    assert found[name] == {"width": 80, "height": 60, "url": SOURCE}
    assert len(pictures.masks) == len(found["items"])
    with pytest.raises(UnfillableSchema, match=re.escape(f"{name}.url")):
        plan(shape.model_json_schema(), TWO)  # it did not come by a link


@pytest.mark.parametrize(
    ("name", "made"), [("overlay", "overlay"), ("label_map", "labels"), ("annotated_image", "overlay")]
)
def test_the_link_inside_an_overlay_or_a_label_map_is_theirs(name, made):
    pictures = Numbered()
    answer(model(**{name: model(url=str, width=int)}, labels=list[str]), pictures=pictures, source=SOURCE)
    assert pictures.made == [made]


def test_a_link_inside_a_mask_is_that_of_the_mask():
    pictures = Numbered()
    found = answer(model(items=list[item(label=str, mask=model(url=str))]), pictures=pictures, source=SOURCE)
    assert [one["mask"]["url"] for one in found["items"]] == list(pictures.masks)


@pytest.mark.parametrize("name", ["categories", "classes", "labels"])
def test_lists_of_labels_have_an_element_each_with_the_number_that_results_refer_to(name):
    shape = model(**{name: list[item(id=int, name=str)]}, annotations=list[item(id=int, category_id=int, area=int)])
    found = answer(shape)
    assert found[name] == [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    assert [(one["id"], one["category_id"]) for one in found["annotations"]] == [(1, 1), (2, 1), (3, 2)]
    assert answer(model(objects=list[item(id=int, name=str)]))["objects"][2] == {"id": 3, "name": "dog"}
    groups = answer(model(groups=list[item(id=str, index=int, category=str, instances=list[Simple])]))["groups"]
    assert [(group["id"], group["index"]) for group in groups] == [("1", 0), ("2", 1)]


def test_flat_rings_called_a_segmentation_are_in_pixels_as_in_coco():
    corners = {(X0, Y0), (X1, Y0), (X1, Y1), (X0, Y1)}
    for inner in (list[float], list[int], Annotated[list[float], Field(min_length=6)]):
        rings = items(label=str, segmentation=list[inner])[0]["segmentation"]
        assert len(rings) == 1
        assert set(zip(rings[0][::2], rings[0][1::2], strict=True)) == corners
    for pair in (tuple[float, float], Annotated[list[float], Field(min_length=2, max_length=2)]):
        assert items(label=str, segmentation=list[pair])[0]["segmentation"][0] == [0.15, 0.3333]
    assert items(label=str, polygon=list[list[float]])[0]["polygon"][0] == [0.15, 0.3333]


ROW = segmentation(
    mask("car", 5, 20, 15, 30, 0.9),
    mask("car", 30, 5, 70, 45, 0.5),
    mask("car", 72, 30, 78, 36, 0.6),
    mask("car", 20, 50, 34, 58, 0.7),
    mask("dog", 0, 0, 80, 60, 0.4),
)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("largest_car", 0.5),
        ("biggestCar", 0.5),
        ("smallest_car", 0.6),
        ("leftmost_car", 0.9),
        ("rightmost_car", 0.6),
        ("top_car", 0.5),
        ("bottom_car", 0.7),
        ("lowest_car", 0.7),
        ("best_car", 0.9),
        ("car", 0.9),
        ("largest_object", 0.4),
        ("largest", 0.4),
        ("top_match", 0.9),
        ("highest_confidence_detection", 0.9),
    ],
)
def test_a_name_chooses_among_results(name, score):
    shape = model(**{name: item(label=str, score=float)}, cars=list[Simple], total=int)
    assert answer(shape, scene=ROW)[name]["score"] == score
    assert answer(shape, scene=ROW)["total"] == 5


def test_a_choice_that_is_part_of_what_was_asked_for_is_made_by_who_looks():
    hands = segmentation(mask("left hand", 0, 0, 5, 5, 0.5), mask("left hand", 20, 0, 25, 5, 0.9))
    found = answer(model(left_hand=item(label=str, score=float)), 'segment the "left hand"', hands)
    assert found["left_hand"]["score"] == 0.9


@pytest.mark.parametrize("text", ["Mask of the object in the image", "Mask of the segmented object"])
def test_a_mask_stays_that_of_its_object_whatever_picture_its_description_speaks_of(text):
    pictures = Numbered()
    found = answer(item(label=str, mask_url=Annotated[str, Field(description=text)], score=float), pictures=pictures)
    assert pictures.made == ["mask"]
    assert found["score"] == 0.95


@pytest.mark.parametrize("name", ["count", "num_cars", "car_count", "number_of_cars"])
def test_a_count_that_must_be_text_is_a_number_in_text(name):
    cars = segmentation(*(mask("car", 9 * n, 0, 9 * n + 8, 9) for n in range(3)))
    assert answer(model(**{name: str}), "How many cars are there?", cars) == {name: "3"}


def test_counts_in_text_of_each_label():
    groups = answer(model(groups=list[item(label=str, count=str)]))["groups"]
    assert groups == [{"label": "car", "count": "2"}, {"label": "dog", "count": "1"}]


def test_counts_beside_a_size_are_run_lengths():
    for one in items(label=str, segmentation=Rle):
        assert RLE.from_coco(SIZE, one["segmentation"]["counts"]).area > 0


def test_a_confidence_level_is_high_medium_or_low():
    found = items(label=str, confidence_level=Literal["high", "medium", "low"])
    assert [one["confidence_level"] for one in found] == ["high", "high", "medium"]


def test_dimensions_of_a_thing_are_not_those_of_the_picture():
    shape = model(items=list[item(label=str, dimensions=tuple[int, int])])
    with pytest.raises(UnfillableSchema) as refused:
        plan(shape.model_json_schema(), TWO)
    assert refused.value.fields == ("items[].dimensions",)


def test_what_does_not_satisfy_the_schema_is_told_without_values():
    shape = model(segmentations=Annotated[list[item(label=str, mask_url=str)], Field(min_length=4)])
    with pytest.raises(UnsatisfiedSchema) as refused:
        answer(shape)
    assert "segmentations has 3 items, the schema wants at least 4" in str(refused.value)
    assert "http" not in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        ({"ge": 0.5}, True),
        ({"gt": 0}, True),
        ({"gt": 0.5, "lt": 0.99}, True),
        ({"ge": 0.9}, False),
        ({"le": 0.5}, False),
    ],
)
def test_whether_a_score_is_within_its_limits_is_seen_when_it_is_known(limits, fits):
    score = Annotated[float, Field(**limits)]
    if fits:
        assert [one["score"] for one in items(label=str, score=score)] == [0.95, 0.9, 0.7]
        return
    with pytest.raises(UnsatisfiedSchema, match=r"items\[\d\]\.score is too (?:small|large), the schema wants at"):
        items(label=str, score=score)
    found = items(label=str, score=(score | None, None))
    assert [one.get("score") for one in found] == ([0.95, 0.9, None] if "ge" in limits else [None] * 3)


@pytest.mark.parametrize(
    ("limits", "fits"),
    [({"multipleOf": 3}, True), ({"enum": [1, 3]}, True), ({"maximum": 3}, True), ({"multipleOf": 2}, False),
     ({"enum": [1, 2]}, False), ({"minimum": 50}, False)],
)  # fmt: skip
def test_whether_a_count_is_within_its_limits_is_seen_when_it_is_known(limits, fits):
    shape = {"type": "object", "properties": {"count": {"type": "integer", **limits}}, "required": ["count"]}
    if fits:
        assert answer(shape) == {"count": 3}
        return
    with pytest.raises(UnsatisfiedSchema, match="count is"):
        answer(shape)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (model(dog_count=int, cat_count=int), "cat_count (cat was not asked for)"),
        (model(has_dog=bool, has_cat=bool), "has_cat (cat was not asked for)"),
        (model(items=list[item(label=str, score=Annotated[float, Field(ge=2)])]), "items[].score (its minimum is 2)"),
        (model(items=list[item(label=str, bbox=dict[str, int])]), "items[].bbox (it names no members, such as x, y"),
        (model(counts=dict[Literal["cat", "bird"], int]), "counts (none of its names means 'dog')"),
        (model(items=list[item(label=str, dimensions=tuple[int, int])]), "items[].dimensions (call it image_size for"),
    ],
)
def test_a_refusal_says_why_where_it_can(schema, told):
    with pytest.raises(UnfillableSchema) as refused:
        plan(schema.model_json_schema(), "segment the dogs")
    assert told in refused.value.message


def test_a_list_of_strings_alone_holds_the_labels():
    assert answer({"type": "array", "items": {"type": "string"}}) == ["car", "dog"]
    urls = answer({"type": "array", "items": {"type": "string"}, "description": "mask URLs", "title": "masks"})
    assert all(one.startswith("http") for one in urls)


def test_names_of_a_mapping_are_those_that_mean_the_labels():
    assert answer(model(counts=dict[Literal["Cars", "DOG", "bird"], int])) == {"counts": {"Cars": 2, "DOG": 1}}
