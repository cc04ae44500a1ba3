"""Ways to call that no case names: spellings, methods, many at once, callers who go away, pages of other origins."""

import base64
import concurrent.futures
import io
import json
import socket
import time

import numpy as np
import PIL.Image
import pytest
from tests.dialects.fal.calls import (
    AUTO,
    DATA_URI,
    HEIGHT,
    IMAGE,
    PICTURE,
    WIDTH,
    Calls,
    held_up,
    opened,
    serving,
)
from tests.pictures import png_that_claims

ORIGIN = {"Origin": "https://studio.example.org"}
RED = [{"x": 35, "y": 45}]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    more = {"RUBYLITH_CORS_ORIGINS": ORIGIN["Origin"], "RUBYLITH_MAX_BODY": "200000", "RUBYLITH_MAX_PIXELS": "1000000"}
    with serving(home, RUBYLITH_KEYS="", RUBYLITH_JOB_SECONDS="3600", **more) as running:
        yield running


@pytest.fixture
def fal(running):
    """Without a key, because the server has none."""
    return Calls(running, key=None)


def pixels_of(fal, **given):
    image = fal.run(IMAGE, image_url=DATA_URI, sync_mode=True, **given).json()["image"]
    return opened(base64.b64decode(image["url"].partition(",")[2]))[1]


def square(x, y, side):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def iou(mask, wanted):
    return (mask & wanted).sum() / (mask | wanted).sum()


def test_points_and_boxes_cut_what_they_mean(fal):
    red, green = square(10, 20, 50), square(80, 10, 40)
    assert iou(pixels_of(fal, prompts=RED) > 127, red) > 0.9
    box = {"x_min": 75, "y_min": 5, "x_max": 125, "y_max": 55}
    assert iou(pixels_of(fal, box_prompts=[box]) > 127, green) > 0.9
    assert iou(pixels_of(fal, prompts=RED, box_prompts=[box]) > 127, red | green) > 0.9


def test_apply_mask_leaves_the_picture_where_the_mask_is(fal):
    picture = opened(PICTURE)[1]
    mask = pixels_of(fal, prompts=RED) > 127
    for output_format in ("png", "webp"):
        shown = pixels_of(fal, prompts=RED, apply_mask=True, output_format=output_format)
        assert np.array_equal(shown[..., :3], picture * mask[..., None])
        assert np.array_equal(shown[..., 3], mask * 255)
    shown = pixels_of(fal, prompts=RED, apply_mask=True, output_format="jpeg")
    assert np.abs(shown.astype(int) - picture * mask[..., None]).mean() < 4


def test_slashes_and_a_head_do_no_harm(fal):
    order = fal.request("POST", f"/queue//{AUTO}/", json={"image_url": DATA_URI}).json()
    fal.ended(order)
    one = order["request_id"]
    assert fal.get(f"/queue//fal-ai/sam2/requests/{one}/status").status_code == 200
    assert fal.request("HEAD", f"/queue/fal-ai/sam2/requests/{one}/status").status_code == 200
    assert fal.request("HEAD", f"/queue/fal-ai/sam2/requests/{one.upper()}").content == b""
    assert fal.request("POST", f"/run/{AUTO}/", json={"image_url": DATA_URI}).status_code == 200
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/rest/tokens/", 404),
        ("GET", f"/run/{AUTO}", 405),
        ("DELETE", f"/queue/{AUTO}", 405),
        ("PUT", "/cdn/uploads/nothing", 404),
        ("PUT", "/cdn/uploads/file_00?method=PUT", 403),
        ("PUT", "/cdn/uploads/file_00/x", 404),
        ("GET", "/cdn/files/file_00/x/y", 403),
    ):
        answer = fal.request(method, path)
        assert (answer.status_code, type(answer.json()["detail"])) == (status, str), path


def test_a_low_priority_waits_behind_all_normal_ones(fal, running):
    with held_up(running) as slow:
        first = fal.submit(image_url=DATA_URI).json()
        fal.until(first, lambda status: status["status"] == "IN_PROGRESS")
        low = fal.submit(image_url=DATA_URI, headers={"x-fal-queue-priority": "low"}).json()
        normal = fal.submit(image_url=DATA_URI, headers={"x-fal-queue-priority": "normal"}).json()
        assert fal.get(low["status_url"]).json()["queue_position"] == 1
        assert fal.get(normal["status_url"]).json()["queue_position"] == 0
        full = fal.submit(query="?fal_max_queue_length=1", image_url=DATA_URI)
        assert (full.status_code, type(full.json()["detail"])) == (429, str)
        assert fal.submit(query="?fal_max_queue_length=2", image_url=DATA_URI).status_code == 200
        assert fal.submit(query="?fal_max_queue_length=few", image_url=DATA_URI).status_code == 400
        slow.held = False
        fal.ended(low)


