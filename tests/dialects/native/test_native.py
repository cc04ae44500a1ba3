"""The native API through a real server, with the embedded model on a drawn picture."""

import base64
import hashlib
import io
import json
import zipfile

import numpy as np
import PIL.Image
import pytest
from tests.running import serve

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE
from rubylith.service.files import Files

WIDTH, HEIGHT = 160, 120


def drawing(seed=0):
    """A red square on grey ground, as PNG."""
    pixels = np.random.default_rng(seed).normal(120, 3, (HEIGHT, WIDTH, 3))
    pixels[30:90, 50:110] = (200, 30, 40)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = drawing()
DATA_URI = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
CLICK = {"points": [[80, 60]]}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def http(running):
    return running.http


def post(http, path="/v1/segment", *, headers=None, **request):
    return http.post(path, json={"image": DATA_URI, **request}, headers=headers)


def bitmap_of(mask):
    height, width = mask["segmentation"]["size"]
    return RLE.from_coco(Size(height, width), mask["segmentation"]["counts"]).bitmap()


def iou_with_square(mask):
    square = np.zeros((HEIGHT, WIDTH), bool)
    square[30:90, 50:110] = True
    bitmap = bitmap_of(mask)
    return (bitmap & square).sum() / (bitmap | square).sum()


def test_a_click_gives_the_square_with_provenance(http):
    answer = post(http, **CLICK)
    document = answer.json()
    assert answer.status_code == 200
    assert document["image"] | {"path": "", "digest": ""} == {
        "path": "",
        "width": WIDTH,
        "height": HEIGHT,
        "digest": "",
    }
    assert len(document["masks"]) == 1
    assert iou_with_square(document["masks"][0]) > 0.9
    assert (document["provenance"]["model"], document["model"]) == ("embedded", "embedded+nano")
    assert document["provenance"]["options"]["kind"] == "objects"
    assert set(document["timings"]) >= {"open", "embed", "segment", "encode"}


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ({"boxes": [[45, 25, 115, 95]]}, 1),
        ({"boxes": [[45, 25, 115, 95], [0, 0, 40, 40]]}, 2),
        ({"points": [[80, 60], [10, 10, 0]], "boxes": [[45, 25, 115, 95]]}, 1),
        ({"objects": [{"points": [[80, 60]]}, {"box": [45, 25, 115, 95]}]}, 2),
        ({"points": [[80, 60, 1]], "multimask": True}, None),
    ],
)
def test_every_way_to_point_at_things(http, request_, count):
    masks = post(http, **request_).json()["masks"]
    assert 1 <= len(masks) <= 3 if count is None else len(masks) == count
    assert iou_with_square(masks[0]) > 0.8


def test_everything_without_a_prompt_and_options_act(http):
    everything = post(http).json()["masks"]
    assert max(iou_with_square(mask) for mask in everything) > 0.9
    assert len(post(http, options={"max_masks": 1}).json()["masks"]) == 1


def test_of_a_search_that_was_cut_short_the_answer_says_so(http):
    options = {"crop_n_layers": 1}
    assert post(http, options={**options, "max_seconds": 0}).json()["truncated"] is True
    assert "truncated" not in post(http, options={**options, "max_seconds": 600}).json()


def test_each_phrase_may_have_a_threshold_of_its_own(http):
    masks = post(http, text=["red", "grey"], threshold=[0.5, 0.9]).json()["masks"]
    assert {mask["label"]["name"] if isinstance(mask["label"], dict) else mask["label"] for mask in masks} == {
        "red",
        "grey",
    }


def test_clicks_come_back_with_what_they_meant(http):
    clicks = {"points": [[80, 60], [10, 10, 0], [90.5, 60, 1]]}
    (mask,) = post(http, **clicks).json()["masks"]
    assert (mask["point_coords"], mask["point_labels"]) == ([[80, 60], [10, 10], [90.5, 60]], [1, 0, 1])


def test_a_mask_goes_back_as_previous(http):
    first = post(http, **CLICK).json()["masks"][0]
    again = post(http, points=[[80, 60], [55, 35]], previous=first["segmentation"])
    assert again.status_code == 200
    assert iou_with_square(again.json()["masks"][0]) > 0.9
    whole = post(http, points=[[80, 60], [55, 35]], previous=first)
    assert whole.json()["masks"] == again.json()["masks"]
    within = post(http, objects=[{"points": [[80, 60], [55, 35]], "previous": first}])
    assert within.json()["masks"] == again.json()["masks"]


