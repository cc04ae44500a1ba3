"""The numbered conformance cases that plain HTTP can show; test_client.py has those of the vendor's own clients."""

import base64
import concurrent.futures
import hashlib
import json
import time
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests import fakes
from tests.dialects.fal.calls import (
    AUTO,
    DATA_URI,
    HEIGHT,
    IMAGE,
    KEY,
    PICTURE,
    WIDTH,
    Calls,
    held_up,
    opened,
    serving,
)
from tests.pictures import encoded, scene
from tests.servers import Reply, http_site

from rubylith.engine import grid
from rubylith.engine.decoders import Proposals, measure
from rubylith.engine.engine import Engine
from rubylith.engine.frames import Frame
from rubylith.engine.windows import anything

FIELDS = {"url", "content_type", "file_name", "file_size", "width", "height"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def fal(running):
    return Calls(running)


def pictures_of(output):
    return [output["combined_mask"], *output["individual_masks"]]


def fault(answer):
    """The one fault of a 422."""
    assert answer.status_code == 422, answer.text
    (found,) = answer.json()["detail"]
    return found


def test_case_02_every_picture_has_six_fields_and_can_be_downloaded(fal, running):
    output = fal.run(image_url=DATA_URI).json()
    pictures = pictures_of(output)
    assert len(pictures) >= 4
    for picture in pictures:
        assert set(picture) == FIELDS
        answer = running.http.get(picture["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == picture["content_type"] == "image/png"
        assert int(answer.headers["content-length"]) == len(answer.content) == picture["file_size"]
        assert answer.headers["access-control-allow-origin"] == "*"
        kind, pixels = opened(answer.content)
        assert (kind, pixels.shape) == ("PNG", (HEIGHT, WIDTH))
        assert (picture["width"], picture["height"]) == (WIDTH, HEIGHT)
        assert set(np.unique(pixels)) <= {0, 255}
        assert picture["file_name"].endswith(".png")
    masks = [opened(running.http.get(picture["url"]).content)[1] for picture in pictures]
    assert np.array_equal(masks[0], np.max(masks[1:], axis=0)), "the union"
    areas = [int((mask > 0).sum()) for mask in masks[1:]]
    assert areas == sorted(areas, reverse=True)


def test_case_04_an_id_is_found_under_owner_and_app_and_under_the_full_id(fal):
    order = fal.submit(image_url=DATA_URI).json()
    fal.ended(order)
    for app in ("fal-ai/sam2", AUTO, IMAGE):
        assert fal.get(f"/queue/{app}/requests/{order['request_id']}/status").json()["status"] == "COMPLETED"
        assert "combined_mask" in fal.get(f"/queue/{app}/requests/{order['request_id']}").json()
        assert "combined_mask" in fal.get(f"/queue/{app}/requests/{order['request_id']}/response").json()
    assert fal.get(f"/queue/fal-ai/sam3/requests/{order['request_id']}").status_code == 404


def test_case_05_status_is_202_until_it_has_ended(fal, running):
    with held_up(running) as slow:
        first, second = (fal.submit(image_url=DATA_URI).json() for _ in range(2))
        assert (first["status"], first["logs"], first["metrics"]) == ("IN_QUEUE", None, {})
        working = fal.until(first, lambda status: status["status"] == "IN_PROGRESS" and status["logs"])
        assert {entry["level"] for entry in working["logs"]} == {"INFO"}
        assert fal.get(first["status_url"]).json()["logs"] == []
        answer = fal.get(second["status_url"])
        assert (answer.status_code, answer.json()["status"]) == (202, "IN_QUEUE")
        assert answer.json()["queue_position"] == 0
        assert fal.submit(image_url=DATA_URI).json()["queue_position"] == 1
        slow.held = False
        fal.ended(first)
    answer = fal.get(first["status_url"])
    assert answer.status_code == 200
    assert answer.json()["metrics"]["inference_time"] > 0
    assert {"response_url", "status_url", "cancel_url", "request_id"} <= set(answer.json())


def test_case_06_a_result_fetched_early_is_400_and_an_unknown_id_404(fal, running):
    with held_up(running):
        order = fal.submit(image_url=DATA_URI).json()
        early = fal.get(order["response_url"])
        assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
    for unknown in ("00000000-0000-4000-8000-000000000000", "nothing", "%00"):
        for method, end in (("GET", "/status"), ("GET", "/status/stream"), ("GET", ""), ("PUT", "/cancel")):
            answer = fal.request(method, f"/queue/fal-ai/sam2/requests/{unknown}{end}")
            assert (answer.status_code, answer.json()["status"]) == (404, "NOT_FOUND")
            assert answer.json()["detail"]


def test_case_08_a_run_gives_what_the_queue_gives(fal):
    queued = fal.result(fal.submit(image_url=DATA_URI).json()).json()
    answer = fal.run(image_url=DATA_URI)
    assert answer.headers["x-fal-request-id"]
    assert [p["file_size"] for p in pictures_of(answer.json())] == [p["file_size"] for p in pictures_of(queued)]


def test_case_09_sync_mode_gives_data_uris_and_jpeg_gives_jpeg(fal, running):
    stored = running.built.service.files.objects
    answer = fal.run(image_url=DATA_URI, sync_mode=True)
    kept = stored.list(f"jobs/{answer.headers['x-fal-request-id']}/")
    assert kept == ()
    queued = fal.result(fal.submit(image_url=DATA_URI, sync_mode="true").json()).json()
    for output in (answer.json(), queued):
        for picture in pictures_of(output):
            assert picture["url"].startswith("data:image/png;base64,")
            data = base64.b64decode(picture["url"].partition(",")[2])
            assert len(data) == picture["file_size"]
            assert opened(data)[1].shape == (HEIGHT, WIDTH)
    for picture in pictures_of(fal.run(image_url=DATA_URI, output_format="jpeg").json()):
        assert (picture["content_type"], picture["file_name"][-4:]) == ("image/jpeg", ".jpg")
        answer = running.http.get(picture["url"])
        assert (answer.headers["content-type"], opened(answer.content)[0]) == ("image/jpeg", "JPEG")


def test_case_10_an_http_url_works_and_one_that_answers_404_does_not(fal):
    def answer(received):
        return Reply(200, {}, PICTURE) if received.path == "/a.png" else Reply(404)

    with http_site(answer) as site:
        assert fal.run(image_url=site.url("/a.png")).status_code == 200
        assert fal.result(fal.submit(image_url=site.url("/a.png")).json()).status_code == 200
        for gone in (
            fal.run(image_url=site.url("/b.png")),
            fal.result(fal.submit(image_url=site.url("/b.png")).json()),
        ):
            found = fault(gone)
            assert (found["type"], found["loc"]) == ("file_download_error", ["body", "image_url"])
            assert found["input"] == site.url("/b.png")
    for nothing in (site.url("/a.png"), "ftp://example.org/a.png", "iVBORw0KGgo=", "", "http://", "file:///etc/passwd"):
        order = fal.submit(image_url=nothing).json()
        assert fault(fal.result(order))["type"] == "file_download_error", nothing
        status = fal.ended(order)
        assert status["error"]
        assert status["error_type"] == "file_download_error"


def test_case_11_a_missing_picture_is_told_as_the_result(fal):
    answer = fal.submit(points_per_side=8)
    assert answer.status_code == 200
    for told in (fal.result(answer.json()), fal.run(points_per_side=8)):
        found = fault(told)
        assert (found["type"], found["loc"], found["msg"]) == ("missing", ["body", "image_url"], "Field required")
        assert found["input"] == {"points_per_side": 8}
        assert told.headers["x-fal-billable-units"] == "0"


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("output_format", "bmp", "literal_error"),
        ("output_format", "webp", "literal_error"),
        ("points_per_side", "many", "int_parsing"),
        ("points_per_side", 32.5, "int_from_float"),
        ("points_per_side", 0, "greater_than_equal"),
        ("points_per_side", 65, "less_than_equal"),
        ("pred_iou_thresh", 2, "less_than_equal"),
        ("pred_iou_thresh", "high", "float_parsing"),
        ("stability_score_thresh", -0.1, "greater_than_equal"),
        ("min_mask_region_area", -1, "greater_than_equal"),
        ("min_mask_region_area", None, "int_type"),
        ("sync_mode", "maybe", "bool_parsing"),
        ("image_url", 7, "string_type"),
    ],
)
def test_case_12_a_wrong_value_is_named_with_its_field(fal, field, value, kind):
    given = {"image_url": DATA_URI, field: value}
    found = fault(fal.run(**given))
    assert (found["loc"], found["type"], found["input"]) == (["body", field], kind, value)
    if kind == "literal_error":
        assert found["ctx"] == {"expected": "'jpeg' or 'png'"}
    if value == "many":
        assert fault(fal.result(fal.submit(**given).json())) == found


def test_case_12_numbers_may_come_as_strings_and_unknown_fields_are_passed_over(fal):
    assert fal.run(image_url=DATA_URI, points_per_side="8", pred_iou_thresh="0.9", unheard_of=[1]).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "data:image/png;base64,bm8gcGljdHVyZQ==",
        "data:image/png;base64," + base64.b64encode(PICTURE[:120]).decode(),
        "data:image/jpeg;base64," + base64.b64encode(encoded(scene(64, 64), "JPEG")[:700]).decode(),
        "data:image/png;base64,%%%",
        "data:image/png;base64,",
        "data:image/png",
        "data:application/pdf;base64,JVBERi0xLjQK",
        "data:;base64,\u00fc",
    ],
)
def test_case_13_bytes_that_are_no_picture_are_a_load_error(fal, uri):
    for answer in (fal.run(image_url=uri), fal.result(fal.submit(image_url=uri).json())):
        found = fault(answer)
        assert (found["type"], found["loc"]) == ("image_load_error", ["body", "image_url"])


