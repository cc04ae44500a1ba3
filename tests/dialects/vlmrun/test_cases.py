"""The numbered cases of the wire, with the embedded model, which finds colours by their names."""

import base64
import io
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx2
import jsonschema
import numpy as np
import PIL.Image
import pytest
from tests.dialects.vlmrun.chats import (
    HEIGHT,
    ITEM,
    KEYS,
    PICTURE,
    SCHEMA,
    WIDTH,
    chat,
    listed,
    schema_of,
)
from tests.running import serve
from tests.servers import Reply, http_site

from rubylith.domain.geometry import Size
from rubylith.domain.rle import RLE

BASE = "/vlmrun/v1"
NUMBER, TEXT, WHOLE = {"type": "number"}, {"type": "string"}, {"type": "integer"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def http(running):
    with running.client("secret") as client:
        yield client


@pytest.fixture(scope="module")
def site():
    def answer(received):
        return Reply(200, {"Content-Type": "image/png"}, PICTURE) if received.path == "/a.png" else Reply(404)

    with http_site(answer) as site:
        yield site


def ask(http, path="/openai/chat/completions", **asked):
    return http.post(BASE + path, json=chat(**asked))


def document(answer):
    assert answer.status_code == 200, answer.text
    return json.loads(answer.json()["choices"][0]["message"]["content"])


anyone = httpx2.Client()


def picture(address):
    answer = anyone.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(PIL.Image.open(io.BytesIO(answer.content)))


def boxes(found):
    return [one["xywh"] for one in found["segmentations"]]


def fails(answer, status, code):
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_case_01_the_published_form_gives_labelled_masks_behind_links(http, site):
    answer = ask(http, image=site.url("/a.png"))
    found = document(answer)
    jsonschema.validate(found, SCHEMA)
    assert found["segmentations"]
    for one in found["segmentations"]:
        mask = picture(one["mask_url"])
        assert mask.shape == (HEIGHT, WIDTH)
        assert set(np.unique(mask)) <= {0, 255}
        assert one["label"] == "object"
        assert re.search(r"/v1/artifacts/[^/]+/img_[0-9a-f]{6}\.png\?", one["mask_url"])
    told = answer.json()
    assert told["object"] == "chat.completion"
    assert (told["model"], told["usage"]["total_tokens"] > 0) == ("vlm-agent-1", True)
    assert answer.headers["x-request-id"]


def test_what_is_left_out_of_everything_is_in_no_mask(http):
    as_object = {"schema": None, "response_format": {"type": "json_object"}}
    whole = document(ask(http, text="Segment the objects that are red or blue", **as_object))
    rest = document(ask(http, text="Segment everything but the red things", **as_object))
    assert {one["label"] for one in whole["segmentations"]} == {"red or blue object"}
    assert {one["label"] for one in rest["segmentations"]} == {"object"}
    red = np.zeros((HEIGHT, WIDTH), bool)
    red[17:53, 12:48] = True
    assert not any((picture(one["mask_url"]) > 0)[red].any() for one in rest["segmentations"])
    assert any((picture(one["mask_url"]) > 0)[32:78, 72:108].mean() > 0.9 for one in rest["segmentations"])


def test_a_pronoun_that_stands_for_nothing_names_nothing(http):
    answer = ask(http, text="Could you isolate them?", schema=SCHEMA)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_concept")


def test_case_02_every_envelope_gives_the_same_masks(http):
    inner = {"name": "Segmentations", "schema": SCHEMA, "strict": True}
    envelopes = (
        {"type": "json_schema", "schema": SCHEMA},
        {"type": "json_schema", "json_schema": inner},
        {"type": "json_schema", "json_schema": SCHEMA},
    )
    told = [boxes(document(ask(http, schema=None, response_format=envelope))) for envelope in envelopes]
    assert told[0] == told[1] == told[2]


def test_case_03_the_picture_may_come_in_three_ways(http, site):
    uploaded = http.post(f"{BASE}/files", files={"file": ("a.png", PICTURE, "image/png")}, params={"purpose": "vision"})
    assert uploaded.status_code == 201
    part = {"type": "input_file", "file_id": uploaded.json()["id"]}
    messages = [{"role": "user", "content": [{"type": "text", "text": "Segment everything"}, part]}]
    by_upload = http.post(f"{BASE}/openai/chat/completions", json={**chat(), "messages": messages})
    by_public_url = ask(http, image=uploaded.json()["public_url"])
    told = [boxes(document(a)) for a in (ask(http), ask(http, image=site.url("/a.png")), by_upload, by_public_url)]
    assert told[0] == told[1] == told[2] == told[3]


def test_case_04_a_nested_schema_is_filled(http):
    instance = schema_of(mask=TEXT, bbox={"type": "array", "prefixItems": [WHOLE] * 4, "minItems": 4, "maxItems": 4},
                         confidence=NUMBER, area=WHOLE, notes={"anyOf": [TEXT, {"type": "null"}]})  # fmt: skip
    group = schema_of(category=TEXT, count=WHOLE, instances={"type": "array", "items": instance})
    schema = schema_of(
        image=schema_of(width=WHOLE, height=WHOLE), count=WHOLE, groups={"type": "array", "items": group}
    )
    found = document(ask(http, schema=schema))
    assert found["image"] == {"width": WIDTH, "height": HEIGHT}
    instances = [one for group in found["groups"] for one in group["instances"]]
    assert found["count"] == len(instances) > 0
    for one in instances:
        mask = picture(one["mask"]) > 0
        rows, columns = np.nonzero(mask)
        x, y, width, height = one["bbox"]
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert (one["area"], one["notes"]) == (mask.sum(), None)


def test_case_05_four_encodings_of_one_box(http):
    four = {"type": "array", "minItems": 4, "maxItems": 4}
    item = {"xyxy": {**four, "items": WHOLE}, "xywh": {**four, "items": NUMBER},
            "box": schema_of(x1=WHOLE, y1=WHOLE, x2=WHOLE, y2=WHOLE), "cxcywh": {**four, "items": NUMBER}}  # fmt: skip
    (one,) = document(ask(http, text="segment the red object", schema=listed(**item)))["items"]
    x0, y0, x1, y1 = one["xyxy"]
    assert list(one["box"].values()) == one["xyxy"]
    assert np.allclose(one["xywh"], [x0 / WIDTH, y0 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT], atol=1e-4)
    x, y, width, height = one["cxcywh"]
    assert np.allclose([x, y], [(x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT], atol=1e-4)
    assert np.allclose([width, height], one["xywh"][2:])


def test_case_06_an_unfillable_field_is_refused_before_the_picture_is_fetched(http, site):
    asked = len(site.received)
    item = schema_of(label=TEXT, licence_plate_owner=TEXT)
    schema = schema_of(segmentations={"type": "array", "items": item})
    error = fails(ask(http, schema=schema, image=site.url("/a.png")), 400, "unfillable_schema_field")
    assert "segmentations[].licence_plate_owner" in error["message"]
    assert len(site.received) == asked
    item["properties"]["licence_plate_owner"] = {"anyOf": [TEXT, {"type": "null"}]}
    found = document(ask(http, schema=schema))
    assert all(one["licence_plate_owner"] is None for one in found["segmentations"])


def test_case_07_labels_are_members_of_their_enum(http):
    def labels(text, *members):
        return ask(http, text=text, schema=listed(label={"type": "string", "enum": list(members)}, mask_url=TEXT))

    found = document(labels("Segment everything", "red object", "Blue Object", "other"))["items"]
    assert [one["label"] for one in found] == ["red object", "Blue Object"]
    assert [one["label"] for one in document(labels("segment the red object", "car", "other"))["items"]] == ["other"]
    error = fails(labels("segment the red object", "car", "truck"), 400, "unfillable_schema_field")
    assert "No member of the enum of items[].label means 'red object'" in error["message"]


def test_case_08_references_are_fetched_by_session_and_id(http):
    reference = schema_of(id={"type": "string", "pattern": "^img_\\w{6}$"})
    answer = ask(http, schema=listed(mask=reference))
    session, found = answer.json()["session_id"], document(answer)["items"]
    ids = {one["mask"]["id"] for one in found}
    told = http.get(f"{BASE}/artifacts/list", params={"session_id": session}).json()
    assert told["namespace_id"] == session
    assert {one["object_id"] for one in told["items"]} == ids
    one = http.get(f"{BASE}/artifacts", params={"session_id": session, "object_id": min(ids)})
    assert PIL.Image.open(io.BytesIO(one.content)).size == (WIDTH, HEIGHT)
    again = ask(http, schema=listed(mask=reference), session_id=session)
    assert again.json()["session_id"] == session
    assert not ids & {one["mask"]["id"] for one in document(again)["items"]}
    assert http.get(f"{BASE}/artifacts", params={"execution_id": "x", "object_id": min(ids)}).status_code == 404


COLOURS = "segment the red objects and the blue objects"


def test_case_09_lists_named_after_concepts_hold_only_those(http):
    one = schema_of(label=TEXT, mask_url=TEXT)
    schema = schema_of(red_objects={"type": "array", "items": one}, blue_objects={"type": "array", "items": one})
    found = document(ask(http, text=COLOURS, schema=schema))
    assert {one["label"] for one in found["red_objects"]} == {"red object"}
    assert {one["label"] for one in found["blue_objects"]} == {"blue object"}


def test_case_10_counts_by_label(http):
    counts = {"type": "object", "additionalProperties": WHOLE}
    assert document(ask(http, text=COLOURS, schema=schema_of(counts=counts)))["counts"] == {
        "red object": 1,
        "blue object": 1,
    }


def test_case_11_run_lengths_are_exactly_the_mask(http):
    rle = schema_of(size={"type": "array", "items": WHOLE, "minItems": 2, "maxItems": 2}, counts=TEXT)
    for one in document(ask(http, schema=listed(rle=rle, mask_url=TEXT)))["items"]:
        decoded = RLE.from_coco(Size(*one["rle"]["size"]), one["rle"]["counts"]).bitmap()
        assert np.array_equal(decoded, picture(one["mask_url"]) > 0)


def test_case_12_limits_of_the_request_hold(http):
    found = document(ask(http, text="segment the red object and one blue object"))["segmentations"]
    assert [one["label"] for one in found] == ["red object", "blue object"]


@pytest.mark.parametrize("names", [("red object", "blue object"), ("blue object", "red object")])
def test_the_label_map_numbers_what_the_answer_lists(http, names):
    schema = schema_of(segmentations=SCHEMA["properties"]["segmentations"], label_map_url=TEXT)
    told = document(ask(http, text=f"segment the {names[0]} and the {names[1]}", schema=schema))
    assert [one["label"] for one in told["segmentations"]] == list(names)
    numbers = picture(told["label_map_url"])
    assert set(np.unique(numbers)) == {0, 1, 2}
    for number, one in enumerate(told["segmentations"], 1):
        assert ((picture(one["mask_url"]) > 0) == (numbers == number)).all()


def test_the_label_map_has_one_number_for_what_the_answer_unites(http):
    pixels = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    pixels[15:45, 10:40] = pixels[50:80, 75:105] = (200, 30, 40)
    two_red = io.BytesIO()
    PIL.Image.fromarray(pixels).save(two_red, "PNG")
    image = "data:image/png;base64," + base64.b64encode(two_red.getvalue()).decode()
    schema = schema_of(segmentations=SCHEMA["properties"]["segmentations"], label_map_url=TEXT)
    told = document(ask(http, text="semantic segmentation of the red objects", schema=schema, image=image))
    (both,) = told["segmentations"]
    assert ((picture(both["mask_url"]) > 0) == (picture(told["label_map_url"]) == 1)).all()
    assert picture(told["label_map_url"])[30, 25] == picture(told["label_map_url"])[65, 90] == 1


def test_several_pictures_and_one_schema_are_refused(http):
    body = chat()
    body["messages"][0]["content"].append(body["messages"][0]["content"][-1])
    fails(http.post(f"{BASE}/openai/chat/completions", json=body), 400, "multiple_images")
    del body["response_format"]
    assert http.post(f"{BASE}/openai/chat/completions", json=body).status_code == 200


def test_case_13_semantic_has_one_mask_a_class_and_panoptic_is_disjoint(http):
    for text in (
        "semantic segmentation of red objects and blue objects",
        "panoptic segmentation of red objects and blue",
    ):
        found = document(ask(http, text=text))["segmentations"]
        assert len({one["label"] for one in found}) == len(found) == 2
        assert sum((picture(one["mask_url"]) > 0).astype(int) for one in found).max() == 1


def test_case_14_nothing_found(http):
    lists = schema_of(items={"type": "array", "items": ITEM}, count=WHOLE, found={"type": "boolean"})
    told = document(ask(http, text="segment the green objects", schema=lists))
    assert told == {"items": [], "count": 0, "found": False}
    fails(ask(http, text="segment the green objects", schema=ITEM), 422, "no_objects_found")
    sentence = ask(http, text="segment the green objects", schema=None).json()["choices"][0]["message"]["content"]
    assert sentence == "Nothing that was asked for is in the picture."


def test_a_word_that_no_model_here_knows_is_refused_with_the_command_that_helps(http, site):
    asked = len(site.received)
    error = fails(ask(http, text="segment the cars", image=site.url("/a.png")), 400, "unknown_concept")
    assert "rubylith models pull" in error["message"]
    assert len(site.received) == asked


def events(http, **asked):
    with http.stream("POST", f"{BASE}/openai/chat/completions", json=chat(stream=True, **asked)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line[6:]) for line in lines[:-1]]


def test_case_15_a_stream_says_the_same(http):
    chunks = events(http, session_id="mine")
    assert {(c["id"], c["session_id"], c["object"]) for c in chunks} == {
        (chunks[0]["id"], "mine", "chat.completion.chunk")
    }
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (chunks[-1]["choices"][0]["delta"], chunks[-1]["choices"][0]["finish_reason"]) == ({}, "stop")
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
    assert boxes(json.loads(text)) == boxes(document(ask(http)))
    counted = events(http, stream_options={"include_usage": True})
    assert (counted[-1]["choices"], counted[-1]["usage"]["total_tokens"] > 0) == ([], True)
    assert all("usage" not in c for c in chunks)


def test_case_15_faults_of_a_stream_are_ordinary_answers(http, site):
    assert http.post(f"{BASE}/chat/completions", json=chat(stream=True, image=site.url("/gone.png"))).status_code == 400


def test_case_16_without_a_schema(http):
    found = document(ask(http, schema=None, response_format={"type": "json_object"}))
    assert found["image"] == {"width": WIDTH, "height": HEIGHT}
    assert found["mode"] == "instance"
    assert {"label", "mask_url", "xywh", "score", "area"} == set(found["segmentations"][0])
    sentence = ask(http, schema=None).json()["choices"][0]["message"]["content"]
    assert sentence.startswith("There ")
    assert sentence.count("http://") == len(found["segmentations"])
    hello = ask(http, schema=None, text="Hello", image=None)
    assert "segment pictures" in hello.json()["choices"][0]["message"]["content"]


def test_case_17_faults_of_pictures(http, site):
    fails(ask(http, image=None), 400, "missing_image")
    fails(ask(http, image="data:image/png;base64,AAAA"), 400, "invalid_image")
    fails(ask(http, image="data:image/png;base64,é"), 400, "invalid_image")
    fails(ask(http, image=site.url("/gone.png")), 400, "image_fetch_failed")
    fails(ask(http, image="http://10.0.0.1/a.png"), 400, "image_fetch_failed")
    video = {"type": "video_url", "video_url": {"url": "http://127.0.0.1/a.mp4"}}
    body = chat()
    body["messages"][0]["content"].append(video)
    fails(http.post(f"{BASE}/openai/chat/completions", json=body), 400, "invalid_value")
    fails(ask(http, text="Hello"), 400, "no_concept")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        schema_of(a={"$ref": "https://example.org/a.json"}),
        schema_of(**{f"a{n}": TEXT for n in range(600)}),
        [],
    ],
    ids=["type", "remote", "large", "list"],
)
def test_case_18_faults_of_schemas(http, schema):
    assert fails(ask(http, schema=schema), 400, "invalid_json_schema")["param"] == "response_format"