@pytest.mark.parametrize("previous", [{"segmentation": {}}, {"segmentation": 5}, {"segmentation": None}, {"id": 1}, 5])
def test_what_is_no_mask_to_correct_is_named(http, previous):
    answer = post(http, points=[[80, 60]], previous=previous)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("previous")


@pytest.mark.parametrize(
    ("previous", "fields"),
    [
        ({"segmentation": {}}, ["segmentation.size", "segmentation.counts"]),
        ({"id": 1, "segmentation": {"size": [5], "counts": ""}}, ["segmentation.size.1"]),
        ({"segmentation": 5}, ["segmentation"]),
        ({"segmentation": {"size": [5, 5], "counts": "", "more": 1}}, ["segmentation.more"]),
        ({"size": [5, 5]}, ["counts"]),
        ({"size": 5, "counts": ""}, ["size"]),
        ({"id": 1}, [""]),
        ({}, [""]),
        ("mask.png", [""]),
    ],
)
def test_a_fault_of_a_mask_to_correct_is_named_as_it_was_sent(http, previous, fields):
    for where, asked in (
        ("previous", {"points": [[80, 60]], "previous": previous}),
        ("objects.0.previous", {"objects": [{"points": [[80, 60]], "previous": previous}]}),
    ):
        answer = post(http, **asked)
        assert answer.status_code == 422
        assert [fault["field"] for fault in answer.json()["errors"]] == [
            f"{where}.{name}".rstrip(".") for name in fields
        ]
    if fields == [""]:
        assert answer.json()["errors"][0]["message"].startswith("Give a mask of an earlier answer")


def test_the_picture_may_come_as_a_part_or_alone(http):
    form = http.post(
        "/v1/segment", files={"image": ("a.png", PICTURE, "image/png")}, data={"request": json.dumps(CLICK)}
    )
    as_file = http.post(
        "/v1/segment", files={"image": PICTURE, "request": ("r.json", json.dumps(CLICK), "application/json")}
    )
    alone = http.post("/v1/segment", content=PICTURE, headers={"Content-Type": "image/png"})
    assert [a.status_code for a in (form, as_file, alone)] == [200, 200, 200]
    assert form.json()["masks"] == as_file.json()["masks"] == post(http, **CLICK).json()["masks"]
    assert len(alone.json()["masks"]) > 1


@pytest.mark.parametrize(
    ("request_", "headers", "media_type"),
    [
        ({"format": "overlay"}, {}, "image/png"),
        ({"format": "coco"}, {}, "application/json"),
        ({"format": "svg"}, {}, "image/svg+xml"),
        ({"format": "zip"}, {}, "application/zip"),
        ({"format": ["overlay", "yolo"]}, {}, "application/zip"),
        ({}, {"Accept": "image/png"}, "image/png"),
        ({}, {"Accept": "application/zip"}, "application/zip"),
        ({}, {"Accept": "text/html, */*"}, "application/json"),
    ],
)
def test_format_or_accept_choose_the_answer(http, request_, headers, media_type):
    answer = post(http, **CLICK, **request_, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media_type


def test_zip_and_multipart_hold_the_masks(http):
    archive = zipfile.ZipFile(io.BytesIO(post(http, **CLICK, format="zip").content))
    assert {"overlay.png", "masks/001.png", "masks.json"} <= set(archive.namelist())
    found = np.asarray(PIL.Image.open(io.BytesIO(archive.read("masks/001.png")))) == 255
    assert np.array_equal(found, bitmap_of(post(http, **CLICK).json()["masks"][0]))
    parts = post(http, boxes=[[45, 25, 115, 95], [0, 0, 40, 40]], headers={"Accept": "multipart/form-data"})
    boundary = parts.headers["content-type"].partition("boundary=")[2].encode()
    assert parts.content.count(b"--" + boundary) == 3
    assert parts.content.count(b"\x89PNG") == 2


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"points": [[500, 60]]}, 400, "(500, 60) lies outside the picture, which is 160 x 120"),
        ({"boxes": [[5, 5, 5, 9]]}, 400, "has no area"),
        ({"points": [[1, 1]], "options": {"points_per_side": 8}}, 400, "points_per_side"),
        ({"points": [[1, 1]], "objects": [{"points": [[2, 2]]}]}, 400, "points and objects"),
        ({"points": []}, 400, "points is an empty list"),
        ({"boxes": []}, 400, "boxes is an empty list"),
        ({"objects": []}, 400, "objects is an empty list"),
        ({"points": [[1, 1]], "objects": []}, 400, "objects is an empty list"),
        ({"model": "sam9"}, 400, "sam9"),
        ({"format": "bmp"}, 400, "bmp"),
        ({"options": {"points_per_side": 0}}, 422, "points_per_side"),
        ({"pints": [[1, 1]]}, 422, "pints"),
        ({"label": True}, 422, "label: Give it in options"),
        ({"max_masks": 3}, 422, "max_masks: Give it in options"),
        ({"points": [[1]]}, 422, "points"),
        ({"text": "red", "threshold": 2}, 422, "threshold"),
        ({"text": "red", "threshold": []}, 422, "one for each"),
        ({"text": "red, blue", "threshold": [0.1, 0.2, 0.3]}, 400, "3 thresholds were given for 2 phrases"),
        ({"text": "red", "detector": "/etc"}, 422, "detector"),
        ({"text": "dog", "detector": "nobody"}, 400, "no detector called 'nobody'"),
        ({"image": "file_unknown"}, 404, "file_unknown"),
        ({"image": "data:image/png;base64,AAAA"}, 422, "data URI"),
        ({"image": "data:image/png;base64,%%%"}, 422, "base64"),
        ({"image": "http://127.0.0.1:1/a.png"}, 400, "127.0.0.1"),
        ({"image": "ftp://example.org/a.png"}, 400, "http or https"),
        ({"image": "file:///etc/passwd"}, 400, "http or https"),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(http, request_, status, words):
    answer = post(http, **request_)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in problem["detail"] + json.dumps(problem.get("errors", ""))
    assert problem["hint"]
    assert problem["status"] == status


