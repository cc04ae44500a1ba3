"""Schemas that are small and mean much: they are planned or refused, in a process that is ended if it hangs."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest
from pydantic import BaseModel
from tests.schemas.models import model
from tests.schemas.scenes import Numbered, mask, segmentation

from rubylith.domain.errors import InvalidSchema, UnfillableSchema, UnsatisfiedSchema
from rubylith.schemas.filling import fill
from rubylith.schemas.patterns import Pattern
from rubylith.schemas.planning import plan

CARS = segmentation(mask("car", 10, 5, 30, 15), mask("car", 12, 20, 32, 35, 0.95))
SECONDS = 120  # for all of them together; what hangs would take for ever
PLANNING = """
import json, sys
from rubylith.domain.errors import RubylithError
from rubylith.schemas.planning import plan
for line in sys.stdin:
    name, schema, text = json.loads(line)
    try:
        plan(schema, text)
        print(json.dumps([name, "planned", ""]), flush=True)
    except RubylithError as error:
        print(json.dumps([name, type(error).__name__, str(error)]), flush=True)
"""


def obj(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def chain(of, length=30):
    """Definitions, each made of twice the next."""
    definitions = {f"A{n}": of({"$ref": f"#/$defs/A{n + 1}"}) for n in range(length)}
    return {"$defs": {**definitions, f"A{length}": {"type": "string"}}}


def nested(of, depth=14):
    schema = {"type": "object"}
    for _ in range(depth):
        schema = of(schema)
    return schema


STRING, COUNT = {"type": "string"}, {"count": {"type": "integer"}}
TWICE = chain(lambda next_: {"anyOf": [next_, next_]})
A0 = {"$ref": "#/$defs/A0"}
WORD = '"' + "a" * 39 + '"'


def patterned(pattern):
    return obj(items={"type": "array", "items": obj(label={**STRING, "pattern": pattern}, mask_url=STRING)})


def keyed(pattern, **more):
    integer = {"type": "integer"}
    return obj(
        counts={"type": "object", "additionalProperties": integer, "patternProperties": {pattern: integer}, **more}
    )


HOSTILE = {
    "dots": (patterned(".*" * 12 + "§$"), WORD, "UnfillableSchema"),
    "words": (patterned(r"\w*\w*\w*\w*\w*\w*\w*\w*§"), WORD, "UnfillableSchema"),
    "repeated groups": (patterned("(a+)+§"), WORD, "UnfillableSchema"),
    "optional letters": (patterned("^(a?){40}a{40}$"), WORD, "UnfillableSchema"),
    "branches": (patterned("^(a|a|a)*§$"), WORD, "UnfillableSchema"),
    "names of properties": (keyed(r"^(\w?){30}\w{30}§$"), WORD, "planned"),
    "names of properties in a closed object": (keyed(".*" * 12 + "§", additionalProperties=False), WORD,
                                                 "UnfillableSchema"),
    "names that are not evaluated": (keyed("(a+)+§", unevaluatedProperties=False), WORD, "InvalidSchema"),
    "a pattern of names": ({**obj(counts={"type": "object", "additionalProperties": {"type": "integer"},
                                  "propertyNames": {"pattern": "(a+)+§"}})}, WORD, "UnfillableSchema"),
    "large once written out": (patterned("(a{100}){100}"), WORD, "InvalidSchema"),
    "large together": (obj(**{f"a{n}": {**STRING, "pattern": rf"\w{{{n}}}"} for n in range(200, 300)}), WORD,
                       "InvalidSchema"),
    "long": (patterned("a" * 501), WORD, "InvalidSchema"),
    **{f"{word} that doubles": ({"properties": COUNT, word: A0, **TWICE}, "the cars", "InvalidSchema")
       for word in ("if", "then", "not", "propertyNames")},
    "contains that doubles": ({"properties": {**COUNT, "labels": {"type": "array", "items": STRING, "contains": A0}},
                               **TWICE}, "the cars", "InvalidSchema"),
    "dependentSchemas that double": ({"properties": COUNT, "dependentSchemas": {"count": A0}, **TWICE}, "the cars",
                                     "InvalidSchema"),
    "allOf that doubles": ({"properties": COUNT, "if": A0, **chain(lambda n: {"allOf": [n, n]})}, "the cars",
                           "InvalidSchema"),
    "properties that double": ({"properties": COUNT, "if": A0, **chain(lambda n: {"properties": {"a": n, "b": n}})},
                               "the cars", "InvalidSchema"),
    "unevaluated in each other": ({"properties": COUNT, **nested(
        lambda s: {"allOf": [s], "unevaluatedProperties": {}})}, "the cars", "InvalidSchema"),
    "a long chain": ({"properties": COUNT, "if": A0, **chain(lambda n: n, 300)}, "the cars", "InvalidSchema"),
    "itself": ({"properties": COUNT, "if": {"$ref": "#"}}, "the cars", "InvalidSchema"),
    "each other": ({"properties": COUNT, "not": {"$ref": "#/$defs/a"}, "$defs": {
        "a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}},
        "the cars", "InvalidSchema"),
    "a name of many words": (obj(**{"a_" * 20_000: STRING}, **COUNT), "the cars", "UnfillableSchema"),
    "names of many words": (obj(items={"type": "array", "items": obj(**{
        "score_" + "object_" * (n % 20) + "item_" * (n // 20): {"type": "number", "minimum": 2} for n in range(400)})}),
        "the cars", "UnfillableSchema"),
    "a description of many coordinates": (obj(items={"type": "array", "items": obj(bbox={
        "type": "array", "items": {"type": "number"}, "description": "x, y, " * 300_000})}), "the cars", "planned"),
    "a description of many numbers": (obj(items={"type": "array", "items": obj(label=STRING, figure={
        "type": ["integer", "null"], "description": "number of a " * 300_000})}), "the cars", "planned"),
    "deep by references": ({**obj(items={"$ref": "#/$defs/A0"}), **chain(lambda n: {
        **obj(label=STRING, mask=STRING, items={"type": "array", "items": n})}, 20)}, "the cars", "UnfillableSchema"),
    "many labels": (obj(items={"type": "array", "items": obj(label={"enum": [f"c{n}" for n in range(100_000)]})}),
                    "the cars", "InvalidSchema"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes():
    """What planning makes of each: an error by name, or that it was planned."""
    lines = "".join(json.dumps([name, schema, text]) + "\n" for name, (schema, text, _) in HOSTILE.items())
    done = subprocess.run([sys.executable, "-c", PLANNING], input=lines, capture_output=True, text=True,
                          timeout=SECONDS, check=True)  # fmt: skip
    return {name: (kind, message) for name, kind, message in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_means_much_is_planned_or_refused(name, outcomes):
    assert outcomes[name][0] == HOSTILE[name][2], outcomes[name]


def test_a_long_chain_that_is_taken_does_not_exhaust_the_stack():
    schema = {**obj(count={"type": "integer"}), "if": A0, **chain(lambda n: n, 60)}
    assert fill(plan(schema, "the cars"), CARS, Numbered()) == {"count": 2}


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("keyword", ["const", "default", "maximum", "enum"])
def test_numbers_that_json_cannot_hold_are_refused(number, keyword):
    score = {keyword: [number] if keyword == "enum" else number}
    with pytest.raises(InvalidSchema, match="not finite"):
        plan(obj(items={"type": "array", "items": obj(label=STRING, score=score)}), "the cars")


@pytest.mark.parametrize("schema", [
    obj(count={"type": "integer"}, note={"const": "\ud800"}),
    obj(count={"type": "integer"}, **{"\udfff": {"const": 1}}),
])  # fmt: skip
def test_half_characters_are_refused(schema):
    with pytest.raises(InvalidSchema, match="surrogate"):
        plan(schema, "the cars")


@pytest.mark.parametrize("most", [1, 1.0])
@pytest.mark.parametrize("inner", [STRING, obj(label=STRING)])
def test_a_limit_may_be_written_as_a_float(most, inner):
    scene = segmentation(mask("car", 10, 5, 30, 15), mask("dog", 12, 20, 32, 35))
    found = fill(plan(obj(labels={"type": "array", "maxItems": most, "items": inner}), "cars, dogs"), scene, Numbered())
    assert len(found["labels"]) == 1


@pytest.mark.parametrize("more", [{"$id": "http://example.org/y"}, {"$schema": "http://json-schema.org/draft-07/schema#"},
                                  {"$anchor": "here"}])  # fmt: skip
def test_identifiers_inside_do_not_turn_references_away(more):
    items = {"type": "array", "items": {"$ref": "#/$defs/A"}}
    schema = {**obj(items={**more, **items}), "$defs": {"A": {**more, **obj(label=STRING)}}}
    assert fill(plan(schema, "the cars"), CARS, Numbered())["items"][0] == {"label": "car"}


def test_a_property_may_be_called_like_a_keyword():
    schema = obj(items={"type": "array", "items": obj(**{"$id": {"const": {"items": [1], "maxItems": 2.0}},
                                                         "label": STRING, "default": {"const": 3}})})  # fmt: skip
    first = fill(plan(schema, "the cars"), CARS, Numbered())["items"][0]
    assert first == {"$id": {"items": [1], "maxItems": 2.0}, "label": "car", "default": 3}


def test_references_may_be_escaped_and_lead_anywhere_but_into_data():
    inner = obj(label={**STRING, "pattern": "^c"})
    schema = {
        **obj(items={"type": "array", "items": {"$ref": "#/components/A%20B~1C"}}),
        "components": {"A B/C": inner},
    }
    assert fill(plan(schema, "the cars"), CARS, Numbered())["items"][0] == {"label": "car"}
    with pytest.raises(UnfillableSchema):
        plan(schema, "the dogs")
    with pytest.raises(InvalidSchema, match="leads nowhere"):
        plan({**obj(count={"$ref": "#/default"}), "default": {"type": "integer"}}, "the cars")
    with pytest.raises(InvalidSchema, match="not valid"):
        plan(
            {**obj(count={"$ref": "#/components/A"}), "components": {"A": {"type": "integer", "minimum": "x"}}}, "cars"
        )


def test_more_labels_than_one_request_takes_are_told_as_such():
    labels = [f"thing {n}" for n in range(150)]
    schema = obj(items={"type": "array", "items": obj(label={"enum": labels}, mask_url=STRING)})
    with pytest.raises(InvalidSchema, match=r"the schema 150 things, .* 32"):
        plan(schema, "segment everything")
    assert plan(schema, "segment the thing 7").wish.names == ("thing 7",)
    many = obj(**{f"{name}_list": {"type": "array", "items": obj(mask_url=STRING)} for name in "abcdefghijklmnopqrst"})
    assert len(plan(many, "segment everything").wish.names) == 20


def test_a_thousand_labels_may_be_listed():
    labels = [f"thing {n}" for n in range(1200)]
    schema = obj(items={"type": "array", "items": obj(label={"enum": [*labels, "car"]}, mask_url=STRING)})
    assert fill(plan(schema, "the cars"), CARS, Numbered())["items"][0]["label"] == "car"


@pytest.mark.parametrize(
    "pattern", [r"(?=a)b", r"a(?!b)", r"(?<=a)b", r"(?<!a)b", r"(a)\1", r"^(?=a)b|c", "(", "(?x)a b"]
)
def test_what_is_not_matched_in_linear_time_is_refused_by_name(pattern):
    with pytest.raises(InvalidSchema) as refused:
        plan(patterned(pattern), "the cars")
    assert repr(pattern) in refused.value.message


@pytest.mark.parametrize(("pattern", "yes", "no"), [
    (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", ("0.9", "-1", ".5"), ("", "-", "+.", "a")),
    (r"^(?=.*[a-z])(?=.*\d).{3,}$", ("ab1", "1--a"), ("abc", "123", "a1")),
    (r"^(?!(?:x|y)\))z?", ("z", "x"), ("x)", "y)z")),
    (r"[\w-.]", ("-", "."), ("!",)),
    (r"^[a&&b]$", ("&", "a", "b"), ("c",)),
    (r"^[[x]$", ("[", "x"), ("]",)),
    (r"^[^]a]$", ("b",), ("]", "a")),
    (r"^[a~~b-]$", ("~", "-"), ("c",)),
    (r"\p{Lu}", ("É",), ("é",)),
    (r"^img_\w{6}$", ("img_0a1b2c",), ("img_0a1b2c\n", "img_")),
    (r"\/\-\u0041", ("/-A",), ("A",)),
    ("", ("", "x"), ()),
])  # fmt: skip
def test_patterns_match_what_they_say(pattern, yes, no):
    ready = Pattern(pattern)
    assert [text for text in (*yes, *no) if ready.matches(text)] == list(yes)


def test_a_decimal_of_pydantic_is_understood():
    class Scored(BaseModel):
        label: str
        score: Decimal

    shape = model(items=list[Scored])
    found = fill(plan(shape.model_json_schema(), "the cars"), CARS, Numbered())
    assert shape.model_validate(found).items[0].score == Decimal("0.95")


def test_only_properties_that_no_pattern_names_are_additional():
    schema = keyed("^c", additionalProperties=False)
    with pytest.raises(UnfillableSchema):
        plan(schema, "the dogs")
    open_ = keyed("^c", additionalProperties={"type": "integer", "minimum": 1})
    assert fill(plan(open_, "the cars"), CARS, Numbered()) == {"counts": {"car": 2}}


def test_only_so_many_kinds_of_faults_are_mended():
    scene = segmentation(*(mask("car", x, 0, x + 5, 5) for x in range(0, 60, 6)))

    def counts(number):
        names = ["object_" * n + "count" for n in range(number)]
        few = {name: {"type": "integer", "maximum": 6} for name in names}
        items = {"type": "array", "items": obj(label=STRING)}
        return {"type": "object", "properties": {"items": items, **few}, "required": ["items"]}

    assert list(fill(plan(counts(5), "the cars"), scene, Numbered())) == ["items"]
    with pytest.raises(UnsatisfiedSchema, match="count"):
        fill(
            plan(
                counts(11)
                | {
                    "properties": {
                        **counts(11)["properties"],
                        "total": {"type": "integer", "maximum": 6},
                        "n": {"type": "integer", "maximum": 6},
                    }
                },
                "the cars",
            ),
            scene,
            Numbered(),
        )
