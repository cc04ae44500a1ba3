"""What nobody with good intentions sends."""

import time

import pytest
from tests.running import serve


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_a_list_of_parts_without_a_ticket_is_refused_before_it_is_read(running):
    answer = running.http.post("/fal/cdn/uploads/file_x/complete", content=b'{"parts":[' + b"[]," * 500_000 + b"[]]}")
    assert answer.status_code in {403, 404}


def test_an_address_that_repeats_itself_costs_no_time(running):
    url = "https://h" + ("/cdn/files/file_" + "a" * 32 + "/a") * 2000 + "?"
    started = time.monotonic()
    answer = running.http.post("/fal/run/fal-ai/sam2/auto-segment", json={"image_url": url})
    assert answer.status_code == 422
    assert time.monotonic() - started < 20


def test_letters_that_no_encoding_has_are_a_fault_of_the_picture(running):
    body = b'{"image_url": "data:,\\ud800"}'
    answer = running.http.post("/fal/run/fal-ai/sam2/auto-segment", content=body)
    assert 400 <= answer.status_code < 500
