"""Cases that need a server of their own kind; one process has room for one server at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
from tests.dialects.prodia.conftest import CLIENT, MULTIPART, form, jpeg, parsed
from tests.running import serve
from tests.vendors import run_node


def test_case_21_a_full_server_says_when_to_come_back(tmp_path):
    crowded = {"RUBYLITH_CONCURRENCY": "1", "RUBYLITH_WAITING": "0"}
    with serve(tmp_path, crowded) as running:
        held, begun = threading.Event(), threading.Event()

        def hold(_):
            begun.set()
            held.wait(60)

        running.built.service.scheduler.submit(hold, "somebody")
        assert begun.wait(60)
        url = f"{running.address}/prodia/v2/job"
        answer = httpx2.post(url, files=form(jpeg()), headers=MULTIPART, timeout=60)
        held.set()
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert not answer.headers["content-type"].startswith("multipart")


def test_case_21_the_client_comes_back_to_a_full_server_and_succeeds(tmp_path, pictures):
    with serve(tmp_path, {"RUBYLITH_CONCURRENCY": "1", "RUBYLITH_WAITING": "0"}) as running:
        service, freed = running.built.service, threading.Event()
        service.scheduler.submit(lambda _: freed.wait(90), "somebody")
        environment = {"ADDRESS": running.address, "PICTURES": pictures, "CASES": "1"}
        with ThreadPoolExecutor(1) as pool:
            client = pool.submit(run_node, CLIENT, environment)
            until = time.monotonic() + 60
            while b'"429"' not in service.metrics.exposition() and time.monotonic() < until and not client.done():
                time.sleep(0.05)
            freed.set()
            told = client.result()["1"]
    assert told["asked"] >= 2
    assert told["outputs"]


def test_a_body_of_unknown_length_over_the_limit_is_the_callers_fault_and_none_of_ours(tmp_path, capfd):
    with serve(tmp_path, {"RUBYLITH_MAX_BODY": "100000"}) as running:
        for headers in ({"Content-Type": "multipart/form-data; boundary=x"}, {}):
            # a part that goes on and on, or the form would be refused for what it says as soon as that has come
            begun = b'--x\r\nContent-Disposition: form-data; name="input"; filename="a.png"\r\n\r\n'
            body = iter([begun, *[b"x" * 10_000] * 20])
            answer = httpx2.post(f"{running.address}/prodia/v2/job", content=body, headers=MULTIPART | headers)
            assert "above the maximum 100000" in parsed(answer).job["error"]
        answer = httpx2.post(f"{running.address}/tengr/v2/artworks/segmentation", content=iter([b" " * 10_000] * 20))
        assert (answer.status_code, answer.json()["statusCode"]) == (413, 413)
    assert "unforeseen" not in capfd.readouterr().out


def test_without_any_key_whatever_token_is_shown_will_do(tmp_path):
    with serve(tmp_path) as running:
        answer = httpx2.post(
            f"{running.address}/prodia/v2/job",
            files=form(job={"type": "inference.ping.v1"}),
            headers={"Authorization": "Bearer anything", **MULTIPART},
        )
        assert parsed(answer).status == 200
