"""What the numbered cases leave out: siblings of segmentation, turned pictures, odd addresses, crowds."""

import io
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import PIL.Image
import pytest
from tests.dialects.prodia.conftest import KEYED, MULTIPART, drawing, jpeg, parsed
from tests.pictures import encoded

from rubylith.dialects.prodia.write import AS_STORED
from rubylith.service.intake import UPRIGHT

BACKGROUND, MASK = {"type": "inference.remove-background.v1"}, {"type": "inference.mask-background.v1"}


def opened(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def test_removing_the_background_keeps_the_subject_in_its_own_colours(post):
    told = parsed(post(encoded(drawing()), job=BACKGROUND))
    (data,) = told.outputs
    cutout = opened(data)
    assert told.types == ["image/png"]
    assert cutout.shape == (300, 400, 4)
    assert tuple(cutout[150, 200]) == (230, 120, 40, 255)
    assert not cutout[:40].any()


def test_the_mask_of_the_background_is_white_on_the_subject(post):
    (data,) = parsed(post(encoded(drawing()), job=MASK)).outputs
    mask = opened(data)
    assert mask.shape == (300, 400)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[150, 200], mask[10, 10]) == (255, 0)


def test_an_image_alone_is_the_cutout(post):
    answer = post(encoded(drawing()), job=BACKGROUND, headers={"Accept": "image/png"})
    assert opened(answer.content).shape == (300, 400, 4)


@pytest.mark.parametrize("job", [BACKGROUND, MASK, {"type": "inference.segment.v1"}])
def test_outputs_lie_as_the_pixels_of_the_file_do(post, job):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    upright = parsed(post(encoded(np.rot90(drawing(), -1)), job=job))
    stored = parsed(post(encoded(drawing(), exif=exif), job=job))
    assert opened(stored.outputs[0]).shape[:2] == (300, 400)
    assert len(stored.outputs) == len(upright.outputs)
    assert np.array_equal(opened(stored.outputs[0]) > 0, np.rot90(opened(upright.outputs[0])) > 0)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_turn_is_taken_back(orientation):
    stored = np.arange(6).reshape(2, 3).astype(np.uint8)
    upright = np.asarray(PIL.Image.fromarray(stored).transpose(UPRIGHT[orientation]))
    assert np.array_equal(AS_STORED[orientation](upright), stored)


@pytest.mark.parametrize("accept", ["multipart/form-data", "application/json", "image/png"])
def test_a_ping_answers_a_job_without_outputs(post, accept):
    answer = post(job={"type": "inference.ping.v1"}, headers={"Accept": accept})
    document = answer.json() if accept != "multipart/form-data" else parsed(answer).job
    assert (answer.status_code, document["state"]["current"]) == (200, "completed")


@pytest.mark.parametrize("path", ["/prodia/v2//job", "/prodia/v2/job/"])
def test_slashes_of_a_base_url_do_not_matter(post, path):
    assert parsed(post(job={"type": "inference.ping.v1"}, path=path)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/prodia/v2/job", 405),
        ("OPTIONS", "/prodia/v2/job", 405),
        ("HEAD", "/prodia/v2/job", 405),
        ("GET", "/prodia/v2/models", 404),
        ("POST", "/prodia/v1/job", 404),
    ],
)
def test_other_methods_and_addresses_are_told_in_words(running, method, path, status):
    answer = httpx2.request(method, f"{running.address}{path}", headers=KEYED)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_form_that_is_none_is_the_callers_fault(running):
    headers = {**KEYED, **MULTIPART, "Content-Type": "multipart/form-data"}
    answer = httpx2.post(f"{running.address}/prodia/v2/job", content=b"hello", headers=headers)
    assert parsed(answer).status == 400


def test_sixteen_at_once_get_their_own(post):
    widths = range(256, 256 + 16)
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda width: parsed(post(jpeg(width, 256))), widths))
    assert [opened(one.outputs[0]).shape[1] for one in told] == list(widths)
    assert len({one.job["id"] for one in told}) == 16


def test_every_operation_of_the_openapi_document_has_an_id_of_its_own(running):
    routes = running.http.get("/prodia/openapi.json").json()["paths"].values()
    ids = [operation["operationId"] for route in routes for operation in route.values()]
    assert len(ids) == len(set(ids)) == 6
