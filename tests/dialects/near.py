"""Documents near a schema: the right keys with wrong values, values too large, too deep, missing, or given twice."""

import copy
import json
import math

from hypothesis import strategies as st

RAW = "raw:"  # a text that begins so is written as it stands
EXTREMES = (
    None, True, False, 0, -1, 1, 2, 64, 65, 255, 1000, 2**31, 2**63, 2**64, -(2**63), 10**300, 10**400, 0.5,
    -0.0, 1e308, 5e-324, -1e-9, 1.0000001, math.nan, math.inf, -math.inf, "", " ", "0", "1", "1.5", "true",
    "NaN", "\ud800", "\udfff\ud800", "\x00", "\u202e", "\ufeff", "\u0661\u0662", "a" * 5000, "data:", "data:,",
    "data:image/png;base64,", "data:;base64,\ud800", "http://", "http://[", "https://h\u00fc.example/\ud800",
    "http://127.0.0.1:99999/", "file:///etc/passwd", "../../etc/passwd", "%00", "object", "face, car", ".",
    ",,,", [], {}, [[]], [[[]]], [[[[]]]], [None], [{}], [0, 0], [1, 2, 3], [[1, 2]], [[[1, 2]]],
    [[[1e308, -1e308]]], [[0.5, math.nan]], {"": None}, {"points": [[0.5, 0.5]]}, {"points": [], "labels": [1]},
    {"$ref": "#"}, {"type": "object"}, {"url": "x"}, {"__proto__": {}}, RAW + "[" * 3000 + "]" * 3000,
    RAW + '{"a":' * 300 + "1" + "}" * 300, RAW + "1" * 6000, RAW + "-", RAW + "1e999", RAW + "'", RAW + '"\\x"',
    RAW + '"\\ud83d"', RAW + '"\n"', RAW + "nul",
)  # fmt: skip
values = (
    st.sampled_from(EXTREMES).map(copy.deepcopy)  # they are changed where they are put
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )
)


@st.composite
def documents(draw, *bases):
    """JSON texts, each one of `bases` with up to three changes anywhere in it, sometimes with a key given twice."""
    document = json.loads(json.dumps(draw(st.sampled_from(bases))))
    for _ in range(draw(st.integers(1, 3))):
        document = _changed(draw, document)
    text = written(document)
    if text.startswith("{") and text != "{}" and draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(sorted(map(str, document)) or ["x"]))
        text = "{" + json.dumps(name) + ":" + written(draw(values)) + "," + text[1:]
    return text


def written(document):
    """As JSON, and as what only looks like it."""
    marked = json.dumps(document)
    for value in _raws(document):
        marked = marked.replace(json.dumps(value), value.removeprefix(RAW))
    return marked


def _changed(draw, document):
    places = list(_places(document))
    parent, key = draw(st.sampled_from(places)) if places else (None, None)
    what = draw(st.sampled_from(["value", "value", "value", "gone", "more", "many"]))
    if parent is None or (what == "value" and draw(st.integers(0, 30)) == 0):
        return draw(values)
    if what == "gone":
        del parent[key]
    elif what == "more" and isinstance(parent, dict):
        parent[draw(st.text(max_size=8) | st.sampled_from(["n", "prompt", "x", "null", "\ud800"]))] = draw(values)
    elif what == "many" and isinstance(parent[key], list) and parent[key]:
        parent[key] *= draw(st.sampled_from([2, 70, 1100]))
    else:
        parent[key] = draw(values)
    return document


def _places(document):
    """Every value inside, as what holds it and its key there."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in list(items)[:40]:
        yield document, key
        yield from _places(value)


def _raws(document):
    if isinstance(document, str) and document.startswith(RAW):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _raws(value)
    elif isinstance(document, list):
        for value in document:
            yield from _raws(value)
