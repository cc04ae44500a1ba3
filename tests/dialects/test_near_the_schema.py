"""Whatever comes near a vendor's documents is answered in that vendor's own form: never a fault of ours or a hang."""

import base64
import contextlib
import email
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import fakes
from tests.dialects.near import documents
from tests.pictures import encoded, scene
from tests.running import serve

from rubylith.engine.engine import Engine

# The server runs in threads of this process and draws random numbers while hypothesis looks.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

PICTURE = encoded(scene(256, 256))
BASE64 = base64.b64encode(PICTURE).decode()
URI = f"data:image/png;base64,{BASE64}"
MULTIPART = "multipart/form-data; multipart/form-data"
patient = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

PRODIA = (
    {"type": "inference.segment.v1", "config": {}},
    {"type": "inference.mask-background.v1"},
    {"type": "inference.remove-background.v1", "config": {}},
    {"type": "inference.segment.v2", "config": {"prompt": "object", "confidence_threshold": 0.5}},
)
POINTS = [{"x": 30, "y": 40, "label": 1, "object_id": 1}, {"x": 90, "y": 40, "label": 0}]
BOXES = [{"x_min": 5, "y_min": 5, "x_max": 90, "y_max": 90}]
FAL = {
    "fal-ai/sam2/auto-segment": {
        "image_url": URI, "sync_mode": True, "output_format": "jpeg", "points_per_side": 8, "pred_iou_thresh": 0.5,
        "stability_score_thresh": 0.5, "min_mask_region_area": 10,
    },
    "fal-ai/sam2/image": {
        "image_url": URI, "prompts": POINTS, "box_prompts": BOXES, "apply_mask": True, "sync_mode": True,
    },
    "fal-ai/evf-sam": {
        "image_url": URI, "prompt": "object", "negative_prompt": "face", "mask_only": False, "fill_holes": True,
        "expand_mask": 3, "blur_mask": 5, "revert_mask": True, "sync_mode": True,
    },
    "fal-ai/sam-3/image": {
        "image_url": URI, "prompt": "object", "return_multiple_masks": True, "max_masks": 2, "include_scores": True,
        "include_boxes": True, "sync_mode": True, "output_format": "webp", "apply_mask": False,
    },
    "fal-ai/sam-3/image-rle": {"image_url": URI, "point_prompts": POINTS, "box_prompts": BOXES, "sync_mode": True},
}  # fmt: skip
AIREFINERY = (
    {"model": "syscv-community/sam-hq-vit-base", "image_prompt": BASE64, "segment_prompt": [[[30, 40], [90, 40]]]},
    {
        "model": "embedded",
        "image_prompt": URI,
        "segment_prompt": [[[[30, 40]], [[90, 40]]]],
        "extra_body": None,
        "n": 1,
    },
)
TENGR = (
    {
        "imageUrl": URI, "method": "points", "outputFormat": "png", "maskExpand": 2, "maskTaperedCorners": False,
        "maskBlurSigma": 1.5, "maskKernelSize": 3, "pointsPositive": {"points": [[0.2, 0.3]], "labels": [1]},
        "pointsNegative": {"points": [[0.8, 0.8]]}, "pointsRefinementSteps": 1, "pointsMultimask": True,
        "pointsBestMask": False,
    },
    {
        "imageUrl": URI, "method": "text", "textPrompt": "object", "textConfidence": 0.1, "textMaxDetections": 2,
        "textCombineMasks": False, "webhook": "https://example.org/hook",
    },
)  # fmt: skip
PART = {"type": "image_url", "image_url": {"url": URI, "detail": "auto"}}
SAY = {"type": "text", "text": "segment the object"}
NULLABLE = {"anyOf": [{"type": "number"}, {"type": "null"}]}
SCHEMA = {
    "type": "object", "required": ["found"],
    "properties": {"found": {"type": "array", "items": {"$ref": "#/$defs/One"}}, "count": {"type": "integer"}},
    "$defs": {"One": {"type": "object", "properties": {
        "label": {"type": "string"}, "mask_url": {"type": "string"}, "score": NULLABLE,
        "xywh": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}}}},
}  # fmt: skip
CHATS = tuple(
    {"model": "vlm-agent-1", "messages": [{"role": "user", "content": [SAY, PART]}], "response_format": form, **more}
    for form, more in (
        ({"type": "json_schema", "schema": SCHEMA}, {"toolsets": ["image"], "session_id": "a-b"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}, {"n": 1}),
        ({"type": "json_object"}, {"stream": True, "stream_options": {"include_usage": True}}),
        (None, {"temperature": 0, "metadata": {}}),
    )
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_FETCH_SECONDS": "1"}) as running:
        engine = Engine("embedded")
        engine._segmenter = fakes.FakeSegmenter("embedded")
        models = running.built.service.worker.models
        models.get("embedded")
        models._loaded["embedded"] = engine
        yield running


def document_of(answer):
    """The JSON of an answer, which says that it is some."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text[:300]
    return json.loads(answer.text)


def is_prodias(answer):
    assert answer.status_code in {200, 201, 400}, answer.text[:300]
    kind = answer.headers["content-type"]
    if not kind.startswith("multipart/form-data; boundary="):
        assert answer.request.headers["accept"] != MULTIPART
        if kind.startswith("image/"):
            return
        job = document_of(answer)
    else:
        whole = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.content)
        (part,) = (p for p in whole.get_payload() if p.get_param("name", header="content-disposition") == "job")
        job = json.loads(part.get_payload(decode=True))
    assert job["id"]
    assert (answer.status_code == 400) == ("error" in job)


def is_fals(answer):
    assert answer.status_code < 500, answer.text[:300]
    document = document_of(answer)
    if answer.status_code >= 400:
        assert document["detail"]
    if answer.status_code == 422:
        assert all({"loc", "msg", "type"} <= set(fault) and fault["loc"][0] == "body" for fault in document["detail"])


def is_airefinerys(answer):
    assert answer.status_code in {200, 400, 401, 404, 413, 422}, answer.text[:300]
    document = document_of(answer)
    assert ("detail" in document) == (answer.status_code != 200)
    if answer.status_code == 200 and "data" in document:
        assert len(document["data"]) == 1


def is_tengrs(answer):
    assert answer.status_code in {200, 202, 400, 404}, answer.text[:300]
    document = document_of(answer)
    if answer.status_code >= 400:
        assert document["statusCode"] == answer.status_code
        assert document["message"]
        assert isinstance(document["message"], str)


def is_vlmruns(answer):
    assert answer.status_code < 500, answer.text[:300]
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]" or set(json.loads(events[-1])) == {"error"}
        return
    document = document_of(answer)
    if answer.status_code >= 400:
        assert set(document["error"]) == {"message", "type", "param", "code"}


def send(running, path, text, **headers):
    sent = {"Content-Type": "application/json", **headers}
    return running.http.post(path, content=text.encode("utf-8", "surrogatepass"), headers=sent, timeout=30)


@patient
@given(job=documents(*PRODIA), accept=st.sampled_from([MULTIPART, "image/png", "application/json", "*/*"]))
def test_prodia(running, job, accept):
    data = job.encode("utf-8", "surrogatepass")
    files = [("input", ("image.jpg", PICTURE, "image/jpeg")), ("job", ("job.json", data, "application/json"))]
    is_prodias(running.http.post("/prodia/v2/job", files=files, headers={"Accept": accept}, timeout=30))
    is_prodias(send(running, "/prodia/v2/job", job, Accept=accept))


@pytest.mark.parametrize("model", FAL)
@patient
@given(data=st.data())
def test_fal_runs(running, model, data):
    is_fals(send(running, f"/fal/run/{model}", data.draw(documents(FAL[model]))))


@settings(patient, max_examples=40)
@given(data=st.data(), model=st.sampled_from(list(FAL)))
def test_fal_queue(running, data, model):
    answer = send(running, f"/fal/queue/{model}", data.draw(documents(FAL[model])))
    is_fals(answer)
    if answer.status_code == 200:
        job_id = answer.json()["request_id"]
        running.finished(job_id)
        is_fals(running.http.get(answer.json()["status_url"]))
        is_fals(running.http.get(answer.json()["response_url"]))


@patient
@given(
    text=documents({"content_type": "image/png", "file_name": "a.png"}, {"parts": [{"partNumber": 1, "etag": "x"}]}),
    lifetime=documents({"expiration_duration_seconds": 60}),
)
def test_fal_uploads(running, text, lifetime):
    life = {"x-fal-object-lifecycle": lifetime.encode("latin-1", "replace").replace(b"\n", b" ")[:4000]}
    answer = send(running, "/fal/rest/storage/upload/initiate-multipart", text, **life)
    is_fals(answer)
    ticket = running.http.post("/fal/rest/storage/upload/initiate-multipart", json={}).json()
    is_fals(send(running, ticket["upload_url"].replace("?", "/complete?"), text))


@patient
@given(text=documents(*AIREFINERY), key=documents({"api_key": "x"}))
def test_airefinery(running, text, key):
    is_airefinerys(send(running, "/airefinery/v1/images/segmentations", text))
    is_airefinerys(send(running, "/airefinery/authentication/validate", key))


@patient
@given(text=documents(*TENGR), background=documents({"imageUrl": URI, "outputFormat": "png", "imageFormat": "webp"}))
def test_tengr(running, text, background):
    is_tengrs(send(running, "/tengr/v2/artworks/segmentation", text))
    is_tengrs(send(running, "/tengr/v2/artworks/remove-background", background))


@patient
@given(query=st.dictionaries(st.sampled_from(["offset", "limit", "status", "artworkType", "x"]), st.text(max_size=25)))
def test_tengr_lists(running, query):
    with contextlib.suppress(UnicodeEncodeError):  # a lone surrogate cannot be sent in a query
        is_tengrs(running.http.get("/tengr/v2/artworks", params=query))


@pytest.mark.parametrize("form", [{"type": []}, {"type": {}, "schema": SCHEMA}, {"type": None}, {"json_schema": []}])
def test_vlmrun_told_of_no_kind_of_format(running, form):
    text = json.dumps({**CHATS[0], "response_format": form})
    answer = send(running, "/vlmrun/v1/openai/chat/completions", text)
    is_vlmruns(answer)
    assert answer.status_code == 400 or "type" not in form


@patient
@given(text=documents(*CHATS), file=documents({"filename": "a.png", "purpose": "assistants", "expiration": 60}))
def test_vlmrun(running, text, file):
    is_vlmruns(send(running, "/vlmrun/v1/openai/chat/completions", text))
    is_vlmruns(send(running, "/vlmrun/v1/files/presigned-url", file))