def test_case_13_a_data_uri_may_lack_its_type_and_its_padding(fal):
    bare = base64.b64encode(PICTURE).decode().rstrip("=")
    assert fal.run(image_url=f"data:;base64,{bare}").status_code == 200


def test_case_13_base64_in_a_data_uri_may_be_escaped_as_in_any_url(fal):
    escaped = quote(base64.b64encode(PICTURE).decode(), safe="")
    assert "%2B" in escaped
    assert fal.run(image_url=f"data:image/png;base64,{escaped}").status_code == 200
    assert fal.run(image_url=f"data:image/png;base64,{escaped}%0g").status_code == 422


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "missing"),
        (b" ", "missing"),
        (b"{", "json_invalid"),
        (b"[]", "model_attributes_type"),
        (b"[1, 2]", "model_attributes_type"),
        (b'"text"', "model_attributes_type"),
        (b"null", "model_attributes_type"),
        (b"\xff\xfe", "json_invalid"),
        (b"1" * 5000, "json_invalid"),
        (b"[" * 100_000, "json_invalid"),
        (b'{"image_url": NaN}', "json_invalid"),
    ],
)
def test_case_14_a_body_that_is_no_object_is_refused_at_once(fal, body, kind):
    for place in (f"/queue/{AUTO}", f"/run/{AUTO}", f"/queue/{IMAGE}", f"/run/{IMAGE}"):
        answer = fal.request("POST", place, content=body, headers={"Content-Type": "application/json"})
        found = fault(answer)
        assert (found["type"], found["loc"]) == (kind, ["body"])
        assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b'{"image_url": "\\ud800", "x": 1e999}', {("image_url",): "file_download_error"}),
        (
            b'{"image_url": "x", "points_per_side": 1e999, "pred_iou_thresh": -1e999}',
            {("points_per_side",): "finite_number", ("pred_iou_thresh",): "greater_than_equal"},
        ),
        (b'{"image_url": {"a": {"b": {"c": {"d": {"e": 1}}}}}}', {("image_url",): "string_type"}),
    ],
)
def test_case_14_what_only_python_or_nobody_takes_for_a_value_is_a_fault_of_its_field(fal, body, faults):
    queued = fal.request("POST", f"/queue/{AUTO}", content=body)
    assert queued.status_code == 200
    for answer in (fal.request("POST", f"/run/{AUTO}", content=body), fal.result(queued.json())):
        assert answer.status_code == 422
        told = {tuple(one["loc"][1:]): one["type"] for one in answer.json()["detail"]}
        assert told == faults


