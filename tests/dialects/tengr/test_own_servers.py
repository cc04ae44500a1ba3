"""Cases that need a server of their own: as it comes, and started again."""

import threading

from tests.dialects.tengr.artworks import DATA_URI, POINTS, TEXT, client, refused, signature
from tests.jobs.orders import wait
from tests.running import serve
from tests.servers import Reply, http_site

from rubylith.domain.caller import Quota

NOT_TOLD = [
    "http://example.com/x",
    "https://127.0.0.1/x",
    "https://10.0.0.5/x",
    "https://169.254.169.254/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://localhost/x",
    "https://a.localhost/x",
    "https://printer.local/x",
    "https://metadata.internal/x",
    "https://user:word@example.com/x",
    "https://[::1]/x",
    "https://[fd00::1]/x",
    "ftp://example.com/x",
]


def test_case_16_a_webhook_leads_to_a_public_host_by_https(tmp_path):
    with serve(tmp_path) as running, (client_ := client(running.address, None)).http:
        for url in NOT_TOLD:
            refused(client_, {**POINTS, "webhook": url}, names="webhook")
            refused(client_, {"imageUrl": DATA_URI, "webhook": url}, names="webhook", kind="remove-background")
        assert client_.create(**TEXT, webhook="https://example.com/hook")["parameters"]["webhook"]


def test_names_of_webhooks_are_looked_up_for_those_only_who_have_not_had_their_share(tmp_path):
    with serve(tmp_path) as running:
        key = running.built.service.access.create("slow", quota=Quota(2, 60)).secret
        with (client_ := client(running.address, key)).http:
            for _ in range(2):
                refused(client_, {**POINTS, "webhook": "https://a.localhost/x"}, names="webhook")
            answered = client_.http.post(
                "/v2/artworks/segmentation", json={**POINTS, "webhook": "https://a.localhost/x"}
            )
            assert answered.status_code == 429


def test_the_secret_survives_a_restart_and_a_new_one_takes_its_place(tmp_path):
    environment = {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}
    lock, bodies = threading.Lock(), []

    def taken(asked):
        with lock:
            bodies.append((asked.body, asked.headers.get("x-webhook-signature")))
        return Reply()

    with http_site(taken) as hook:
        secrets = []
        for _ in range(2):
            with serve(tmp_path, environment) as running, (client_ := client(running.address, None)).http:
                if secrets:
                    client_.create(**TEXT, webhook=hook.url())
                    wait(lambda: len(bodies) == 2)
                secrets.append(client_.http.post("/v2/organizations/o/webhook-secret").json()["secret"])
                last = len(bodies)
                client_.create(**TEXT, webhook=hook.url())
                wait(lambda last=last: len(bodies) > last)
    first, same, new = bodies
    assert first[1] == signature(secrets[0], first[0])
    assert same[1] == signature(secrets[0], same[0])
    assert new[1] == signature(secrets[1], new[0])
    assert len(set(secrets)) == 2