def test_case_19_models_keys_and_numbers_of_answers(http, running):
    fails(ask(http, model="gpt-4"), 404, "model_not_found")
    fails(ask(http, n=2), 400, "invalid_value")
    fails(ask(http, toolsets=["magic"]), 400, "invalid_value")
    assert ask(http, n=1, toolsets=["image"], temperature=0, seed=3, metadata={"a": "b"}).status_code == 200
    names = [one["id"] for one in http.get(f"{BASE}/openai/models").json()["data"]]
    assert {"vlm-agent-1", "vlmrun-orion-1:auto", "embedded"} <= set(names)
    assert http.get(f"{BASE}/openai/models/vlm-agent-1:pro").json()["object"] == "model"
    fails(http.get(f"{BASE}/openai/models/nothing"), 404, "model_not_found")
    assert {"model", "domain"} == set(http.get(f"{BASE}/models").json()[0])
    assert http.get(f"{BASE}/health").status_code == 200
    with running.client("wrong") as stranger:
        for path in ("/health", "/models", "/openai/models", "/artifacts?session_id=a&object_id=img_000000", "/files"):
            fails(stranger.get(BASE + path), 401, "invalid_api_key")
        fails(ask(stranger), 401, "invalid_api_key")
    fails(http.get(f"{BASE}/agent/executions/1"), 404, "not_found")


