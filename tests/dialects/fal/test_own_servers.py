"""What needs a server of its own kind; one process has room for one server at a time."""

import json

from tests.dialects.fal.calls import DATA_URI, IMAGE, Calls, serving
from tests.servers import Reply, http_site, raw_site

RED = [{"x": 35, "y": 45}]


def test_a_picture_that_comes_too_slowly_is_the_same_fault_by_run_and_by_queue(tmp_path):
    def silent(connection, over):
        connection.recv(1000)
        over.wait(5)

    with raw_site(silent) as site, serving(tmp_path, RUBYLITH_FETCH_SECONDS="0.3") as running:
        fal = Calls(running)
        for told in (
            fal.run(image_url=site.url("/a.png")),
            fal.result(fal.submit(image_url=site.url("/a.png")).json()),
        ):
            (fault,) = told.json()["detail"]
            assert (told.status_code, fault["type"], fault["loc"]) == (
                422,
                "file_download_error",
                ["body", "image_url"],
            )


PAGE = {"Origin": "https://page.example.org"}
ASKED = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, x-fal-target-url"}


def test_where_a_key_is_needed_pages_of_all_origins_may_call(tmp_path):
    with serving(tmp_path) as running:
        fal = Calls(running)
        for path in ("/proxy", f"/queue/{IMAGE}", "/cdn/uploads/x"):
            preflight = running.http.options(f"/fal{path}", headers=PAGE | ASKED)
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == "*"
            assert "x-fal-target-url" in preflight.headers["access-control-allow-headers"]
        for answer in (fal.run(IMAGE, headers=PAGE, image_url=DATA_URI, prompts=RED), fal.run(headers=PAGE)):
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "x-fal-request-id" in answer.headers["access-control-expose-headers"]
        assert running.http.post(f"/fal/run/{IMAGE}", headers=PAGE).status_code == 401
        assert "access-control-allow-origin" not in running.http.get("/v1/models", headers=PAGE).headers


def test_where_no_key_is_needed_pages_may_not(tmp_path):
    with serving(tmp_path, RUBYLITH_KEYS="") as running:
        assert running.http.options("/fal/proxy", headers=PAGE | ASKED).status_code != 200
        answer = running.http.post(f"/fal/run/{IMAGE}", headers=PAGE, json={})
        assert "access-control-allow-origin" not in answer.headers


def test_a_webhooks_links_lead_to_the_address_that_was_asked(tmp_path):
    with http_site(lambda _: Reply()) as site, serving(tmp_path) as running:
        fal = Calls(running)
        host = {"Host": "masks.example.org:8080"}
        order = fal.submit(IMAGE, f"?fal_webhook={site.url('/')}", host, image_url=DATA_URI, prompts=RED).json()
        assert order["status_url"].startswith("http://masks.example.org:8080/fal/queue/")
        fal.until({"status_url": f"/queue/{IMAGE}/requests/{order['request_id']}/status"}, lambda _: site.received)
        told = json.loads(site.received[0].body)
        assert told["payload"]["image"]["url"].startswith("http://masks.example.org:8080/v1/objects/")
        result = fal.get(f"/queue/{IMAGE}/requests/{order['request_id']}", headers=host).json()
        assert result == told["payload"]
