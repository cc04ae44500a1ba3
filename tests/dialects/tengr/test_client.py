"""How clients of all sorts call: addresses, methods, bodies, many at once; nothing of it is ever a 500."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.dialects.tengr.artworks import DATA_URI, HEIGHT, POINTS, WIDTH, client, fetched, picture

from rubylith.dialects.tengr.errors import write_invalid
from rubylith.dialects.tengr.read import read_parameters, read_remove_background, read_segmentation
from rubylith.dialects.tengr.wire import DEFAULTS, RemoveBackgroundIn, SegmentationIn
from rubylith.domain.request import SegmentRequest

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["points", DATA_URI]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
CLICKS = st.fixed_dictionaries({"points": st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=3)})
FIELDS = dict.fromkeys(SegmentationIn.model_fields, VALUES) | {"other": VALUES}


@given(
    st.fixed_dictionaries({"imageUrl": st.just(DATA_URI), "method": st.just("points"), "pointsPositive": CLICKS})
    | st.just({}),
    st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, max_size=4),
)
@settings(max_examples=200)
def test_any_document_is_an_order_or_a_list_of_faults(sound, changes):
    text = json.dumps({**sound, **changes})
    for model, read in ((SegmentationIn, read_segmentation), (RemoveBackgroundIn, read_remove_background)):
        try:
            body = model.model_validate_json(text)
        except ValidationError as error:
            faults = json.loads(write_invalid(error).body)
            assert (faults["statusCode"], faults["error"]) == (400, "Bad Request")
            assert faults["message"]
        else:
            parameters = read_parameters(body)
            more = (parameters,) if model is SegmentationIn else ()
            assert isinstance(read(body, *more, "embedded"), SegmentRequest)
            json.dumps(parameters, allow_nan=False)


def test_every_default_is_told_back_and_none_is_forgotten():
    optional = {name for name, field in SegmentationIn.model_fields.items() if not field.is_required()}
    assert optional - set(DEFAULTS) == {"webhook", "textPrompt", "pointsPositive", "pointsNegative"}
    body = SegmentationIn.model_validate_json(json.dumps({**POINTS, "webhook": None, "textConfidence": 0.5}))
    parameters = read_parameters(body)
    assert "webhook" not in parameters
    assert parameters["textConfidence"] == 0.5
    assert "textMaxDetections" not in parameters
    assert parameters["pointsBestMask"] is True
    assert len(parameters["imageUrl"]) < 80


@pytest.mark.parametrize("base", ["", "/", "//"])
@pytest.mark.parametrize("end", ["", "/"])
def test_slashes_too_many_are_passed_over(running, tengr, base, end):
    headers = tengr.http.headers
    root = f"{running.address}/tengr{base}"
    made = httpx2.post(f"{root}/v2/artworks/segmentation{end}", json=POINTS, headers=headers, timeout=60)
    assert made.status_code == 202
    found = httpx2.get(f"{root}/v2/artworks/{made.json()['id']}{end}", headers=headers, timeout=60)
    assert found.json()["id"] == made.json()["id"]
    assert httpx2.get(f"{root}/v2/artworks{end}", headers=headers, timeout=60).status_code == 200


def test_the_root_says_what_is_there_without_a_key(running):
    answered = httpx2.get(f"{running.address}/tengr/")
    assert answered.status_code == 200
    assert set(answered.json()) == {"name", "version", "routes"}
    assert "POST /v2/artworks/segmentation" in answered.json()["routes"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/artworks/segmentation/x"),
        ("DELETE", "/v2/artworks/6f3b1c8e-0000-4000-8000-000000000000"),
        ("PUT", "/v2/artworks"),
        ("OPTIONS", "/v2/artworks/segmentation"),
        ("GET", "/v1/artworks/x"),
        ("GET", "/v2"),
    ],
)
def test_an_unknown_path_or_method_is_404_in_the_vendors_form(tengr, method, path):
    answered = tengr.http.request(method, path)
    assert (answered.status_code, answered.json()["error"], answered.json()["statusCode"]) == (404, "Not Found", 404)
    assert answered.json()["message"].startswith(f"Cannot {method} ")


def test_head_is_answered_where_get_is(tengr):
    artwork = tengr.made(**POINTS)
    for url in ("/", "/v2/artworks", f"/v2/artworks/{artwork['id']}"):
        answered = tengr.http.head(url)
        assert (answered.status_code, answered.content) == (200, b"")
    answered = httpx2.head(artwork["results"][0])
    assert (answered.status_code, answered.content) == (200, b"")
    assert int(answered.headers["content-length"]) == len(fetched(artwork["results"][0]).content)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"{'a': 1}", b"\xff", b"[" * 9999, b'{"a": NaN}'])
@pytest.mark.parametrize("kind", ["segmentation", "remove-background"])
def test_what_is_no_document_is_400(tengr, body, kind):
    answered = tengr.http.post(f"/v2/artworks/{kind}", content=body, headers={"Content-Type": "application/json"})
    assert (answered.status_code, answered.json()["error"]) == (400, "Bad Request")


def test_a_body_over_the_limit_is_413_in_the_vendors_form(running, tengr):
    limit = running.built.settings.max_body
    headers = {"Content-Length": str(limit + 1), "Content-Type": "application/json"}
    answered = tengr.http.post("/v2/artworks/segmentation", content=b" " * (limit + 1), headers=headers)
    assert (answered.status_code, answered.json()["error"]) == (413, "Payload Too Large")


def test_a_document_needs_no_content_type(tengr):
    answered = tengr.http.post("/v2/artworks/segmentation", content=json.dumps(POINTS).encode())
    assert answered.status_code == 202


def test_sixteen_at_once_each_get_their_own(running, tengr, other):
    def ask(n):
        who = (tengr, other)[n % 2]
        return who, who.made(**{**POINTS, "maskExpand": n})

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(ask, range(16)))
    masks = [picture(artwork["results"][0]) for _, artwork in made]
    assert [artwork["parameters"]["maskExpand"] for _, artwork in made] == list(range(16))
    assert [int(m.sum()) for m in masks] == sorted({int(m.sum()) for m in masks})
    for who, artwork in made:
        stranger = other if who is tengr else tengr
        assert stranger.http.get(f"/v2/artworks/{artwork['id']}").status_code == 404


def test_a_result_can_be_the_next_picture(tengr):
    (url,) = tengr.made("remove-background", imageUrl=DATA_URI, outputFormat="png")["results"]
    assert tengr.mask(imageUrl=url).shape == (HEIGHT, WIDTH)


def test_a_link_with_a_space_in_its_path_is_followed(tengr, site):
    assert tengr.mask(imageUrl=site.url("/my photo.png")).shape == (HEIGHT, WIDTH)


def test_a_link_that_was_altered_opens_nothing(tengr):
    (url,) = tengr.made(**POINTS)["results"]
    for altered in (
        url.partition("?")[0],
        url[:-1],
        url.replace("expires=", "expires=9"),
        url.replace("jobs/", "files/"),
    ):
        gone = fetched(altered)
        assert (gone.status_code, gone.json()["statusCode"]) == (404, 404)


def test_points_on_the_far_edge_and_many_points_are_fine(tengr):
    corners = [[1, 1], [1.0, 0.98]]
    assert tengr.mask(pointsPositive={"points": corners})[-1, -1] == 255
    many = {**POINTS, "pointsPositive": {"points": [[0.5, 0.5]] * 1001}}
    refused = tengr.http.post("/v2/artworks/segmentation", json=many)
    assert refused.status_code == 400
    assert "pointsPositive.points" in refused.json()["message"]


def test_links_name_the_host_that_was_asked_or_the_public_address(running, tengr):
    port = running.address.rpartition(":")[2]
    with (same := client(f"http://localhost:{port}")).http:
        (url,) = same.made(**POINTS)["results"]
    assert url.startswith(f"http://localhost:{port}/tengr/")
    assert "expires=" in url
