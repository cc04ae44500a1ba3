"""What only an S3-compatible server can show: presigned URLs, attributes, another client's view, an outage."""

import time
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest
from tests.storage.conftest import BUCKET, SECRET

from rubylith.domain.errors import NotFound, StorageFailed
from rubylith.storage.objects import Objects

MINE = {"owner": "me", "media_type": "image/png"}


def ask(url, method="GET", data=None):
    """Status, headers and body, as a client that knows nothing but the URL gets them."""
    try:
        with urlopen(Request(url, data, method=method), timeout=10) as response:
            return response.status, response.headers, response.read()
    except OSError as error:
        return error.code, error.headers, b""


@pytest.fixture
def store(s3, database, request):
    options, _ = s3
    return Objects(f"s3://{BUCKET}/{request.node.name}", database, secret=SECRET, s3=options)


def test_a_presigned_url_gives_the_object_with_its_type_and_name(store):
    store.put("a/b", b"kept", name="der Hünd.png", **MINE)
    status, headers, body = ask(store.url("a/b", base="", seconds=60))
    assert (status, body, headers["content-type"]) == (200, b"kept", "image/png")
    assert headers["content-disposition"].startswith('inline; filename="der H_nd.png"')


def test_an_expired_or_altered_url_is_refused(store):
    store.put("a/b", b"kept", **MINE)
    store.put("a/c", b"other", **MINE)
    url = store.url("a/b", base="", seconds=1)
    assert ask(url.replace("a/b", "a/c"))[0] == 403
    time.sleep(2.1)
    assert ask(url)[0] == 403


def test_a_reserved_object_is_there_once_it_was_put_past_us(store):
    store.reserve("up/1", owner="me", media_type="image/png")
    with pytest.raises(NotFound):
        store.stat("up/1")
    assert ask(store.url("up/1", base="", seconds=60, method="PUT"), "PUT", b"picture")[0] == 200
    assert store.stat("up/1", owner="me").size == 7
    assert store.read("up/1") == b"picture"
    assert [o.key for o in store.list("up/")] == ["up/1"]


def test_another_client_sees_the_same(store, s3, request):
    _, client = s3
    store.put("a/b", (b"x" * 1_000_000 for _ in range(20)), **MINE)
    key = f"{request.node.name}/a/b"
    found = client.get_object(Bucket=BUCKET, Key=key)
    assert (found["ContentLength"], found["ContentType"]) == (20_000_000, "image/png")
    store.delete("a/b")
    assert client.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0


def test_urls_can_name_the_place_where_others_reach_it(s3, database):
    options = replace(s3[0], public_endpoint="https://files.example")
    store = Objects(f"s3://{BUCKET}", database, secret=SECRET, s3=options)
    store.put("a/b", b"kept", **MINE)
    assert store.url("a/b", base="", seconds=60).startswith(f"https://files.example/{BUCKET}/a/b?")


def test_urls_can_be_ours(s3, database):
    store = Objects(f"s3://{BUCKET}", database, secret=SECRET, s3=replace(s3[0], presign=False))
    assert store.url("a/b", base="http://here", seconds=60).startswith("http://here/a/b?method=GET")


def test_a_store_that_is_away_is_an_error_of_ours_and_keeps_its_secrets(s3, database):
    options = replace(s3[0], endpoint="http://127.0.0.1:1", secret_access_key="hunter2")
    store = Objects(f"s3://{BUCKET}", database, secret=SECRET, s3=options)
    start = time.monotonic()
    with pytest.raises(StorageFailed) as caught:
        store.put("a/b", b"kept", **MINE)
    assert time.monotonic() - start < 30
    assert "hunter2" not in str(caught.value) + repr(options)
    with pytest.raises(NotFound):
        store.stat("a/b")


def test_a_wrong_key_is_an_error_of_ours(s3, database):
    store = Objects(f"s3://{BUCKET}", database, secret=SECRET, s3=replace(s3[0], secret_access_key="wrong"))
    with pytest.raises(StorageFailed):
        store.put("a/b", b"kept", **MINE)