def test_a_broken_picture_is_told_with_422(http):
    answer = http.post("/v1/segment", content=PICTURE[:200], headers={"Content-Type": "image/png"})
    assert answer.status_code == 422


def test_a_job_ends_with_its_result_and_links_that_need_no_key(running, http):
    answer = post(http, "/v1/jobs", **CLICK, format=["overlay", "png"])
    job = answer.json()
    assert (answer.status_code, job["state"]) == (202, "queued")
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    ended = running.finished(job["id"])
    assert ended["state"] == "succeeded"
    assert ended["result"]["masks"] == post(http, **CLICK).json()["masks"]
    assert [file["name"] for file in ended["files"]] == ["result.json", "overlay.png", "masks/001.png"]
    for file in ended["files"]:
        download = http.get(file["url"])
        assert download.status_code == 200
        assert len(download.content) == file["size"] == int(download.headers["content-length"])
        assert download.headers["content-type"].split(";")[0] == file["media_type"]


def test_links_serve_ranges_and_notice_changes(running, http):
    job = running.finished(post(http, "/v1/jobs", **CLICK, format="png").json()["id"])
    url = job["files"][1]["url"]
    whole = http.get(url).content
    part = http.get(url, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(whole)}"
    assert http.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert http.get(url.replace("masks/001", "masks/002")).status_code == 403
    assert http.get(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403
    assert http.get(url.partition("?")[0]).status_code == 403


def test_a_job_that_cannot_be_done_fails_with_the_reason(running, http):
    half = PICTURE[: len(PICTURE) // 2]  # its header is whole, so that it is not refused at once
    answer = http.post("/v1/jobs", content=half, headers={"Content-Type": "image/png"})
    job = running.finished(answer.json()["id"])
    assert job["state"] == "failed"
    assert job["problem"]["kind"] == "InvalidImage"
    assert "truncated PNG" in job["problem"]["detail"]


def test_the_same_idempotency_key_gives_the_same_job(http):
    one, two = (post(http, "/v1/jobs", **CLICK, idempotency_key="k1").json()["id"] for _ in range(2))
    assert one == two
    other = post(http, "/v1/jobs", points=[[81, 61]], idempotency_key="k1")
    assert other.status_code == 409


def test_events_tell_every_change_until_the_end(http):
    job = post(http, "/v1/jobs", **CLICK).json()["id"]
    with http.stream("GET", f"/v1/jobs/{job}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        text = "".join(events.iter_text())
    states = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert states[-1] == "succeeded"
    assert json.loads(text.splitlines()[-2].removeprefix("data: "))["result"]["masks"]


def test_an_upload_is_used_by_id_and_by_link(http):
    upload = http.post("/v1/files", files={"file": ("square.png", PICTURE, "image/png")}).json()
    assert upload["name"] == "square.png"
    assert http.get(f"/v1/files/{upload['id']}").json()["size"] == len(PICTURE)
    assert http.get(f"/v1/files/{upload['id']}/content").content == PICTURE
    by_id = post(http, image=upload["id"], **CLICK)
    by_link = post(http, image=upload["url"], **CLICK)
    assert by_id.json()["masks"] == by_link.json()["masks"] == post(http, **CLICK).json()["masks"]
    assert http.delete(f"/v1/files/{upload['id']}").status_code == 204
    assert post(http, image=upload["id"], **CLICK).status_code == 404


def test_a_picture_embedded_once_is_not_looked_at_again(running, http):
    picture = drawing(seed=7)
    embedding = http.post("/v1/embeddings", content=picture, headers={"Content-Type": "image/png"}).json()
    assert (embedding["width"], embedding["height"], embedding["model"]) == (WIDTH, HEIGHT, "embedded")
    before = running.built.service.worker.cache.figures().misses
    click = post(http, image=embedding["id"], **CLICK).json()
    assert running.built.service.worker.cache.figures().misses == before
    assert "decode" not in click["timings"]
    assert iou_with_square(click["masks"][0]) > 0.9
    assert click["image"]["digest"] == hashlib.sha256(picture).hexdigest()


def test_a_click_on_an_embedding_reads_no_picture_until_the_embedding_is_gone(running, http, monkeypatch):
    picture = drawing(seed=8)
    embedding = http.post("/v1/embeddings", content=picture, headers={"Content-Type": "image/png"}).json()
    reads = []
    read = Files.read
    monkeypatch.setattr(Files, "read", lambda *given: reads.append(given[1]) or read(*given))
    first = post(http, image=embedding["id"], **CLICK).json()
    assert reads == []
    running.built.service.worker.cache.drop("embedded")
    again = post(http, image=embedding["id"], **CLICK).json()
    assert reads == [embedding["id"]]
    assert again["masks"] == first["masks"]
    assert http.delete(f"/v1/files/{embedding['id']}").status_code == 204
    assert post(http, image=embedding["id"], **CLICK).status_code == 404  # though the embedding is held


def test_models_load_and_unload(http):
    first = http.get("/v1/models").json()[0]
    assert {name: first[name] for name in ("name", "loaded", "default", "pulled", "bytes", "pull")} == {
        "name": "embedded",
        "loaded": True,
        "default": True,
        "pulled": True,
        "bytes": 0,
        "pull": None,
    }
    assert http.post("/v1/models/embedded/unload").json()[0]["loaded"] is False
    assert http.post("/v1/models/embedded/load").json()[0]["loaded"] is True
    assert http.post("/v1/models/sam9/load").status_code == 400


def test_what_operators_look_at(http):
    post(http, **CLICK)
    assert http.get("/healthz").json()["status"] == "ok"
    assert http.get("/readyz").status_code == 200
    metrics = http.get("/metrics").text
    assert 'rubylith_requests_total{route="POST /v1/segment",status="200"}' in metrics
    assert "rubylith_stage_seconds_bucket" in metrics
    assert 'rubylith_model_loaded{model="embedded"} 1.0' in metrics
    assert http.get("/.well-known/jwks.json").json()["keys"][0]["crv"] == "Ed25519"
    assert http.get("/healthz", headers={"X-Request-Id": "mine"}).headers["x-request-id"] == "mine"


def test_openapi_describes_every_body(http):
    schema = http.get("/v1/openapi.json").json()
    body = schema["paths"]["/segment"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data", "image/*"}
    taken = schema["components"]["schemas"]["SegmentIn"]["properties"]["previous"]
    assert {"MaskIn", "RLEIn"} == {word.split('"')[0] for word in json.dumps(taken).split("/schemas/")[1:]}
    said = schema["components"]["schemas"]["MaskOut"]
    assert set(said["properties"]) == set(said["required"]) == set(post(http, **CLICK).json()["masks"][0])
    text = json.dumps(schema)
    references = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(schema["components"]["schemas"])


@pytest.mark.parametrize(
    ("path", "name"), [("/v1/segment", "image"), ("/v1/segment", "request"), ("/v1/files", "file")]
)
def test_a_part_that_is_sent_twice_is_refused(http, path, name):
    parts = [("image", PICTURE), ("request", json.dumps(CLICK))] if path == "/v1/segment" else [("file", PICTURE)]
    twice = [*parts, next(part for part in parts if part[0] == name)]
    answer = http.post(path, files=twice)
    assert answer.status_code == 400
    assert f"The form has 2 parts called {name}" in answer.text
