"""Files that come later: an address to PUT them to, which works without a key, and bounds on what arrives."""

import select
import socket
import threading
import time

import httpx2
import pytest
from tests.dialects.native.test_native import CLICK, PICTURE
from tests.running import serve

from rubylith.dialects import _receiving
from rubylith.service import uploads


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    environment = {"RUBYLITH_KEYS": "key,other", "RUBYLITH_MAX_BYTES": "300000", "RUBYLITH_MAX_BODY": "100000"}
    with serve(tmp_path_factory.mktemp("home"), environment) as running:
        yield running


@pytest.fixture(scope="module")
def mine(running):
    with running.client("key") as client:
        yield client


@pytest.fixture(scope="module")
def theirs(running):
    with running.client("other") as client:
        yield client


def begin(mine, **body):
    answer = mine.post("/v1/uploads", json=body)
    assert answer.status_code == 201
    return answer.json()


def test_a_file_put_to_its_address_without_a_key_is_the_owners_picture(mine, theirs):
    ticket = begin(mine, name="a photo.png", media_type="image/png")
    assert ticket["method"] == "PUT"
    ask = {"image": ticket["id"], **CLICK}
    assert mine.post("/v1/segment", json=ask).status_code == 404  # not sent yet
    sent = httpx2.put(ticket["url"], content=PICTURE)
    assert (sent.status_code, sent.json()["id"], sent.json()["name"]) == (201, ticket["id"], "a photo.png")
    assert httpx2.get(sent.json()["url"]).content == PICTURE
    assert mine.post("/v1/segment", json=ask).status_code == 200
    assert theirs.post("/v1/segment", json=ask).status_code == 404


def test_a_link_of_our_own_that_has_expired_is_told_as_such_at_every_door(running, mine):
    files = running.built.service.files
    kept = mine.post("/v1/files", content=PICTURE, headers={"Content-Type": "image/png"}).json()
    base = kept["url"].partition("/v1/")[0] + "/v1/objects"
    key = files.objects.stat(f"files/{kept['id']}").key
    expired = files.objects.own_url(key, base=base, until=time.time() - 5)
    gone = files.objects.own_url("files/file_0", base=base, until=time.time() + 500)
    for url in (expired, gone):
        told = mine.post("/v1/segment", json={"image": url, **CLICK})
        assert (told.status_code, told.json()["detail"]) == (400, "The link to the picture has expired")
        assert mine.post("/v1/jobs", json={"image": url, **CLICK}).status_code == 400
        order = {"image_url": url, "prompts": [{"x": 10, "y": 10}]}
        told = running.http.post("/fal/run/fal-ai/sam2/image", json=order, headers={"Authorization": "Key key"})
        assert (told.status_code, told.json()["detail"][0]["type"]) == (422, "file_download_error")
        assert "expired" in told.json()["detail"][0]["msg"]


def test_an_address_that_was_altered_opens_nothing(mine):
    ticket, another = begin(mine), begin(mine)
    for url in (ticket["url"][:-3] + "abc", ticket["url"].replace(ticket["id"], another["id"])):
        assert httpx2.put(url, content=PICTURE).status_code == 403


def test_a_file_may_be_larger_than_a_body_but_not_than_a_file(mine):
    assert httpx2.put(begin(mine)["url"], content=bytes(200_000)).status_code == 201
    answer = httpx2.put(begin(mine)["url"], content=bytes(300_001))
    assert (answer.status_code, answer.json()["title"]) == (413, "Too large")


def test_a_sender_who_falls_silent_gives_the_place_back_and_leaves_nothing(running, mine, monkeypatch):
    monkeypatch.setattr(_receiving, "SILENT_SECONDS", 0.3)
    ticket = begin(mine)
    answer = b""
    with silent(running, ticket) as sender:
        while b"nothing came" not in answer and (piece := sender.recv(4096)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 504")
    assert b"nothing came" in answer
    assert mine.get(f"/v1/files/{ticket['id']}").status_code == 404
    assert httpx2.put(ticket["url"], content=PICTURE).status_code == 201


def test_a_sender_who_trickles_gives_the_place_back_as_well(running, mine, monkeypatch):
    monkeypatch.setattr(_receiving, "SILENT_SECONDS", 0.5)
    ticket, answer = begin(mine), b""
    with silent(running, ticket) as sender:
        for _ in range(200):
            sender.sendall(b".")
            if select.select([sender], [], [], 0.05)[0]:
                answer = sender.recv(4096)
                break
    assert answer.startswith(b"HTTP/1.1 504")
    assert mine.get(f"/v1/files/{ticket['id']}").status_code == 404


def test_more_files_at_once_than_there_are_places_are_503(running, mine):
    tickets = [begin(mine) for _ in range(uploads.ARRIVING_AT_ONCE)]
    senders = [silent(running, ticket) for ticket in tickets]
    try:
        until = time.monotonic() + 20
        while running.built.service.uploads.places._value and time.monotonic() < until:
            time.sleep(0.02)
        answer = httpx2.put(begin(mine)["url"], content=PICTURE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert mine.post("/v1/segment", content=PICTURE, headers={"Content-Type": "image/png"}).is_success
    finally:
        for sender in senders:
            sender.close()
    until = time.monotonic() + 20
    while running.built.service.uploads.places._value < uploads.ARRIVING_AT_ONCE and time.monotonic() < until:
        time.sleep(0.02)
    assert httpx2.put(begin(mine)["url"], content=PICTURE).status_code == 201


def silent(running, ticket):
    """A sender who announces more than comes."""
    host, _, port = running.address.removeprefix("http://").partition(":")
    sender = socket.create_connection((host, int(port)), 20)
    path = ticket["url"].removeprefix(running.address)
    sender.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun".encode())
    return sender


def test_parts_that_arrive_together_count_one_another(running):
    store = running.built.service.uploads
    owner = running.built.service.access.caller("key")
    ticket = store.begin(owner, media_type="image/png", name="a")
    started, failures = threading.Barrier(2), []

    def chunks():
        yield bytes(100_000)
        started.wait(20)  # both have begun, and neither is written
        yield bytes(100_000)

    def send(number):
        try:
            store.keep_part(ticket.id, ticket.put, number, chunks())
        except Exception as error:  # noqa: BLE001
            failures.append(type(error).__name__)

    threads = [threading.Thread(target=send, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(failures) == {"TooLarge"}