def test_case_20_links_and_artifacts_are_guarded(http, running):
    answer = ask(http)
    address = document(answer)["segmentations"][0]["mask_url"]
    assert httpx2.head(address).status_code == 200
    for altered in (address.replace("signature=", "signature=0"), address.replace("expires=", "expires=1"),
                    address.replace("img_", "img_f", 1)):  # fmt: skip
        assert httpx2.get(altered).status_code == 403
    session = answer.json()["session_id"]
    name = re.search(r"img_[0-9a-f]{6}", address)[0]
    asked = {"session_id": session, "object_id": name}
    with running.client("other") as stranger:
        fails(stranger.get(f"{BASE}/artifacts", params=asked), 404, "not_found")
        assert stranger.get(f"{BASE}/artifacts/list", params={"session_id": session}).json()["items"] == []
    query = f"session_id={session}&object_id={name}"
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"GET {BASE}/artifacts?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0]
    assert b"\r\nContent-Type: image/png" in head
    assert b"\r\ncontent-type" not in head


def test_files_are_listed_found_by_hash_and_deleted(http, running):
    name = http.post(f"{BASE}/files", files={"file": ("b.png", PICTURE + b"x", "image/png")}).json()["id"]
    assert http.get(f"{BASE}/files/{name}").json()["bytes"] == len(PICTURE) + 1
    assert name in [one["id"] for one in http.get(f"{BASE}/files", params={"limit": 100}).json()]
    with running.client("other") as stranger:
        fails(stranger.get(f"{BASE}/files/{name}"), 404, "not_found")
    assert http.delete(f"{BASE}/files/{name}").json()["id"] == name
    fails(http.get(f"{BASE}/files/{name}"), 404, "not_found")
    fails(http.get(f"{BASE}/files/hash/{'0' * 32}"), 404, "not_found")


