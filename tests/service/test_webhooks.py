import base64
import hashlib
import json
from ipaddress import ip_network

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.servers import Reply, http_site, raw_site

from rubylith.domain.errors import StorageFailed, UnsafeAddress
from rubylith.service.fetching import Fetcher
from rubylith.service.webhooks import Attempt, Ed25519Signing, Sender, jwks, kept_key

LOOPBACK = (ip_network("127.0.0.0/8"),)
BODY = json.dumps({"status": "OK"}).encode()


def holds(headers, body, keys) -> bool:
    """Check as a receiver does, from what is on the wire and the published keys alone."""
    names = ("request-id", "user-id", "timestamp")
    parts = [headers[f"x-rubylith-webhook-{name}"] for name in names]
    text = "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode()
    for key in keys["keys"]:
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
        try:
            public.verify(bytes.fromhex(headers["x-rubylith-webhook-signature"]), text)
        except InvalidSignature:
            continue
        return True
    return False


def test_a_receiver_can_check_who_sent_it(tmp_path):
    key = kept_key(tmp_path / "webhooks.pem")
    with http_site(lambda _: Reply(204)) as site:
        headers = Ed25519Signing(key).headers("job-1", "caller-1", BODY)
        attempt = Sender(Fetcher(LOOPBACK)).send(site.url("/hook"), BODY, headers)
    (received,) = site.received
    assert attempt == Attempt(204, ok=True, retryable=False)
    assert received.body == BODY
    assert received.headers["content-type"] == "application/json"
    other = kept_key(tmp_path / "other.pem")
    assert holds(received.headers, received.body, jwks(other, key))
    assert not holds(received.headers, received.body + b" ", jwks(key))
    assert not holds(received.headers | {"x-rubylith-webhook-timestamp": "1"}, received.body, jwks(key))
    assert not holds(received.headers, received.body, jwks(other))


def test_each_attempt_has_the_time_of_its_own(tmp_path):
    times = iter([100.9, 200.0])
    signing = Ed25519Signing(kept_key(tmp_path / "key.pem"), prefix="X-Other", clock=lambda: next(times))
    stamps = [signing.headers("a", "b", BODY)["X-Other-Timestamp"] for _ in range(2)]
    assert stamps == ["100", "200"]


def test_the_key_outlives_a_restart_and_shows_itself_nowhere(tmp_path):
    path = tmp_path / "key.pem"
    first, again = kept_key(path), kept_key(path)
    assert jwks(first) == jwks(again)
    (public,) = jwks(first)["keys"]
    assert {name: public[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
    }
    assert "d" not in public
    assert public["kid"] != jwks(kept_key(tmp_path / "other.pem"))["keys"][0]["kid"]
    assert "key=" not in repr(Ed25519Signing(first))


def test_a_file_with_something_else_in_it_is_an_error(tmp_path):
    (tmp_path / "key.pem").write_text("not a key")
    with pytest.raises(StorageFailed):
        kept_key(tmp_path / "key.pem")


@pytest.mark.parametrize(
    ("status", "ok", "retryable"),
    [
        (200, True, False),
        (299, True, False),
        (302, False, True),
        (404, False, True),
        (410, False, False),
        (429, False, True),
        (503, False, True),
    ],
)
def test_what_the_receiver_answers_decides_whether_to_try_again(status, ok, retryable):
    with http_site(lambda _: Reply(status, {"Location": "/other"}, b"x" * 100_000)) as site:
        attempt = Sender(Fetcher(LOOPBACK)).send(site.url(), BODY, {})
    assert (attempt.status, attempt.ok, attempt.retryable) == (status, ok, retryable)
    assert len(site.received) == 1


def test_a_receiver_that_hangs_or_is_gone_is_tried_again():
    with raw_site(lambda _, over: over.wait(5)) as site:
        hangs = Sender(Fetcher(LOOPBACK), seconds=0.3).send(site.url(), BODY, {})
    gone = Sender(Fetcher(LOOPBACK)).send(site.url(), BODY, {})
    assert [(a.status, a.ok, a.retryable) for a in (hangs, gone)] == [(None, False, True)] * 2
    assert hangs.error
    assert gone.error


def test_a_receiver_in_private_space_is_refused_at_submission_and_at_delivery():
    with http_site(lambda _: Reply()) as site:
        sender = Sender(Fetcher())
        with pytest.raises(UnsafeAddress):
            sender.check(site.url())
        attempt = sender.send(site.url(), BODY, {})
    assert (attempt.ok, attempt.retryable) == (False, False)
    assert site.received == []


def test_an_id_with_a_line_break_adds_no_header():
    with http_site(lambda _: Reply()) as site:
        attempt = Sender(Fetcher(LOOPBACK)).send(site.url(), BODY, {"X-Id": "a\r\nX-Evil: 1"})
    assert not attempt.ok
    assert site.received == []