def test_files_stay_as_long_as_the_caller_wants(fal, running):
    header = {"x-fal-object-lifecycle-preference": json.dumps({"expiration_duration_seconds": 600})}
    given = {"image_url": DATA_URI, "prompts": RED}
    objects = running.built.service.files.objects
    for seconds, headers in ((600, header), (3600, {})):
        queued = fal.submit(IMAGE, headers=headers, **given).json()
        for answer in (fal.result(queued), fal.run(IMAGE, headers=headers, **given)):
            (stored,) = objects.list(f"jobs/{answer.headers['x-fal-request-id']}/")
            assert (stored.expires_at - stored.created_at).total_seconds() == pytest.approx(seconds, abs=1)
    ticket = fal.request("POST", "/rest/storage/upload/initiate", json={}, headers=header).json()
    assert fal.request("PUT", ticket["upload_url"], content=PICTURE).content == b""
    (stored,) = (f for f in objects.list("files/") if f.key.rpartition("/")[2] in ticket["file_url"])
    assert (stored.expires_at - stored.created_at).total_seconds() == pytest.approx(600, abs=1)


def test_nobody_has_files_kept_for_longer_than_the_operator_keeps_them(fal, running):
    header = {"x-fal-object-lifecycle": json.dumps({"expiration_duration_seconds": 10**9})}
    given = {"image_url": DATA_URI, "prompts": RED}
    objects = running.built.service.files.objects
    for answer in (
        fal.result(fal.submit(IMAGE, headers=header, **given).json()),
        fal.run(IMAGE, headers=header, **given),
    ):
        (stored,) = objects.list(f"jobs/{answer.headers['x-fal-request-id']}/")
        assert (stored.expires_at - stored.created_at).total_seconds() == pytest.approx(3600, abs=1)
    ticket = fal.request("POST", "/rest/storage/upload/initiate", json={}, headers=header).json()
    assert fal.request("PUT", ticket["upload_url"], content=b"x").status_code == 200
    (stored,) = (f for f in objects.list("files/") if f.key.rpartition("/")[2] in ticket["file_url"])
    assert (stored.expires_at - stored.created_at).total_seconds() == pytest.approx(86_400, abs=1)


@pytest.mark.parametrize("model", [IMAGE, "fal-ai/sam-3/image"])
def test_boxes_times_points_are_limited_together(fal, model):
    points = [{"x": 1, "y": 1, "label": 0}] * 200
    boxes = [{"x_min": 1, "y_min": 1, "x_max": 9, "y_max": 9}] * 200
    given = {"image_url": DATA_URI, "box_prompts": boxes, "prompts": points, "point_prompts": points}
    for told in (fal.run(model, **given), fal.result(fal.submit(model, **given).json())):
        (fault,) = told.json()["detail"]
        assert (told.status_code, fault["type"], fault["loc"]) == (422, "sequence_too_long", ["body", "box_prompts"])
        assert fault["ctx"] == {"max_length": 10_000}


def test_16_runs_at_once_all_answer_the_same(fal):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: fal.run(IMAGE, image_url=DATA_URI, prompts=RED), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["image"]["file_size"] for answer in answers}) == 1
    assert len({answer.json()["image"]["url"] for answer in answers}) == 16


def test_a_run_that_nobody_waits_for_is_stopped(fal, running):
    body = json.dumps({"image_url": DATA_URI}).encode()
    host, port = running.address.removeprefix("http://").split(":")
    with held_up(running) as slow:
        with socket.create_connection((host, int(port))) as caller:
            head = f"POST /fal/run/{AUTO} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wait_for(lambda: slow.begun)
        wait_for(lambda: slow.stopped)


