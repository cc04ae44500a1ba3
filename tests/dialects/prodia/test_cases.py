"""Every numbered case of the wire, over plain HTTP. What the vendor's own client makes of it is in test_client.py."""

import io
import json
import re
import time

import httpx2
import numpy as np
import PIL.Image
import pytest
from tests.dialects.prodia.conftest import KEYED, MULTIPART, OTHER, SECRET, UUID, drawing, form, jpeg, parsed
from tests.pictures import encoded, png_that_claims

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def opened(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def refused(response):
    """The error of a 400, which is a job that failed."""
    told = parsed(response)
    assert told.status == 400
    assert told.outputs == []
    assert re.fullmatch(UUID, told.job["id"])
    assert told.job["state"]["current"] == "failed"
    assert all(TIME.fullmatch(told.job[name]) for name in ("created_at", "updated_at", "expires_at"))
    return told.job["error"]


def words(prompt, kind="inference.segment.v2", **config):
    return {"type": kind, "config": {"prompt": prompt, **config}}


@pytest.fixture(scope="module")
def first(post):
    return parsed(post(jpeg()))


def test_case_01_the_documented_call_gives_masks(first):
    assert first.status == 200
    assert len(first.outputs) >= 1
    assert set(first.types) == {"image/png"}
    assert len(set(first.names)) == len(first.names)
    for data in first.outputs:
        assert opened(data).shape == (300, 400)
        assert set(np.unique(opened(data))) <= {0, 255}
    areas = [int((opened(data) > 0).sum()) for data in first.outputs]
    assert areas == sorted(areas, reverse=True)
    assert areas[-1] > 0


def test_case_02_png_bytes_called_jpeg(post):
    told = parsed(post(encoded(drawing())))
    assert told.status == 200
    assert opened(told.outputs[0]).shape == (300, 400)


def test_case_03_webp_bytes(post):
    told = parsed(post(encoded(drawing(), "WEBP", lossless=True)))
    assert told.status == 200
    assert opened(told.outputs[0]).shape == (300, 400)


@pytest.mark.parametrize("media_type", ["application/octet-stream", "text/plain"])
def test_case_04_a_part_of_any_type(post, first, media_type):
    files = form(jpeg())
    files[0] = ("input", ("image.jpg", jpeg(), media_type))
    assert parsed(post(files=files)).outputs == first.outputs


def test_case_05_a_file_sent_twice_counts_once(post, first):
    assert parsed(post(jpeg(), jpeg())).outputs == first.outputs


def test_case_05_two_different_pictures_are_a_fault(post):
    assert "input: 2 different ones" in refused(post(jpeg(), jpeg(300, 300)))


def test_case_06_the_job_may_come_first(post, first):
    assert parsed(post(jpeg(), first=True)).outputs == first.outputs


def test_case_06_a_job_and_an_input_without_file_names(running, first):
    boundary = "0123456789abcdef0123456789abcdef"
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary.encode(), name, data)
        for name, data in ((b"job", b'{"type": "inference.segment.v1"}'), (b"input", jpeg()))
    )
    headers = {**KEYED, **MULTIPART, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    url = f"{running.address}/prodia/v2/job"
    answer = httpx2.post(url, content=body + f"--{boundary}--\r\n".encode(), headers=headers, timeout=60)
    assert parsed(answer).outputs == first.outputs


@pytest.mark.parametrize("accept", ["multipart/form-data; image/png", "", "*/*", "multipart/form-data, image/webp"])
def test_case_07_multipart_unless_something_else_is_named(post, first, accept):
    assert parsed(post(jpeg(), headers={"Accept": accept})).outputs == first.outputs


def test_case_07_only_an_image_gives_the_first_mask(post, first):
    answer = post(jpeg(), headers={"Accept": "image/png"})
    assert (answer.headers["content-type"], answer.content) == ("image/png", first.outputs[0])


def test_case_07_only_json_gives_the_job(post):
    assert post(jpeg(), headers={"Accept": "application/json"}).json()["state"]["current"] == "completed"


def test_case_08_the_alias_is_echoed(post, first):
    told = parsed(post(jpeg(), job={"type": "inference.sam2.segment.v1"}))
    assert told.job["type"] == "inference.sam2.segment.v1"
    assert told.outputs == first.outputs


def test_case_09_the_job_says_when_and_how_long(first):
    job = first.job
    assert re.fullmatch(UUID, job["id"])
    assert all(TIME.fullmatch(job[name]) for name in ("created_at", "updated_at", "expires_at"))
    assert job["created_at"] <= job["updated_at"] < job["expires_at"]
    assert (job["type"], job["config"]) == ("inference.segment.v1", {})
    assert job["state"]["current"] == "completed"
    assert job["metrics"]["elapsed"] > 0
    assert "price" not in job
    assert "error" not in job


def test_case_09_the_price_on_request(post):
    told = parsed(post(jpeg(), path="/prodia/v2/job?price=true"))
    assert told.job["price"] == {"product": "inference.segment.v1", "dollars": 0}


@pytest.mark.parametrize("value", [None, "Bearer wrong", "Bearer", "Basic secret", "secret"])
@pytest.mark.parametrize("path", ["/prodia/v2/job", "/prodia/v2/job/async"])
def test_case_10_a_wrong_token(running, value, path):
    headers = MULTIPART | ({} if value is None else {"Authorization": value})
    answer = httpx2.post(f"{running.address}{path}", files=form(jpeg()), headers=headers)
    assert (answer.status_code, answer.text) == (401, "token is invalid")
    assert not answer.headers["content-type"].startswith("multipart")


def test_case_11_no_input(post):
    assert refused(post()).startswith("input: missing")


def test_case_12_input_that_is_no_picture(post):
    assert refused(post(b"hello")).startswith("input: ")


def test_case_12_a_truncated_png(post):
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    assert "truncated" in refused(post(encoded(noise)[:20_000]))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "AVIF"])
def test_case_13_other_formats(post, kind):
    error = refused(post(encoded(drawing(), kind)))
    assert kind in error
    assert "PNG, JPEG or WebP" in error


