"""What is read of a request, without a server."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.fal.calls import AUTO, DATA_URI, IMAGE

from rubylith.dialects.fal.errors import Failure, Refused, respond, shown, write_failure
from rubylith.dialects.fal.links import file_url, is_file_url, packed, signed_url, unpacked
from rubylith.dialects.fal.models import MODELS
from rubylith.dialects.fal.read import (
    Notes,
    read_input,
    read_keep_seconds,
    read_objects,
    read_priority,
    read_start_timeout,
    read_switch,
)
from rubylith.dialects.fal.wire import BoxIn, PointIn
from rubylith.domain.errors import InvalidOrder
from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Link
from rubylith.domain.prompt import Everything, ObjectPrompt, Subject
from rubylith.service.orders import write_prompt
from rubylith.service.uploads import Ticket

URL = "https://example.org/a.png"


def read(model=AUTO, **given):
    return read_input(model, json.dumps({"image_url": URL, **given}).encode(), "embedded")


def test_defaults_are_the_vendors():
    request, notes = read()
    assert request.prompt == Everything(32, 0.88, 0.95, min_mask_region_area=100)
    assert (request.source, request.with_pixels) == (Link(URL), False)
    assert notes == Notes("fal-ai/sam2", "auto-segment", "png", picture=URL)
    assert Notes.read(json.loads(json.dumps(notes.write()))) == notes


def test_a_picture_without_prompts_is_cut_by_its_subject_and_apply_mask_needs_pixels():
    request, notes = read(IMAGE, apply_mask="yes", output_format="webp")
    assert (request.prompt, request.with_pixels, notes.apply_mask, notes.output_format) == (
        Subject(),
        True,
        True,
        "webp",
    )


def point(x, y, label=1, **more):
    return PointIn(x=x, y=y, label=label, **more)


def box(x_min, y_min, x_max, y_max, **more):
    return BoxIn(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, **more)


ON, OFF, FAR = Point(5, 5), Point(6, 6, positive=False), Point(50, 50)
NEAR_BOX, FAR_BOX = Box(0, 0, 10, 10), Box(40, 40, 60, 60)


@pytest.mark.parametrize(
    ("points", "boxes", "objects"),
    [
        ([point(5, 5), point(50, 50)], [], [ObjectPrompt((ON, FAR))]),
        ([point(5, 5, object_id=1), point(50, 50, object_id=2)], [], [ObjectPrompt((ON,)), ObjectPrompt((FAR,))]),
        ([point(5, 5), point(6, 6, "0")], [box(0, 0, 10, 10)], [ObjectPrompt((ON, OFF), NEAR_BOX)]),
        (
            [point(50, 50), point(6, 6, 0)],
            [box(0, 0, 10, 10)],
            [ObjectPrompt((OFF,), NEAR_BOX), ObjectPrompt((FAR, OFF))],
        ),
        ([], [box(0, 0, 10, 10), box(40, 40, 60, 60)], [ObjectPrompt((), NEAR_BOX), ObjectPrompt((), FAR_BOX)]),
        (
            [point(5, 5, object_id=1)],
            [box(0, 0, 10, 10, object_id=1), box(40, 40, 60, 60)],
            [ObjectPrompt((ON,), NEAR_BOX), ObjectPrompt((), FAR_BOX)],
        ),
        ([PointIn()], [], [ObjectPrompt((Point(305, 350),))]),
    ],
)
def test_points_and_boxes_make_objects(points, boxes, objects):
    assert list(read_objects(points, boxes).objects) == objects


@pytest.mark.parametrize(
    ("label", "ok"), [(0, True), ("1", True), ("0", True), (2, False), ("on", False), (None, False)]
)
def test_a_label_is_0_or_1_as_a_number_or_a_text(label, ok):
    order, notes = read(IMAGE, prompts=[{"x": 1, "y": 1, "label": label}])
    assert isinstance(order, InvalidOrder) is not ok
    assert ok or notes.faults[0]["loc"] == ["body", "prompts", 0, "label"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"expiration_duration_seconds": 60}', 60),
        ('{"expiration_duration_seconds": 1e400}', 500),
        ('{"expiration_duration_seconds": 0}', None),
        ('{"expiration_duration_seconds": "60"}', None),
        ('{"expiration_duration_seconds": true}', None),
        ('{"initial_acl": {}}', None),
        ("[]", None),
        ("nonsense", None),
    ],
)
def test_how_long_files_are_kept(text, seconds):
    assert read_keep_seconds({"x-fal-object-lifecycle-preference": text}, 500.0) == seconds
    assert read_keep_seconds({"x-fal-object-lifecycle": text}, 500.0) == seconds


def test_priority_start_and_switches():
    assert read_priority({"x-fal-queue-priority": "low"}) > read_priority({"x-fal-queue-priority": "normal"})
    assert read_priority({}) == read_priority({"x-fal-queue-priority": "unheard of"})
    assert read_start_timeout({}) is None
    assert read_start_timeout({"x-fal-request-timeout": "0.1"}) == 0.1
    assert [read_switch(text) for text in ("1", "true", "True", "0", "false", "", None)] == [True] * 3 + [False] * 4


def test_a_file_url_survives_paths_behind_it_and_leads_inside_on_any_host():
    ticket = Ticket("file_" + "a" * 32, "in ü.png", "put", "method=GET&expires=1&signature=s", None)
    url = file_url("http://here/fal", ticket)
    assert is_file_url(url)
    assert "?" not in url
    assert signed_url(url) == f"/v1/objects/files/{ticket.id}?{ticket.get}"
    assert not is_file_url("https://v3.fal.media/files/lion/abc.png")
    assert unpacked(packed(ticket.get)) == ticket.get
    assert unpacked("%%%") == unpacked("_w") == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(DATA_URI),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=12,
)
FIELDS = ("image_url", "sync_mode", "output_format", "points_per_side", "pred_iou_thresh", "prompts", "box_prompts")
WORDS = ("prompt", "negative_prompt", "blur_mask", "max_masks", "point_prompts", "mask_only")
documents = st.dictionaries(st.sampled_from(FIELDS + WORDS), json_values, max_size=7) | json_values
texts = documents.map(lambda document: json.dumps(document).encode()) | st.binary()


def taken(body, model):
    try:
        return read_input(model, body, "embedded")
    except Refused as refused:
        return refused.failure


@given(texts, st.sampled_from(list(MODELS)))
def test_whatever_is_sent_is_an_order_or_a_fault_that_can_be_written_down_and_told(body, model):
    found = taken(body, model)
    if isinstance(found, Failure):
        assert 400 <= found.status < 500
        assert json.loads(write_failure(found).body)["detail"]
        return
    order, notes = found
    written = json.dumps(notes.write())
    assert len(written) < 1_000_000
    if isinstance(order, InvalidOrder):
        assert json.loads(write_failure(Failure(422, notes.faults)).body)["detail"]
    else:
        json.dumps(write_prompt(order.prompt), allow_nan=False)


@given(json_values)
def test_what_is_shown_of_an_input_is_small_and_plain(value):
    assert len(respond(shown({"a": [value] * 100})).body) < 200_000


def test_base64_without_its_prefix_is_told_what_is_missing():
    body = json.dumps({"image_url": "iVBORw0KGgo" * 1000}).encode()
    _, notes = read_input("fal-ai/sam2/auto-segment", body, "embedded")
    (fault,) = notes.faults
    assert (fault["loc"], fault["type"]) == (["body", "image_url"], "string_too_long")
    assert "base64 data:image/" in fault["msg"]