def islands(mask):
    """Areas of the connected parts of a mask."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8), connectivity=8)
    return sorted(stats[1:, cv2.CC_STAT_AREA], reverse=True)


def test_case_15_every_parameter_acts(fal, running):
    noise = np.random.default_rng(3).normal(0, 12, (HEIGHT, WIDTH, 3))
    picture = encoded((scene(HEIGHT, WIDTH) + noise).clip(0, 255).astype(np.uint8))
    uri = "data:image/png;base64," + base64.b64encode(picture).decode()

    def masks(**given):
        output = fal.run(image_url=uri, sync_mode=True, **given).json()
        return [opened(base64.b64decode(p["url"].partition(",")[2]))[1] for p in output["individual_masks"]]

    assert len(masks(pred_iou_thresh=0.99)) <= len(masks(pred_iou_thresh=0.5))
    assert len(masks(stability_score_thresh=1)) < len(masks(stability_score_thresh=0))
    many, few = masks(points_per_side=32, pred_iou_thresh=0.5), masks(points_per_side=2, pred_iou_thresh=0.5)
    assert 0 < len(few) < len(many)
    mended = masks(min_mask_region_area=5000, pred_iou_thresh=0.5)
    assert mended
    assert all(part >= 5000 for mask in mended for part in islands(mask)[1:])


class Blind:
    """A decoder that sees nothing and counts the clicks that it is asked for: they are what takes time."""

    def __init__(self):
        self.asked = 0

    def propose(self, features, points, *, iou_above, offset, valid):
        self.asked += len(points)
        logits = np.zeros((0, 64, 64), np.float32)
        stability, boxes = measure(logits, offset, valid)
        return Proposals(np.zeros(0, np.int64), np.zeros(0, np.float32), stability, boxes, logits)


class Clicked(fakes.FakeSegmenter):
    """Everything by clicks on a grid, as the large models do it."""

    def __init__(self):
        super().__init__("embedded")
        self.decoder = Blind()

    def propose(self, embedding, everything, progress, are_whole=anything):
        frame = Frame.stretched(embedding.size, 256, 64)
        return grid.propose(
            self.decoder, frame, {"all": np.zeros(4)}, everything, progress=progress, are_whole=are_whole
        )


def test_case_15_a_coarse_grid_asks_the_model_far_less(fal, running):
    engine, models = Engine("embedded"), running.built.service.worker.models
    models.get("embedded")
    asked = []
    try:
        for points_per_side in (4, 32):
            engine._segmenter = clicked = Clicked()
            models._loaded["embedded"] = engine
            assert fal.run(image_url=DATA_URI, points_per_side=points_per_side).status_code == 200
            asked.append(clicked.decoder.asked)
    finally:
        models.unload("embedded")
    assert asked == [4 * 4, 32 * 32]


def test_case_15_nothing_found_is_an_empty_list_and_a_black_picture(fal, running):
    output = fal.run(image_url=DATA_URI, pred_iou_thresh=1, stability_score_thresh=1).json()
    assert output["individual_masks"] == []
    assert not opened(running.http.get(output["combined_mask"]["url"]).content)[1].any()


def test_case_16_a_queued_request_is_cancelled_and_a_finished_one_is_not(fal, running):
    with held_up(running) as slow:
        first, second = (fal.submit(image_url=DATA_URI).json() for _ in range(2))
        fal.until(first, lambda status: status["status"] == "IN_PROGRESS")
        answer = fal.request("PUT", second["cancel_url"])
        assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
        status = fal.ended(second)
        assert status["error_type"] == "client_cancelled"
        assert status["metrics"] == {"inference_time": None}
        gone = fal.get(second["response_url"])
        assert (gone.status_code, gone.json()["error_type"]) == (499, "client_cancelled")
        assert gone.headers["x-fal-error-type"] == "client_cancelled"
        assert fal.request("PUT", first["cancel_url"]).status_code == 202
        until = time.monotonic() + 10
        while not slow.stopped and time.monotonic() < until:
            time.sleep(0.02)
        assert (slow.begun, slow.stopped) == (1, 1)
    done = fal.submit(image_url=DATA_URI).json()
    fal.ended(done)
    for order in (done, second):
        answer = fal.request("PUT", order["cancel_url"])
        assert (answer.status_code, answer.json()["status"]) == (400, "ALREADY_COMPLETED")


@pytest.mark.parametrize("word", ["Key", "key", "Bearer", "BEARER"])
def test_case_17_a_key_comes_behind_either_word(running, word):
    headers = {"Authorization": f"{word} {KEY}"}
    assert running.http.post("/fal/rest/storage/upload/initiate", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Key wrong:key", "No user found for Key ID and Secret"),
        ("Bearer wrong", "No user found for Key ID and Secret"),
        ("Key", "Invalid Key Authorization header format"),
        (f"Basic {KEY}", "Invalid Key Authorization header format"),
        (None, "Authentication is required"),
    ],
)
def test_case_17_a_wrong_key_is_401_everywhere(fal, running, header, words):
    order = fal.submit(image_url=DATA_URI).json()
    output = fal.result(order).json()
    headers = {} if header is None else {"Authorization": header}
    one = f"/fal/queue/fal-ai/sam2/requests/{order['request_id']}"
    for method, path in (
        ("POST", f"/fal/queue/{AUTO}"),
        ("POST", "/fal/queue/fal-ai/unheard-of"),
        ("GET", f"{one}/status"),
        ("GET", f"{one}/status/stream"),
        ("GET", one),
        ("PUT", f"{one}/cancel"),
        ("POST", f"/fal/run/{AUTO}"),
        ("POST", "/fal/rest/storage/upload/initiate"),
        ("POST", "/fal/rest/storage/auth/token"),
        ("POST", "/fal/cdn/files/upload"),
        ("POST", "/fal/cdn/files/upload/multipart"),
    ):
        answer = running.http.request(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))
        assert answer.status_code == 401, path
        assert answer.json()["detail"].startswith(words)
    assert running.http.get(output["combined_mask"]["url"], headers=headers).status_code == 200
    assert running.http.get("/fal/rest/.well-known/jwks.json", headers=headers).json()["keys"][0]["crv"] == "Ed25519"


def test_case_17_nobody_sees_the_requests_of_others(fal, running):
    order = fal.submit(image_url=DATA_URI).json()
    other = Calls(running, "plain-secret")
    for method, url in (
        ("GET", order["status_url"]),
        ("GET", f"{order['status_url']}/stream"),
        ("GET", order["response_url"]),
        ("PUT", order["cancel_url"]),
    ):
        assert other.request(method, url).status_code == 404
    assert other.run(image_url=DATA_URI).status_code == 200, "a key without a colon"
    assert fal.result(order).status_code == 200


def signed_by(http, received):
    """Check the signature of a webhook as fal's documentation says."""
    keys = http.get("/fal/rest/.well-known/jwks.json").json()["keys"]
    name = "x-fal-webhook-"

    parts = [received.headers[f"{name}{part}"] for part in ("request-id", "user-id", "timestamp")]
    assert abs(int(parts[2]) - time.time()) < 300
    text = "\n".join([*parts, hashlib.sha256(received.body).hexdigest()]).encode()
    raw = base64.urlsafe_b64decode(keys[0]["x"] + "==")
    Ed25519PublicKey.from_public_bytes(raw).verify(bytes.fromhex(received.headers[f"{name}signature"]), text)
    assert (keys[0]["kty"], keys[0]["use"], keys[0]["alg"]) == ("OKP", "sig", "EdDSA")
    return json.loads(received.body)