@pytest.mark.parametrize(("width", "height"), [(255, 400), (400, 255)])
def test_case_14_too_small(post, width, height):
    assert "255 is below the minimum 256" in refused(post(jpeg(width, height)))


def test_case_14_just_large_enough(post):
    assert parsed(post(jpeg(256, 256))).status == 200


@pytest.mark.parametrize(("width", "height"), [(2049, 300), (300, 2049)])
def test_case_15_too_large(post, width, height):
    assert "2049 is above the maximum 2048" in refused(post(jpeg(width, height)))


def test_case_15_just_small_enough(post):
    told = parsed(post(jpeg(2048, 2048)))
    assert told.status == 200
    assert opened(told.outputs[0]).shape == (2048, 2048)


def test_case_16_a_file_above_ten_megabytes(post):
    assert "above the maximum 10485760" in refused(post(jpeg() + b"\0" * (10 * 1024 * 1024)))


def test_case_16_a_body_far_above_the_servers_limit(post):
    assert "above the maximum" in refused(post(b"\xff\xd8\xff" + b"\0" * (70 * 1024 * 1024)))


def test_case_17_an_unknown_config_field(post):
    assert "foo" in refused(post(jpeg(), job={"type": "inference.segment.v1", "config": {"foo": 1}}))


def test_case_17_an_empty_config(post, first):
    assert parsed(post(jpeg(), job={"type": "inference.segment.v1", "config": {}})).outputs == first.outputs


PICTURE_PART = ("input", ("image.jpg", jpeg(), "image/jpeg"))


@pytest.mark.parametrize(
    "documents",
    [[], [b"{"], [b"[]"], [b"\xff"], [b'{"type": "inference.segment.v1"}'] * 2, [b"{}"], [b'{"type": 1}']]
    + [[b'{"type": "inference.segment.v1", "%s": 1}' % name] for name in (b"foo", b"config")],
)
def test_case_18_a_job_that_cannot_be_read(post, documents):
    files = [PICTURE_PART, *(("job", ("job.json", document, "application/json")) for document in documents)]
    assert refused(post(files=files))