def test_large_files_are_put_to_a_link_of_their_own(http):
    made = http.post(f"{BASE}/files/presigned-url", json={"filename": "c.png", "purpose": "assistants"}).json()
    fails(http.get(f"{BASE}/files/verify-upload/{made['id']}"), 404, "not_found")
    assert httpx2.put(made["url"].replace("signature=", "signature=0"), content=PICTURE).status_code == 403
    assert httpx2.put(made["url"], content=PICTURE).status_code == 200
    assert http.get(f"{BASE}/files/verify-upload/{made['id']}").json()["bytes"] == len(PICTURE)


@pytest.mark.parametrize("left_out", [{}, {"purpose": None}, {"purpose": None, "expiration": None}])
def test_what_the_client_leaves_out_of_a_presigned_upload_or_sends_as_null_has_its_default(http, left_out):
    made = http.post(f"{BASE}/files/presigned-url", json={"filename": "c.png", **left_out})
    assert (made.status_code, made.json()["expiration"]) == (200, 86_400)


def test_a_later_message_asks_about_the_picture_of_an_earlier_one(http):
    body = chat()
    body["messages"] += [{"role": "assistant", "content": "{}"}, {"role": "user", "content": "Segment everything"}]
    assert document(http.post(f"{BASE}/openai/chat/completions", json=body))["segmentations"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"messages": []}', b'{"messages": 3}', b'{"model": null, "messages": [{"role": "user"}]}'],
)
def test_bodies_that_make_no_sense(http, body):
    fails(http.post(f"{BASE}/openai/chat/completions", content=body), 400, "invalid_value")


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"type": "image_url", "image_url": {}}, "messages.0.content.1.image_url.url: Field required"),
        ({"type": "image_url", "image_url": {"url": 3}}, "messages.0.content.1.image_url.url: Input should be a valid"),
        ({"image_url": {"url": "http://127.0.0.1/a.png"}}, "messages.0.content.1.type: Field required"),
        ({"type": "text", "text": ["dog"]}, "messages.0.content.1.text: Input should be a valid string"),
    ],
)
def test_what_is_wrong_with_a_part_of_a_message_is_told_of_that_part(http, part, told):
    body = chat(image=None)
    body["messages"][0]["content"].append(part)
    answer = http.post(f"{BASE}/openai/chat/completions", json=body)
    fails(answer, 400, "invalid_value")
    error = answer.json()["error"]
    assert error["message"].startswith(told)
    assert error["param"] == told.partition(":")[0]