def heard(site, count, seconds=90):
    until = time.monotonic() + seconds
    while len(site.received) < count and time.monotonic() < until:
        time.sleep(0.05)
    return site.received


def test_case_18_a_webhook_tells_success_and_failure_and_comes_again(fal, running):
    failing = iter([500])
    with http_site(lambda _: Reply(next(failing, 200))) as site:
        hook = f"?fal_webhook={site.url('/hook%3Fa%3D1').replace(':', '%3A').replace('/', '%2F')}"
        order = fal.submit(query=hook, image_url=DATA_URI).json()
        assert order["gateway_request_id"] == order["request_id"]
        first, second = heard(site, 2)
        for received in (first, second):
            assert received.path == "/hook?a=1"
            told = signed_by(running.http, received)
            assert (told["status"], told["request_id"]) == ("OK", order["request_id"])
            assert told["gateway_request_id"] == order["request_id"]
            assert told["payload"] == fal.result(order).json()
        wrong = fal.submit(query=hook, points_per_side=4).json()
        told = signed_by(running.http, heard(site, 3)[2])
        assert (told["status"], told["error"]) == ("ERROR", "Invalid status code: 422")
        assert told["request_id"] == wrong["request_id"]
        assert told["payload"]["detail"][0]["type"] == "missing"
        assert len(site.received) == 3


