"""The pages that show an API's routes: whole on a machine without internet, in a real browser."""

import gzip
import hashlib
from urllib.parse import urlsplit

import pytest
from tests.browser import browse
from tests.running import serve

from rubylith.dialects import _docs

# Of swagger-ui-dist 5.35.0, as its authors publish it.
SCRIPT = "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2"
STYLES = "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d"
DOORS = ("/v1", "/airefinery", "/prodia", "/vlmrun")
METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def page():
    with browse() as page:
        yield page


def of_others(asked, address):
    return [url for url in asked if urlsplit(url).scheme not in {"data", "blob"} and not url.startswith(f"{address}/")]


@pytest.mark.parametrize("door", DOORS)
def test_a_browser_shows_every_route_and_asks_nobody_else(door, running, page):
    routes = running.http.get(f"{door}/openapi.json").json()["paths"].values()
    count = sum(len(METHODS & set(route)) for route in routes)
    assert count
    page.open(f"{running.address}{door}/docs")
    page.until(f"document.querySelectorAll('.opblock').length == {count}")
    page.rest()
    assert of_others(page.asked, running.address) == []
    assert page.complaints == []


def test_a_route_is_tried_in_the_page(running, page):
    page.open(f"{running.address}/docs")  # which leads to /v1/docs
    page.until("document.querySelector('[id$=problems_get]') != null")
    page.value("document.querySelector('[id$=problems_get] .opblock-summary-control').click()")
    page.until("document.querySelector('.try-out__btn') != null")
    page.value("document.querySelector('.try-out__btn').click()")
    page.until("document.querySelector('.execute') != null")
    page.value("document.querySelector('.execute').click()")
    status = "document.querySelector('.live-responses-table tbody .response-col_status')?.innerText"
    assert page.until(status).split()[0] == "200"
    page.rest()
    assert of_others(page.asked, running.address) == []
    assert page.complaints == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", _docs.FILES)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_its_files_come_typed_and_are_kept_as_long_as_they_stay_the_same(door, name, coding, running):
    answer = running.http.get(f"{door}/docs/{name}", headers={"Accept-Encoding": coding})
    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == ("no-cache" if name == "open.js" else "max-age=31536000, immutable")
    if name != "open.js":
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        assert hashlib.sha256(answer.content).hexdigest() == (STYLES if name.endswith(".css") else SCRIPT)


@pytest.mark.parametrize("door", DOORS)
def test_the_page_lets_nothing_in_from_elsewhere(door, running):
    answer = running.http.get(f"{door}/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert not {"*", "http:", "https:", "'unsafe-eval'"} & set(policy.replace(";", "").split())
    assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/v1/docs", f"/v1/docs/{next(iter(_docs.FILES))}"])
def test_the_files_are_answered_under_the_names_that_the_page_is_answered_under(path, running):
    assert running.http.get(path, headers={"Host": "rebound.example.org"}).status_code == 421


@pytest.mark.parametrize("path", ["/docs/nosuch.js", "/docs/../_docs.py", "/docs/%2e%2e/_docs.py"])
def test_nothing_else_is_served_beside_them(path, running):
    assert running.http.get(f"/v1{path}").status_code == 404


def test_a_slash_too_many_loses_nothing_of_the_page(running, page):
    page.open(f"{running.address}/prodia/docs/")
    page.until("document.querySelectorAll('.opblock').length > 0")


def test_every_file_lies_in_the_package_with_its_licence():
    stored = {stored for stored, _ in _docs.FILES.values()}
    terms = {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"}
    assert {path.name for path in _docs.FOLDER.iterdir()} == stored | terms
    assert gzip.decompress((_docs.FOLDER / "swagger-ui-bundle.js.gz").read_bytes()).startswith(b"/*! For license")