@pytest.mark.parametrize("accept", ["image/png, application/json", "multipart/form-data;q=0, application/json"])
def test_case_07_an_image_alone_is_for_callers_who_name_nothing_else(post, accept):
    answer = post(jpeg(), headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["state"]["current"] == "completed"


@pytest.mark.parametrize(
    "accept",
    [
        *("*/*", "", "image/png", "application/json", "text/html, */*;q=0.8"),
        *("multipart/form-data-x", "multipart/form-data;q=0", "multipart/form-data; q=0.000, */*"),
    ],
)
def test_case_11_to_18_callers_who_do_not_name_multipart_are_told_their_faults_as_json(post, accept):
    answer = post(headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json()["error"].startswith("input: missing")


@pytest.mark.parametrize("path", ["/prodia/v2//job", "/prodia/v2/job/", "/prodia//v2/job"])
def test_slashes_too_many_do_no_harm(post, path):
    assert parsed(post(job={"type": "inference.ping.v1"}, path=path)).status == 200


def test_case_12_the_size_of_a_picture_far_too_large_is_told(post):
    error = refused(post(png_that_claims(30_000, 20_000)))
    assert "above the maximum 2048" in error
    assert "30000 x 20000" in error


def test_case_16_a_threshold_that_is_no_number_is_told_as_such(post):
    error = refused(post(jpeg(), job=words("dog", confidence_threshold=float("nan"))))
    assert error.startswith("config.confidence_threshold: NaN is no number")


@pytest.mark.parametrize("accept", ["application/json", "multipart/form-data"])
def test_case_19_a_json_body_has_no_input(running, accept):
    url, job = f"{running.address}/prodia/v2/job", {"type": "inference.segment.v1"}
    answer = httpx2.post(url, json=job, headers={**KEYED, "Accept": accept})
    assert answer.status_code == 400
    document = answer.json() if accept == "application/json" else parsed(answer).job
    assert document["error"].startswith("input: missing")
    assert document["type"] == "inference.segment.v1"


@pytest.mark.parametrize("kind", ["inference.flux-fast.schnell.txt2img.v1", "", "INFERENCE.SEGMENT.V1"])
def test_case_20_an_unknown_type(post, kind):
    assert "unsupported job type" in refused(post(jpeg(), job={"type": kind}))


@pytest.mark.parametrize("kind", ["inference.segment.v2", "inference.sam3.segment.v1"])
@pytest.mark.parametrize(
    "config", [{}, {"prompt": ""}, {"prompt": "a" * 501}, {"prompt": "cup", "confidence_threshold": 2}]
)
def test_case_20_words_that_are_no_words(post, kind, config):
    assert re.match(
        r"config\.(prompt|confidence_threshold): ", refused(post(jpeg(), job={"type": kind, "config": config}))
    )


@pytest.mark.parametrize("path", ["/prodia/v2/job", "/prodia/v2/job/async"])
def test_case_20_words_that_nobody_here_knows_are_refused(post, path):
    error = refused(post(jpeg(), job=words("the cup"), path=path))
    assert error.startswith("config.prompt: ")
    assert "'cup'" in error
    assert "rubylith models pull fastestdet" in error


@pytest.mark.parametrize("prompt", [" ", ",.", "a" * 201])
def test_case_20_words_that_name_nothing_are_refused(post, prompt):
    assert refused(post(jpeg(), job=words(prompt))).startswith("config.prompt: ")


@pytest.mark.parametrize("kind", ["inference.segment.v2", "inference.sam3.segment.v1"])
@pytest.mark.parametrize("prompt", ["white, orange", "white and the largest orange object"])
def test_words_give_a_mask_of_each_thing_largest_first(post, kind, prompt):
    told = parsed(post(encoded(drawing()), job=words(prompt, kind)))
    assert (told.status, told.job["type"]) == (200, kind)
    assert told.job["config"] == {"prompt": prompt, "confidence_threshold": 0.5}
    disc, bar = (opened(data) for data in told.outputs)
    assert disc.shape == bar.shape == (300, 400)
    assert set(np.unique(disc)) == set(np.unique(bar)) == {0, 255}
    assert disc[150, 200] == bar[266, 80] == 255
    assert disc[266, 80] == bar[150, 200] == 0


def test_the_threshold_drops_what_is_less_certain(post):
    assert len(parsed(post(jpeg(), job=words("object", confidence_threshold=0))).outputs) == 2
    none = parsed(post(jpeg(), job=words("object", confidence_threshold=1)))
    assert (none.status, none.outputs) == (200, [])


def test_words_are_looked_up_in_larger_pictures(post):
    told = parsed(post(jpeg(4096, 256), job=words("orange")))
    assert opened(told.outputs[0]).shape == (256, 4096)
    assert "4097 is above the maximum 4096" in refused(post(jpeg(4097, 256), job=words("orange")))
    assert "255 is below the minimum 256" in refused(post(jpeg(255, 256), job=words("orange")))


def test_words_may_be_answered_later(running, post):
    job_id = post(jpeg(), job=words("orange"), path="/prodia/v2/job/async").json()["id"]
    with running.client(SECRET) as client:
        assert ended(client, job_id) == "processed"
        assert client.get(f"/prodia/v2/job/async/{job_id}/output").json() == ["mask_0.png"]


def ended(client, job_id):
    """Its state, once it has ended."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state = client.get(f"/prodia/v2/job/async/{job_id}/job.state.current")
        assert state.headers["content-type"].startswith("text/plain")
        if state.text != "processing":
            return state.text
        time.sleep(0.05)
    raise AssertionError("the job has not ended")


def test_case_22_a_job_answered_later(running, post, first):
    answer = post(jpeg(), path="/prodia/v2/job/async?price=true")
    assert answer.status_code == 201
    job_id = answer.json()["id"]
    assert answer.json()["state"]["current"] == "processing"
    with running.client(SECRET) as client:
        assert ended(client, job_id) == "processed"
        document = client.get(f"/prodia/v2/job/async/{job_id}/job.json").json()
        assert (document["id"], document["state"]["current"]) == (job_id, "processed")
        assert document["metrics"]["elapsed"] > 0
        assert document["price"]["dollars"] == 0
        names = client.get(f"/prodia/v2/job/async/{job_id}/output").json()
        files = [client.get(f"/prodia/v2/job/async/{job_id}/output/{name}") for name in names]
        assert names == first.names
        assert [file.content for file in files] == first.outputs
        assert {file.headers["content-type"] for file in files} == {"image/png"}
        assert client.get(f"/prodia/v2/job/async/{job_id}/output/mask_99.png").status_code == 404
    with running.client(OTHER) as other:
        for path in ("job.json", "job.state.current", "output", "output/mask_0.png"):
            assert other.get(f"/prodia/v2/job/async/{job_id}/{path}").status_code == 404


def test_case_22_an_unknown_job(running):
    with running.client(SECRET) as client:
        for path in ("job.json", "job.state.current", "output", "output/mask_0.png"):
            for unknown in ("nobody", "%00", "00000000-0000-4000-8000-000000000000", "x" * 500):
                assert client.get(f"/prodia/v2/job/async/{unknown}/{path}").status_code == 404


def test_case_22_a_fault_is_told_at_once_or_as_the_jobs_error(running, post):
    assert "foo" in refused(
        post(jpeg(), job={"type": "inference.segment.v1", "config": {"foo": 1}}, path="/prodia/v2/job/async")
    )
    assert "at once only" in refused(post(job={"type": "inference.ping.v1"}, path="/prodia/v2/job/async"))
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    job_id = post(encoded(noise)[:20_000], path="/prodia/v2/job/async").json()["id"]
    with running.client(SECRET) as client:
        assert ended(client, job_id) == "failed"
        assert "truncated" in client.get(f"/prodia/v2/job/async/{job_id}/job.json").json()["error"]
        assert client.get(f"/prodia/v2/job/async/{job_id}/output").status_code == 404


def test_the_document_of_a_job_is_json_that_any_reader_takes(first):
    assert json.loads(json.dumps(first.job, allow_nan=False)) == first.job