def test_case_18_a_webhook_that_nothing_is_sent_to_is_refused_at_once(fal):
    for url in ("http://10.0.0.1/hook", "ftp://example.org", "nonsense"):
        answer = fal.submit(query=f"?fal_webhook={url}", image_url=DATA_URI)
        assert (answer.status_code, answer.json()["error_type"]) == (400, "bad_request")


def proxied(fal, method, target, mount="/fal/proxy", **options):
    headers = {"x-fal-target-url": target} if target else {}
    return fal.http.request(method, mount, headers={**fal.headers, **headers}, **options)


@pytest.mark.parametrize("mount", ["/fal/proxy", "/fal/proxy/", "/api/fal/proxy"])
def test_case_19_the_proxy_takes_every_call_at_one_address(fal, mount):
    queue = "https://queue.fal.run"
    order = proxied(fal, "POST", f"{queue}/{AUTO}", mount, json={"image_url": DATA_URI}).json()
    one = f"{queue}/fal-ai/sam2/requests/{order['request_id']}"
    assert fal.ended(order)["status"] == "COMPLETED", "the URLs lead to this server"
    assert proxied(fal, "GET", f"{one}/status?logs=1", mount).json()["logs"]
    assert "combined_mask" in proxied(fal, "GET", one, mount).json()
    assert proxied(fal, "GET", f"{one}/status/stream", mount).text.startswith("data: ")
    assert proxied(fal, "PUT", f"{one}/cancel", mount).status_code == 400
    assert proxied(fal, "POST", f"https://fal.run/{IMAGE}", mount, json={"image_url": DATA_URI}).status_code == 200
    ticket = proxied(fal, "POST", "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3", mount, json={})
    assert set(ticket.json()) == {"upload_url", "file_url"}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (None, 400),
        ("https://example.org/fal-ai/sam2", 412),
        ("https://queue.fal.run.example.org/x", 412),
        ("https://user@queue.fal.run/x", 412),
        ("https://queue.fal.run:8443/x", 412),
        ("file://queue.fal.run/etc/passwd", 412),
        ("https://[", 412),
        ("nonsense", 412),
    ],
)
def test_case_19_a_missing_or_foreign_target_goes_nowhere(fal, target, status):
    for method in ("GET", "POST", "PUT"):
        answer = proxied(fal, method, target)
        assert answer.status_code == status
        assert answer.json()["detail"]