def test_a_message_that_is_neither_text_nor_parts_is_told_as_such(http):
    body = {"messages": [{"role": "user", "content": 5}]}
    error = http.post(f"{BASE}/openai/chat/completions", json=body).json()["error"]
    assert (error["param"], error["code"]) == ("messages.0.content", "invalid_value")


def test_of_several_fields_at_fault_the_first_is_told(http):
    body = chat(toolsets=["image", "moon"]) | {"model": 3}
    assert http.post(f"{BASE}/openai/chat/completions", json=body).json()["error"]["param"] == "model"


def test_sixteen_at_once(http):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(http), range(16)))
    assert len({json.dumps(boxes(document(answer))) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("unfillable_schema_field", {"properties": {"price": NUMBER}, "required": ["price"]}),
        ("invalid_json_schema", {"properties": {"label": {**TEXT, "pattern": "a(?=b)"}}}),
        ("invalid_json_schema", {"properties": {"count": NUMBER}, "if": {"$ref": "#"}}),
        ("invalid_json_schema", {"properties": {"label": {"enum": [f"c{n}" for n in range(10_000)]}}}),
    ],
)
def test_what_planning_refuses_is_not_fetched(http, site, code, more):
    asked = len(site.received)
    fails(ask(http, schema={"type": "object", **more}, image=site.url("/a.png")), 400, code)
    assert len(site.received) == asked
