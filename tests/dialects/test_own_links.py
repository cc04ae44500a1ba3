"""A link that one door hands out is a picture at every door, though nothing may be fetched from this machine."""

import json
import time

import httpx2
import pytest
from tests.dialects.vlmrun.chats import DATA_URI, PICTURE, chat
from tests.running import serve

from rubylith.dialects import fal, vlmrun

FAL = {"Authorization": "Key key"}
POINT = {"method": "points", "pointsPositive": {"points": [[0.25, 0.4]]}, "outputFormat": "png"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": "key"}) as running:
        yield running


@pytest.fixture(scope="module")
def http(running):
    with running.client("key") as client:
        yield client


def artwork(http, url):
    made = http.post("/tengr/v2/artworks/segmentation", json={"imageUrl": url, **POINT}).json()
    end = time.monotonic() + 60
    while made["status"] in {"starting", "processing"} and time.monotonic() < end:
        time.sleep(0.05)
        made = http.get(f"/tengr/v2/artworks/{made['id']}").json()
    return made


def mask_of_a_chat(http):
    said = http.post("/vlmrun/v1/openai/chat/completions", json=chat()).json()["choices"][0]["message"]["content"]
    return json.loads(said)["segmentations"][0]["mask_url"]


def file_of_fal(http):
    ticket = {"content_type": "image/png", "file_name": "a b.png"}
    made = http.post("/fal/rest/storage/upload/initiate?storage_type=fal-cdn-v3", json=ticket, headers=FAL).json()
    assert httpx2.put(made["upload_url"], content=PICTURE, headers={"Content-Type": "image/png"}).status_code == 200
    return made["file_url"]


def result_of_fal(http):
    return http.post("/fal/run/fal-ai/sam2/image", json={"image_url": DATA_URI}, headers=FAL).json()["image"]["url"]


def upload_of_vlmrun(http):
    return http.post("/vlmrun/v1/files", files={"file": ("a.png", PICTURE)}).json()["public_url"]


HANDED_OUT = {
    "a mask of VLM Run": mask_of_a_chat,
    "an upload of VLM Run": upload_of_vlmrun,
    "an upload of fal": file_of_fal,
    "a result of fal": result_of_fal,
    "a result of Tengr": lambda http: artwork(http, DATA_URI)["results"][0],
}


@pytest.fixture(scope="module", params=HANDED_OUT)
def link(request, http):
    return HANDED_OUT[request.param](http)


def test_it_is_a_picture_to_vlm_run(http, link):
    answer = http.post("/vlmrun/v1/openai/chat/completions", json=chat(image=link))
    assert answer.status_code == 200, answer.text


def test_it_is_a_picture_to_fal(http, link):
    answer = http.post("/fal/run/fal-ai/sam2/image", json={"image_url": link}, headers=FAL)
    assert answer.status_code == 200, answer.text


def test_it_is_a_picture_to_tengr(http, link):
    made = artwork(http, link)
    assert made["status"] == "succeeded", made


def test_it_is_a_picture_to_the_native_api(http, link):
    answer = http.post("/v1/segment", json={"image": link, "points": [[30, 35]]})
    assert answer.status_code == 200, answer.text


def test_a_mask_whose_link_was_altered_is_none(http):
    altered = mask_of_a_chat(http).replace("signature=", "signature=0")
    answer = http.post("/vlmrun/v1/openai/chat/completions", json=chat(image=altered))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_fetch_failed")


@pytest.mark.parametrize("door", [vlmrun.DIALECT, fal.DIALECT])
@pytest.mark.parametrize("around", ["https://proxy.example/resize?w=100&url={}", "https://proxy.example/x.png#{}"])
@pytest.mark.parametrize(
    "own",
    [
        "http://here/vlmrun/v1/artifacts/s/img_a.png?expires=1&signature=2",
        f"http://here/fal/cdn/files/file_{'0' * 32}/AAAA/a.png",
    ],
)
def test_an_address_that_only_mentions_such_a_link_is_somebody_elses(door, around, own):
    assert door.own_link(around.format(own)) == around.format(own)


def test_a_link_to_a_mask_keeps_its_query_and_loses_the_rest():
    own = "http://here/vlmrun/v1/artifacts/s/img_a.png?expires=1&signature=2#top"
    assert vlmrun.DIALECT.own_link(own) == "/v1/objects/artifacts/s/img_a.png?expires=1&signature=2"
    assert vlmrun.DIALECT.own_link("http://[bad/x") == "http://[bad/x"