def test_case_19_nothing_is_sent_to_a_foreign_target(fal):
    with http_site(lambda _: Reply()) as site:
        assert proxied(fal, "GET", site.url("/fal-ai/sam2")).status_code == 412
        assert site.received == []


def test_case_20_a_start_that_comes_too_late_is_504_by_the_users_own_limit(fal, running):
    with held_up(running):
        first = fal.submit(image_url=DATA_URI).json()
        fal.until(first, lambda status: status["status"] == "IN_PROGRESS")
        late = fal.submit(image_url=DATA_URI, headers={"x-fal-request-timeout": "1.2"}).json()
        status = fal.ended(late)
        assert status["error_type"] == "request_timeout"
        answer = fal.get(late["response_url"])
        assert (answer.status_code, answer.json()["error_type"]) == (504, "request_timeout")
        assert answer.headers["x-fal-request-timeout-type"] == "user"
        assert answer.headers["x-fal-error-type"] == "request_timeout"
        assert fal.get(first["status_url"]).json()["status"] == "IN_PROGRESS", "a limit on the start only"


def test_case_20_the_same_holds_for_a_run(fal, running):

    with held_up(running) as slow, concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(fal.run, image_url=DATA_URI)
        until = time.monotonic() + 30
        while not slow.begun and time.monotonic() < until:
            time.sleep(0.02)
        late = fal.run(image_url=DATA_URI, headers={"x-fal-request-timeout": "0.3"})
        assert (late.status_code, late.headers["x-fal-request-timeout-type"]) == (504, "user")
        slow.held = False
        assert first.result().status_code == 200, "a limit on the start only"
    for wrong in ("soon", "-1", "0", "nan", "inf"):
        answer = fal.submit(image_url=DATA_URI, headers={"x-fal-request-timeout": wrong})
        assert (answer.status_code, answer.json()["error_type"]) == (400, "bad_request")