def wait_for(is_so, seconds=30):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_body_over_the_limit_is_413_and_a_larger_file_is_taken(fal):
    for path in (f"/queue/{AUTO}", f"/run/{AUTO}"):
        answer = fal.request("POST", path, content=b"x" * 300_000)
        assert (answer.status_code, answer.json()["error_type"]) == (413, "bad_request")
    ticket = fal.request("POST", "/rest/storage/upload/initiate", json={"content_type": "image/png"}).json()
    assert fal.request("PUT", ticket["upload_url"], content=PICTURE + bytes(300_000)).status_code == 200
    assert fal.run(image_url=ticket["file_url"]).status_code == 200
    assert fal.request("POST", "/cdn/files/upload", content=bytes(300_000)).status_code == 200


def test_odd_pictures_are_cut_or_named(fal):
    def run(data, kind="png"):
        return fal.run(image_url=f"data:image/{kind};base64,{base64.b64encode(data).decode()}")

    found = run(png_that_claims(2000, 2000)).json()["detail"][0]
    assert (found["type"], found["ctx"]) == ("image_too_large", {"max_height": 1000, "max_width": 1000})
    for shape, mode in (((1, 1), "RGB"), ((1, 300), "L"), ((64, 48), "RGBA"), ((30, 40), "P")):
        buffer = io.BytesIO()
        PIL.Image.new(mode, shape[::-1]).save(buffer, "PNG")
        output = run(buffer.getvalue()).json()
        assert (output["combined_mask"]["height"], output["combined_mask"]["width"]) == shape


def test_pages_of_named_origins_may_call_and_read_the_requests_id(fal):
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-fal-target-url",
    }
    preflight = fal.request("OPTIONS", "/proxy", headers=ORIGIN | asked)
    assert preflight.status_code == 200
    assert "x-fal-target-url" in preflight.headers["access-control-allow-headers"]
    answer = fal.run(AUTO, headers=ORIGIN, points_per_side=1)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert "x-fal-request-id" in answer.headers["access-control-expose-headers"]


def test_what_is_sent_to_an_upload_must_hold_together(fal):
    ticket = fal.request("POST", "/rest/storage/upload/initiate-multipart", json={"file_name": "a.png"}).json()
    base, _, query = ticket["upload_url"].partition("?")
    part = fal.request("PUT", f"{base}/1?{query}", content=PICTURE).json()
    assert set(part) == {"partNumber", "etag"}
    for wrong, status in (
        ({"parts": []}, 400),
        ({"parts": [{"partNumber": 2, "etag": "x"}]}, 400),
        ({}, 422),
        ([], 422),
    ):
        assert fal.request("POST", f"{base}/complete?{query}", json=wrong).status_code == status
    assert fal.get(ticket["file_url"]).status_code == 404
    assert fal.request("POST", f"{base}/complete?{query}", json={"parts": [part]}).status_code == 200
    assert fal.get(ticket["file_url"]).content == PICTURE
    assert fal.request("PUT", f"{base}/1?{query[:-1]}", content=PICTURE).status_code == 403
    assert fal.get(ticket["file_url"].replace("/cdn/files/file_", "/cdn/files/file_0")).status_code in {403, 404}


def test_links_to_results_of_a_run_are_not_looked_up(fal, running, monkeypatch):
    def looked_up(*_, **__):
        raise AssertionError

    monkeypatch.setattr(running.built.service.files.objects, "url", looked_up)
    url = fal.run(IMAGE, image_url=DATA_URI, prompts=RED).json()["image"]["url"]
    assert fal.http.get(url).status_code == 200


@pytest.mark.parametrize("path", ["//queue/fal-ai/sam2/requests/{}/status", "/queue/fal-ai/sam2//requests/{}//status/"])
def test_slashes_too_many_are_passed_over(fal, path):
    order = fal.submit(IMAGE, image_url=DATA_URI, prompts=RED).json()
    fal.ended(order)
    for request_id in (order["request_id"], order["request_id"].upper()):
        status = fal.get(path.format(request_id)).json()
        assert (status["status"], status["request_id"]) == ("COMPLETED", order["request_id"])


@pytest.mark.parametrize(
    ("model", "field", "most"),
    [
        (IMAGE, "image_url", 8192),
        ("fal-ai/evf-sam", "prompt", 4096),
        ("fal-ai/evf-sam", "negative_prompt", 4096),
        ("fal-ai/sam-3/image", "prompt", 4096),
    ],
)
def test_texts_have_a_limit(fal, model, field, most):
    given = {"image_url": DATA_URI, "prompt": "face", field: "http://x/" + "a" * most}
    answer = fal.run(model, **given)
    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["type"], fault["loc"]) == (422, "string_too_long", ["body", field])
    assert fault["ctx"] == {"max_length": most}
