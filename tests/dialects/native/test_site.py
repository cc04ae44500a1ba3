"""The pages that belong to no API, and what a request is told that is nearly right."""

import gzip
import re

import pytest
from structlog.testing import capture_logs
from tests.dialects.native.test_native import DATA_URI, PICTURE
from tests.running import serve

from rubylith import dialects
from rubylith.domain import errors


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running.http


def test_the_root_says_what_is_served_where_to_people_and_to_programs(http):
    document = http.get("/").json()
    assert len(document["doors"]) == len(dialects.NAMES)
    assert document["doors"]["/v1"].startswith("Rubylith's own API")
    page = http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    linked = re.findall(r'href="([^"]+)"', page.text)
    assert linked
    for path in (*linked, *document["pages"]):
        assert http.get(path).status_code in {200, 307}, path


def test_the_type_of_every_problem_leads_to_what_it_means(http):
    told = http.post("/v1/segment", json={"image": "nosuch"}).json()
    meaning = http.get(told["type"]).json()
    assert (meaning["type"], meaning["title"], meaning["status"]) == (told["type"], told["title"], told["status"])
    listed = http.get("/v1/problems").json()
    families = {name for name, kind in vars(errors).items() if isinstance(kind, type) and kind.__mro__[1:-3]}
    assert families - {"RubylithError"} <= set(listed)
    assert all(one["meaning"] for one in listed.values())
    assert http.get("/v1/problems/Nosuch").status_code == 404


def test_a_compressed_body_is_415_and_says_to_send_it_plainly(http):
    for path in ("/v1/segment", "/v1/jobs", "/v1/files", "/v1/embeddings", "/v1/uploads"):
        body, headers = gzip.compress(b"{}"), {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answer = http.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
        assert "send it as it is" in answer.json()["detail"]
        assert answer.headers["accept-encoding"] == "identity"


def test_a_slash_too_many_is_no_redirect_but_a_problem_that_names_the_path(http):
    answer = http.post("/v1/segment/", json={"image": DATA_URI})
    assert (answer.status_code, "/v1/segment," in answer.json()["hint"]) == (404, True)


@pytest.mark.parametrize("point", [[1, 2, 5], [1], [1, 2, 1, 1], ["a", 2], {"x": 1, "y": 2}, 7])
def test_what_is_no_point_is_told_once_and_with_the_forms_that_are(http, point):
    answer = http.post("/v1/segment", json={"image": DATA_URI, "points": [[3, 4], point]})
    assert (answer.status_code, [fault["field"] for fault in answer.json()["errors"]]) == (422, ["points.1"])
    assert "[x, y, 0]" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"image": "data:image/png;base64,AAAA"}, 422, "InvalidImage"),
        ({"image": "file_0123456789abcdef"}, 404, "NotFound"),
        ({"image": "http://169.254.169.254/latest"}, 400, "UnsafeAddress"),
        ({"image": DATA_URI, "points": [[5000, 5000]]}, 400, "InvalidPrompt"),
        ({"image": DATA_URI, "model": "nosuch"}, 400, "UnknownName"),
    ],
)
def test_a_job_is_refused_at_once_for_what_an_answer_is_refused_for(http, body, status, kind):
    for path in ("/v1/segment", "/v1/jobs"):
        answer = http.post(path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/v1/problems/{kind}"), path


def test_a_job_on_one_of_the_servers_own_links_is_taken(http):
    link = http.post("/v1/files", content=PICTURE, headers={"Content-Type": "image/png"}).json()["url"]
    assert http.post("/v1/jobs", json={"image": link, "points": [[80, 60]]}).status_code == 202


def test_the_log_has_no_tickets_that_paths_carry(http):
    ticket = "bWV0aG9kPUdFVCZleHBpcmVz" * 4
    with capture_logs() as lines:
        http.get(f"/fal/cdn/files/file_{'0' * 32}/{ticket}/a.png")
        http.get(f"/v1/files/file_{'0' * 32}")
    paths = [line["path"] for line in lines if line["event"] == "answered"]
    assert paths == [f"/fal/cdn/files/file_{'0' * 32}/…/a.png", f"/v1/files/file_{'0' * 32}"]


def test_a_key_of_an_order_has_no_character_that_a_database_refuses(http):
    answer = http.post("/v1/jobs", json={"image": DATA_URI, "idempotency_key": "a\0b"})
    assert answer.status_code == 422
