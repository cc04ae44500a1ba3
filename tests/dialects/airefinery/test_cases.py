"""The numbered conformance cases, over plain HTTP. Those about the vendor's own clients are in test_client.py too."""

import base64
import json
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
from tests.dialects.airefinery.asking import (
    ALSO_ON_RED,
    KEY,
    MODEL,
    ON_BLUE,
    ON_RED,
    OTHER_KEY,
    PICTURE,
    SEGMENTATIONS,
    asked,
    at,
    document,
    drawing,
    every_place_taken,
    locations,
    until,
    values,
)
from tests.pictures import encoded, png_that_claims
from tests.running import serve

SETTINGS = {"RUBYLITH_KEYS": f"{KEY}, {OTHER_KEY}", "RUBYLITH_MAX_BODY": "2000000", "RUBYLITH_MAX_PIXELS": "1000000"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def http(running):
    with running.client(KEY) as http:
        yield http


def looks(running):
    """How often anything was asked about a picture."""
    figures = running.built.service.worker.cache.figures()
    return figures.hits + figures.misses


def test_case_01_one_point_gives_a_grey_mask_of_0_and_1(http):
    mask = asked(http, [[ON_RED]])
    assert mask.shape == drawing().shape[:2]
    assert values(mask) == [0, 1]
    assert at(mask, ON_RED) == 1
    assert at(mask, ON_BLUE) == 0


def test_case_02_the_same_request_gives_the_same_bytes(http):
    first, second = (http.post(SEGMENTATIONS, json=document([[ON_RED]])).json()["data"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "path",
    [
        "/v1/images/segmentations",
        "/inference/images/segmentations",
        "/images/segmentations",
        "//v1/images/segmentations",
        "//inference//images/segmentations/",
        "/inference/v1/images/segmentations",
        "/inference/inference/images/segmentations",
    ],
)
def test_case_03_every_shape_of_the_url_gives_the_same_mask(http, path):
    assert np.array_equal(asked(http, [[ON_RED]], f"/airefinery{path}"), asked(http, [[ON_RED]]))


def test_case_04_points_on_two_things_are_two_regions(http):
    mask = asked(http, [[ON_RED, ON_BLUE]])
    assert values(mask) == [0, 1, 2]
    assert (at(mask, ON_RED), at(mask, ON_BLUE)) == (1, 2)
    swapped = asked(http, [[ON_BLUE, ON_RED]])
    assert (at(swapped, ON_RED), at(swapped, ON_BLUE)) == (2, 1)


def test_case_05_points_on_one_thing_are_one_region(http):
    mask = asked(http, [[ON_RED, ALSO_ON_RED]])
    assert values(mask) == [0, 1]
    assert at(mask, ON_RED) == at(mask, ALSO_ON_RED) == 1


def test_case_05_regions_are_numbered_by_their_first_point(http):
    mask = asked(http, [[ON_RED, ON_BLUE, ALSO_ON_RED]])
    assert values(mask) == [0, 1, 2]
    assert [at(mask, point) for point in (ON_RED, ON_BLUE, ALSO_ON_RED)] == [1, 2, 1]


def test_case_06_four_levels_are_objects_of_their_own(http):
    mask = asked(http, [[[ON_RED, ALSO_ON_RED], [ON_BLUE]]])
    assert values(mask) == [0, 1, 2]
    assert [at(mask, point) for point in (ON_RED, ALSO_ON_RED, ON_BLUE)] == [1, 1, 2]


def test_case_06_objects_are_never_merged(http):
    mask = asked(http, [[[ON_RED], [ALSO_ON_RED]]])
    assert values(mask) == [0, 1, 2]
    assert (at(mask, ON_RED), at(mask, ALSO_ON_RED)) == (1, 2)


def test_case_06_under_joint_all_points_of_a_list_are_one_region(http):
    mask = asked(http, [[ON_RED, ON_BLUE]], "/airefinery/joint/v1/images/segmentations")
    assert values(mask) == [0, 1]
    assert at(mask, ON_RED) == at(mask, ON_BLUE) == 1


def test_case_07_what_is_unknown_is_ignored(http):
    mask = asked(http, [[ON_RED]], n=3, size="1024x1024", user="u1", extra_body={"a": {"b": [None]}}, image=None)
    assert np.array_equal(mask, asked(http, [[ON_RED]]))


def test_case_08_the_answer_has_the_vendors_types(http):
    answer = http.post(SEGMENTATIONS, json=document([[ON_RED, ON_BLUE]]))
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert abs(body["created"] - time.time()) < 5
    assert isinstance(body["created"], int)
    assert body["usage"] is None
    (item,) = body["data"]
    assert item["label"] is None
    assert 0 <= item["score"] <= 1
    assert item["score"] == round(item["score"], 4)


def test_case_09_a_turned_picture_is_read_upright(http):
    upright = PIL.Image.fromarray(drawing())
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    lying = upright.transpose(PIL.Image.Transpose.ROTATE_90)  # orientation 6 turns it back
    turned = encoded(lying, "JPEG", quality=95, exif=exif)
    mask = asked(http, [[ON_RED, [199, 139]]], picture=turned)
    assert mask.shape == (upright.height, upright.width)
    assert at(mask, ON_RED) == 1
    assert (mask[30:110, 20:80] == 1).mean() > 0.9


@pytest.mark.parametrize("path", ["/v1/models", "/inference/models", "/models", "//v1/models", "/joint/v1/models"])
def test_case_10_models_of_each_generation(http, path):
    answer = http.request("GET", f"/airefinery{path}", json={})
    assert answer.status_code == 200
    body = answer.json()
    assert body["object"] == "list"
    names = [model["id"] for model in body["data"]]
    assert MODEL in names
    assert "embedded" in names
    for model in body["data"]:
        assert set(model) == {"id", "created", "object", "owned_by", "root", "parent", "permission"}
        assert asked(http, [[ON_RED]], model=model["id"]).any()


@pytest.mark.parametrize("path", ["/authentication/validate", "/inference/authentication/validate"])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"api_key": "test-key"}', b'{"api_key": null}'])
def test_case_11_a_valid_key_has_an_organization(http, path, body):
    answer = http.post(f"/airefinery{path}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["organization_id"]


def test_case_11_wrong_keys_and_keys_that_differ_are_401(running, http):
    path = "/airefinery/authentication/validate"
    assert http.post(path, json={"api_key": OTHER_KEY}).status_code == 401
    assert http.post(path, content=b"{").status_code == 400
    assert http.post(path, json={"api_key": 5}).status_code == 422
    with running.client("wrong") as wrong:
        assert wrong.post(path).status_code == 401
        assert wrong.post(path, json={"api_key": "wrong"}).status_code == 401


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic test-key", "test-key", None])
@pytest.mark.parametrize("method_and_path", [("POST", SEGMENTATIONS), ("GET", "/airefinery/v1/models")])
def test_case_12_a_wrong_key_is_401_before_anything_is_looked_at(running, header, method_and_path):
    before = looks(running)
    headers = {} if header is None else {"Authorization": header}
    answer = running.http.request(*method_and_path, json=document([[ON_RED]]), headers=headers)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert looks(running) == before


def test_case_12_a_bearer_with_nothing_behind_it_is_401(running):
    url = running.address + SEGMENTATIONS
    request = urllib.request.Request(url, json.dumps(document([[ON_RED]])).encode(), {"Authorization": "Bearer "})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.code == 401
        assert json.load(answer)["detail"]


@pytest.mark.parametrize(
    "image",
    [
        "!!!not base64!!!",
        "ümlaut",
        base64.b64encode(b"This is a text file.").decode(),
        "",
        "data:image/png;base64,",
        "data:text/plain,hello",
        base64.b64encode(PICTURE[: len(PICTURE) // 2]).decode(),
        "https://example.org/photo.jpg",
    ],
)
def test_case_13_what_is_no_picture_is_400_that_names_the_field(http, image):
    answer = http.post(SEGMENTATIONS, json=document([[ON_RED]], image_prompt=image))
    assert answer.status_code == 400
    assert "image_prompt" in answer.json()["detail"]


@pytest.mark.parametrize(
    "prompt",
    [
        [],
        [[]],
        [[[]]],
        [[[[]]]],
        [[450, 600]],
        [450, 600],
        "[[[1, 2]]]",
        None,
        5,
        {},
        [{}],
        [[[1, 2]], [[3, 4]]],
        [[[1]]],
        [[[1, 2, 1]]],
        [[[1, "2"]]],
        [[[1, True]]],
        [[[1, None]]],
        [[[[[1, 2]]]]],
        [[[1, 2], [[3, 4]]]],
        [[[[1, 2]], [3, 4]]],
        [[[1, 2]] * 65],
        [[[[1, 2]] * 33, [[3, 4]] * 32]],
        [[[[1, 2]] * 100]],
    ],
    ids=str,
)
def test_case_14_a_prompt_of_another_shape_is_422_that_names_it(running, http, prompt):
    before = looks(running)
    for location in locations(http.post(SEGMENTATIONS, json=document(prompt))):
        assert location[:2] == ["body", "segment_prompt"]
    assert looks(running) == before


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ([[ON_RED, [200, 10]]], [0, 1]),
        ([[ON_RED, [10, 140]]], [0, 1]),
        ([[[-1, 10]]], [0, 0]),
        ([[[10, -0.5]]], [0, 0]),
        ([[[10**30, 5]]], [0, 0]),
        ([[[ON_RED], [ON_BLUE, [5, 1e300]]]], [0, 1, 1]),
    ],
)
def test_case_15_a_point_outside_is_422_at_its_place(running, http, prompt, place):
    before = looks(running)
    assert locations(http.post(SEGMENTATIONS, json=document(prompt))) == [["body", "segment_prompt", *place]]
    assert looks(running) == before


def test_case_15_points_on_the_last_pixels_and_between_pixels_are_inside(http):
    mask = asked(http, [[[199, 139], [45.5, 70.9], [0, 0]]])
    assert min(at(mask, point) for point in ([199, 139], [45, 70], [0, 0])) > 0


def test_case_16_an_unknown_model_is_404_and_a_missing_one_422(running, http):
    before = looks(running)
    answer = http.post(SEGMENTATIONS, json=document([[ON_RED]], model="no/such-model"))
    assert answer.status_code == 404
    assert "no/such-model" in answer.json()["detail"]
    missing = document([[ON_RED]])
    del missing["model"]
    assert locations(http.post(SEGMENTATIONS, json=missing)) == [["body", "model"]]
    assert locations(http.post(SEGMENTATIONS, json=document([[ON_RED]], model=5))) == [["body", "model"]]
    assert looks(running) == before


def test_case_17_a_body_over_the_limit_is_413_and_no_json_400(http):
    answer = http.post(SEGMENTATIONS, content=b"x" * 3_000_000)
    assert answer.status_code == 413
    assert "2000000" in answer.json()["detail"]
    unannounced = http.post(SEGMENTATIONS, content=(b"x" * 500_000 for _ in range(6)))
    assert (unannounced.status_code, unannounced.json()) == (413, answer.json())
    claims = document([[ON_RED]], png_that_claims(5000, 5000))
    assert http.post(SEGMENTATIONS, json=claims).status_code == 413
    for body in (b"", b"{", b"\xff", b'{"model": "\\ud800"}', b"[" * 100_000):
        answer = http.post(SEGMENTATIONS, content=body)
        assert (answer.status_code, type(answer.json()["detail"])) == (400, str)
    assert locations(http.post(SEGMENTATIONS, content=b"[]")) == [["body"]]


def test_case_18_a_data_uri_gives_the_same_mask(http):
    image = base64.b64encode(PICTURE).decode()
    expected = asked(http, [[ON_RED]])
    spaced = "\n".join(image[start : start + 76] for start in range(0, len(image), 76))
    for text in (f"data:image/png;base64,{image}", spaced, f" {image}\n"):
        assert np.array_equal(asked(http, [[ON_RED]], image_prompt=text), expected)
    aliased = document([[ON_RED]])
    aliased["image"] = aliased.pop("image_prompt")
    answer = http.post(SEGMENTATIONS, json=aliased)
    assert answer.status_code == 200


def test_case_19_a_client_that_hangs_up_leaves_the_server_well(running, http):
    host, port = running.address.removeprefix("http://").split(":")
    body = json.dumps(document([[ON_RED]], encoded(np.flip(drawing(), 0)))).encode()
    head = f"POST {SEGMENTATIONS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n"
    head = f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
    with every_place_taken(running) as waiting:
        with socket.create_connection((host, int(port))) as caller:
            caller.sendall(head + body[: len(body) // 2])
        with socket.create_connection((host, int(port))) as caller:
            caller.sendall(head + body)
            until(lambda: waiting() == 1)
        until(lambda: waiting() == 0)
    assert values(asked(http, [[ON_RED]])) == [0, 1]


def test_case_20_sixteen_at_once_get_the_same_mask(http):
    picture = encoded(np.flip(drawing(), 1).copy())

    def ask(_):
        return http.post(SEGMENTATIONS, json=document([[[155, 70], [50, 60]]], picture))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == 1


def test_other_paths_and_methods_are_told_in_the_same_shape(http):
    assert http.get("/airefinery/v1/images/generations").status_code == 404
    wrong = http.get(SEGMENTATIONS)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})
