"""Webhooks: one POST that equals the later GET, signed once there is a secret, tried again."""

import json
import re

import pytest
from tests.dialects.tengr.artworks import DATA_URI, OTHER, POINTS, TEXT, client, signature
from tests.jobs.orders import wait
from tests.servers import Reply, http_site


@pytest.fixture
def hook():
    """A receiver; its first answer is 500."""
    answers = iter([500])
    with http_site(lambda _: Reply(next(answers, 204))) as site:
        yield site


def test_case_17_a_webhook_equals_the_artwork_is_signed_and_tried_again(tengr, hook):
    secret = tengr.http.post("/v2/organizations/any/webhook-secret").json()["secret"]
    assert re.fullmatch("[0-9a-f]{64}", secret)
    artwork = tengr.made(**POINTS, webhook=hook.url("/done"))
    wait(lambda: len(hook.received) == 2)
    for told in hook.received:
        assert (told.method, told.path) == ("POST", "/done")
        assert json.loads(told.body) == artwork == tengr.get(artwork["id"])
        assert told.headers["content-type"] == "application/json"
        assert told.headers["x-webhook-id"] == artwork["id"]
        assert told.headers["x-webhook-signature"] == signature(secret, told.body)


@pytest.mark.parametrize("document", [{**TEXT, "textPrompt": "dog"}, {**POINTS, "imageUrl": "http://127.0.0.1:9/a"}])
def test_case_18_the_webhook_of_a_failed_artwork_is_sent_too(tengr, document):
    with http_site(lambda _: Reply()) as hook:
        artwork = tengr.create(**document, webhook=hook.url("/done"))
        wait(lambda: hook.received)
    told = json.loads(hook.received[0].body)
    assert (told["id"], told["status"], told["results"]) == (artwork["id"], "failed", [])


def test_a_key_without_a_secret_is_told_unsigned_and_never_with_anothers(running, tengr):
    tengr.http.post("/v2/organizations/any/webhook-secret")
    with http_site(lambda _: Reply()) as hook, (stranger := client(running.address, OTHER)).http:
        stranger.made("remove-background", imageUrl=DATA_URI, webhook=hook.url())
        wait(lambda: hook.received)
    assert "x-webhook-signature" not in hook.received[0].headers
