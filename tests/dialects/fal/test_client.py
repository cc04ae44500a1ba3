"""The vendor's own clients, from npm and PyPI, against a real server."""

import time
from pathlib import Path

import pytest
from tests.dialects.fal.calls import AUTO, DATA_URI, HEIGHT, IMAGE, KEY, PICTURE, WIDTH, Calls, held_up, serving
from tests.servers import Reply, http_site
from tests.vendors import run_node, run_python

ROOT = Path(__file__).parents[3]
NODE = """
import { fal, createFalClient, ApiError, ValidationError } from "@fal-ai/client";
const server = process.env.RUBYLITH_SERVER;
fal.config({ credentials: process.env.RUBYLITH_KEY, proxyUrl: { url: `${server}/fal/proxy`, when: "always" } });
const [AUTO, IMAGE, uri] = [process.env.AUTO, process.env.IMAGE, process.env.DATA_URI];
const bytes = Buffer.from(uri.split(",")[1], "base64");
const say = (value) => console.log(JSON.stringify(value));
const caught = async (promise) => {
  try { return { data: await promise }; }
  catch (e) { return { name: e.name, status: e.status, body: e.body, requestId: e.requestId, message: e.message,
                       fields: e.getFieldErrors?.("image_url")?.length }; }
};
"""
PYTHON = """
import os, json, sys
import fal_client, fal_client.client as client
server = os.environ["RUBYLITH_SERVER"]
client.RUN_URL_FORMAT, client.QUEUE_URL_FORMAT = f"{server}/fal/run/", f"{server}/fal/queue/"
client.REST_URL, client.CDN_URL = f"{server}/fal/rest", f"{server}/fal/cdn"
os.environ["FAL_KEY"] = os.environ["RUBYLITH_KEY"]
AUTO, IMAGE, uri = (os.environ[name] for name in ("AUTO", "IMAGE", "DATA_URI"))
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home"), RUBYLITH_CONCURRENCY="2") as running:
        yield running


@pytest.fixture
def environment(running):
    return {
        "RUBYLITH_SERVER": running.address,
        "RUBYLITH_KEY": KEY,
        "AUTO": AUTO,
        "IMAGE": IMAGE,
        "DATA_URI": DATA_URI,
        "FAL_KEY": "",
    }


@pytest.fixture
def node(environment):
    return lambda script, **more: run_node(NODE + script, {**environment, **more})


@pytest.fixture
def python(environment):
    return lambda script, **more: run_python("fal", PYTHON + script, {**environment, **more})


def is_output(output):
    pictures = [output["combined_mask"], *output["individual_masks"]]
    return len(pictures) > 1 and all((p["width"], p["height"]) == (WIDTH, HEIGHT) for p in pictures)


def in_order(states):
    order = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    places = [order.index(state) for state in states]
    return places == sorted(places) and states[-1] == "COMPLETED"


def until(is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def answered(running, status):
    """How many requests the server has answered so."""
    family = running.built.service.metrics.requests.collect()[0]
    counts = [one for one in family.samples if one.name.endswith("_total") and one.labels["status"] == str(status)]
    return sum(one.value for one in counts)


def test_the_published_example_runs_on_a_photograph_with_the_npm_client(environment):
    photo = str(ROOT / "examples" / "photo.jpg")
    last = run_node(ROOT / "examples" / "fal.mjs", {**environment, "RUBYLITH_PHOTO": photo})
    assert len(last) == 36, "the request's id"


def test_the_published_example_runs_on_a_photograph_with_the_python_client(environment):
    told = run_python("fal", ROOT / "examples" / "fal_client_example.py", environment)
    assert told.startswith("{'combined_mask': {'url': 'http")


def test_case_01_subscribe_with_the_npm_client(node):
    told = node("""
      const states = [], logs = []; let id;
      const result = await fal.subscribe(AUTO, { input: { image_url: uri }, logs: true, pollInterval: 50,
        onEnqueue: (one) => { id = one; },
        onQueueUpdate: (update) => { states.push(update.status); if (update.logs) logs.push(...update.logs); } });
      say({ states, logs, id, ...result });
    """)
    assert in_order(told["states"])
    assert all(set(line) == {"message", "level", "source", "timestamp"} for line in told["logs"])
    assert told["logs"]
    assert told["requestId"] == told["id"]
    assert is_output(told["data"])


def test_case_03_subscribe_with_the_python_client(python, running):
    told = python("""
states, logs = [], []
def seen(status):
    states.append({"Queued": "IN_QUEUE", "InProgress": "IN_PROGRESS", "Completed": "COMPLETED"}[type(status).__name__])
    logs.append(getattr(status, "logs", None))
result = fal_client.subscribe(AUTO, {"image_url": uri}, with_logs=True, on_queue_update=seen, priority="low", hint="a")
print(json.dumps({"states": states, "logs": logs[-1], "data": result}))
""")
    assert in_order(told["states"])
    assert len(told["logs"]) >= 2
    assert is_output(told["data"])


def test_case_03_the_asynchronous_python_client_and_16_requests_at_once(python):
    told = python("""
import asyncio
async def main():
    client = fal_client.AsyncClient()
    handles = await asyncio.gather(*(client.submit(IMAGE, {"image_url": uri, "box_prompts": [
        {"x_min": 5, "y_min": 15, "x_max": 65, "y_max": 75}]}) for _ in range(16)))
    results = await asyncio.gather(*(handle.get() for handle in handles))
    print(json.dumps([result["image"]["file_size"] for result in results]))
asyncio.run(main())
""")
    assert len(told) == 16
    assert len(set(told)) == 1


def test_case_04_submit_status_and_result_with_the_npm_client(node):
    told = node("""
      const { request_id: requestId } = await fal.queue.submit(AUTO, { input: { image_url: uri }, priority: "low",
        hint: "a", startTimeout: 60, storageSettings: { expiresIn: "1h" } });
      const poll = () => fal.queue.status("fal-ai/sam2", { requestId, logs: true });
      while ((await poll()).status !== "COMPLETED");
      const one = await fal.queue.result("fal-ai/sam2", { requestId });
      const other = await fal.queue.result(IMAGE, { requestId });
      say({ requestId, one, other });
    """)
    assert told["one"] == told["other"]
    assert told["one"]["requestId"] == told["requestId"]
    assert is_output(told["one"]["data"])


def test_case_06_an_unknown_request_with_both_clients(node, python):
    told = node("""
      const requestId = "00000000-0000-4000-8000-000000000000";
      say([await caught(fal.queue.status(AUTO, { requestId })), await caught(fal.queue.result(AUTO, { requestId })),
           await caught(fal.queue.cancel(AUTO, { requestId }))]);
    """)
    assert [(one["name"], one["status"], one["body"]["status"]) for one in told] == [("ApiError", 404, "NOT_FOUND")] * 3
    told = python("""
try:
    fal_client.status(AUTO, "00000000-0000-4000-8000-000000000000")
except fal_client.FalClientHTTPError as error:
    print(json.dumps([error.status_code, error.message]))
""")
    assert told == [404, "Request not found"]


def test_case_07_a_streaming_subscription_tells_no_line_twice(node):
    told = node("""
      const states = []; let logs = [];
      const result = await fal.subscribe(AUTO, { input: { image_url: uri }, logs: true, mode: "streaming",
        onQueueUpdate: (update) => { states.push(update.status); if (update.logs) logs = [...update.logs]; } });
      say({ states, logs, ...result });
    """)
    assert in_order(told["states"])
    lines = [(line["timestamp"], line["message"]) for line in told["logs"]]
    assert len(lines) == len(set(lines)) >= 2
    assert is_output(told["data"])


def test_case_08_a_direct_run_with_both_clients(node, python):
    told = node("say(await fal.run(AUTO, { input: { image_url: uri } }));")
    assert len(told["requestId"]) == 36
    assert is_output(told["data"])
    assert is_output(python('print(json.dumps(fal_client.run(AUTO, arguments={"image_url": uri}, start_timeout=30)))'))
    assert is_output(
        python('print(json.dumps(fal_client.run("fal-ai/sam2", {"image_url": uri}, path="/auto-segment")))')
    )


def test_case_10_uploads_with_the_npm_client(node):
    told = node("""
      const file = new File([bytes], "in \\u00fc.png", { type: "image/png" });
      const url = await fal.storage.upload(file, { lifecycle: { expiresIn: "1h" } });
      const back = await fetch(url);
      say({ same: Buffer.from(await back.arrayBuffer()).equals(bytes), type: back.headers.get("content-type"),
        byUrl: (await fal.run(AUTO, { input: { image_url: url } })).data,
        inside: (await fal.subscribe(AUTO, { input: { image_url: file } })).data });
    """)
    assert told["same"]
    assert told["type"] == "image/png"
    assert is_output(told["byUrl"])
    assert is_output(told["inside"])


def test_case_10_a_large_upload_in_parts_with_the_npm_client(node):
    told = node("""
      const large = new Blob([bytes, Buffer.alloc(91 * 1024 * 1024)], { type: "image/png" });
      const url = await fal.storage.upload(large);
      const back = await fetch(url, { method: "HEAD" });
      say({ size: Number(back.headers.get("content-length")), wanted: large.size,
        data: (await fal.run(AUTO, { input: { image_url: url } })).data });
    """)
    assert told["size"] == told["wanted"] > 90 * 1024 * 1024
    assert is_output(told["data"])


def test_case_10_uploads_with_the_python_client(python, tmp_path):
    path = tmp_path / "in put.png"  # the client itself cannot send a name beyond ASCII
    path.write_bytes(PICTURE)
    told = python(
        """
import httpx
path = os.environ["PICTURE_PATH"]
urls = [fal_client.upload_file(path), fal_client.upload(open(path, "rb").read(), "image/png"),
        fal_client.upload_file(path, repository="fal")]
parts = client.MultipartUpload.save_file(client=fal_client.sync_client._get_cdn_client(), file_path=path,
    token_manager=fal_client.sync_client._token_manager, chunk_size=100, content_type="image/png")
same = [httpx.get(url).content == open(path, "rb").read() for url in [*urls, parts]]
print(json.dumps({"same": same, "data": [fal_client.run(AUTO, {"image_url": url}) for url in [urls[0], parts]]}))
""",
        PICTURE_PATH=str(path),
    )
    assert told["same"] == [True] * 4
    assert all(is_output(output) for output in told["data"])


def test_case_10_a_picture_that_does_not_come_with_both_clients(node, python):
    with http_site(lambda _: Reply(404)) as site:
        url = site.url("/gone.png")
        told = node("say(await caught(fal.subscribe(AUTO, { input: { image_url: process.env.GONE } })));", GONE=url)
        assert (told["name"], told["status"], told["fields"]) == ("ValidationError", 422, 1)
        assert told["body"]["detail"][0]["type"] == "file_download_error"
        told = python(
            """
try:
    fal_client.subscribe(AUTO, {"image_url": os.environ["GONE"]})
except fal_client.FalClientHTTPError as error:
    print(json.dumps([error.status_code, error.message[0]["type"]]))
""",
            GONE=url,
        )
        assert told == [422, "file_download_error"]


def test_case_11_a_missing_picture_with_the_npm_client(node):
    told = node("""
      say([await caught(fal.subscribe(AUTO, { input: { points_per_side: 4 } })),
           await caught(fal.run(AUTO, { input: {} })), await caught(fal.run(AUTO))]);
    """)
    assert [(one["name"], one["status"]) for one in told] == [("ValidationError", 422)] * 3
    assert [one["fields"] for one in told[:2]] == [1, 1]
    assert all(one["requestId"] for one in told[:2])


def test_case_16_a_request_that_is_worked_on_is_cancelled(node, running):
    def begun(_):
        until(lambda: slow.begun == 1)
        return Reply(204)

    with held_up(running) as slow, http_site(begun) as site:
        told = node(
            """
          let requestId, asked;
          const stopped = await caught(fal.subscribe(AUTO, { input: { image_url: uri }, pollInterval: 50,
            onEnqueue: (id) => { requestId = id; },
            onQueueUpdate: ({ status }) => {
              if (status === "IN_PROGRESS") {
                asked ??= fetch(process.env.BEGUN).then(() => fal.queue.cancel(AUTO, { requestId }));
              }
            } }));
          await asked;
          say({ ...stopped, requestId });
        """,
            BEGUN=site.url("/begun"),
        )
        assert (told["name"], told["status"], told["body"]["error_type"]) == ("ApiError", 499, "client_cancelled")
        until(lambda: slow.stopped == 1)


def test_case_16_a_timeout_of_the_client_cancels_the_request(node, running):
    with held_up(running):
        told = node("""
          let requestId;
          const late = await caught(fal.subscribe(AUTO, { input: { image_url: uri }, timeout: 700,
            onEnqueue: (id) => { requestId = id; } }));
          say({ ...late, requestId });
        """)
        assert "timed out" in told["message"]
        order = {"status_url": f"/queue/fal-ai/sam2/requests/{told['requestId']}/status"}
        assert Calls(running).ended(order)["error_type"] == "client_cancelled"


def test_case_17_a_wrong_key_with_both_clients(node, python):
    told = node("say(await caught(fal.subscribe(AUTO, { input: { image_url: uri } })));", RUBYLITH_KEY="wrong:key")
    assert (told["status"], told["body"]["detail"]) == (401, "No user found for Key ID and Secret")
    told = python(
        """
try:
    fal_client.submit(AUTO, {"image_url": uri})
except fal_client.FalClientHTTPError as error:
    print(json.dumps([error.status_code, error.message]))
""",
        RUBYLITH_KEY="wrong",
    )
    assert told == [401, "No user found for Key ID and Secret"]


def test_case_19_a_middleware_and_a_fetch_of_ones_own_lead_here_too(node):
    told = node("""
      const hosts = { "https://queue.fal.run": "/fal/queue", "https://fal.run": "/fal/run",
        "https://rest.fal.ai": "/fal/rest" };
      const moved = (url) => Object.entries(hosts).reduce((u, [from, to]) => u.replace(from, server + to), url);
      const credentials = process.env.RUBYLITH_KEY;
      const one = createFalClient({ credentials, requestMiddleware: async (r) => ({ ...r, url: moved(r.url) }) });
      const other = createFalClient({ credentials, fetch: (url, init) => fetch(moved(url), init) });
      say([(await one.subscribe(AUTO, { input: { image_url: new Blob([bytes], { type: "image/png" }) } })).data,
           (await other.run(AUTO, { input: { image_url: uri } })).data]);
    """)
    assert all(is_output(output) for output in told)


def test_case_20_a_start_that_comes_too_late_is_not_tried_again(node, python, running):
    before = answered(running, 504)
    with held_up(running):
        told = node("""
          await fal.queue.submit(AUTO, { input: { image_url: uri } });
          say(await caught(fal.subscribe(AUTO, { input: { image_url: uri }, startTimeout: 1.1 })));
        """)
        assert (told["status"], told["body"]["error_type"]) == (504, "request_timeout")
        until(lambda: answered(running, 504) >= before + 1)
        assert answered(running, 504) == before + 1, "it asked again"
        told = python("""
try:
    fal_client.subscribe(AUTO, {"image_url": uri}, start_timeout=1.1)
except fal_client.FalClientHTTPError as error:
    print(json.dumps([error.status_code, error.error_type]))
""")
        assert told == [504, "request_timeout"]
        until(lambda: answered(running, 504) >= before + 2)
        assert answered(running, 504) == before + 2, "it asked again"


def test_points_boxes_and_apply_mask_with_the_npm_client(node):
    told = node("""
      const given = { image_url: uri, sync_mode: true };
      const ask = async (input) => (await fal.subscribe(IMAGE, { input: { ...given, ...input } })).data;
      say([await ask({ prompts: [{ x: 35, y: 45, label: 1 }] }), await ask({ box_prompts: [{ x_min: 75, y_min: 5,
        x_max: 125, y_max: 55 }], apply_mask: true, output_format: "webp" })]);
    """)
    assert [one["image"]["content_type"] for one in told] == ["image/png", "image/webp"]


def test_models_that_take_words_with_the_npm_client(node):
    told = node("""
      const ask = async (model, input) => (await fal.subscribe(model, { input: { image_url: uri, ...input } })).data;
      say([await ask("fal-ai/evf-sam", { prompt: "red", negative_prompt: "blue", blur_mask: 5, mask_only: false }),
           await ask("fal-ai/sam-3/image", { prompt: "red, green", return_multiple_masks: true, include_boxes: true,
             include_scores: true }),
           await ask("fal-ai/sam-3/image-rle", { prompt: "largest object" }),
           await caught(fal.subscribe("fal-ai/sam-3-1/image", { input: { image_url: uri } }))]);
    """)
    evf, sam3, rle, unknown = told
    assert (evf["image"]["width"], evf["image"]["height"]) == (WIDTH, HEIGHT)
    assert (len(sam3["masks"]), len(sam3["scores"]), [len(box) for box in sam3["boxes"]]) == (2, 2, [4, 4])
    assert sam3["image"] == sam3["masks"][0]
    assert rle["rle"]
    assert (unknown["name"], unknown["status"]) == ("ValidationError", 422)
    assert "wheel" in unknown["body"]["detail"][0]["msg"]


def test_models_that_take_words_with_the_python_client(python):
    told = python("""
say = lambda model, **given: fal_client.subscribe(model, {"image_url": uri, **given})
found = [say("fal-ai/evf-sam", prompt="red"), say("fal-ai/sam-3-1/image", prompt="red", sync_mode=True),
         fal_client.run("fal-ai/sam-3/image-rle", {"image_url": uri, "prompt": "red"})]
try:
    say("fal-ai/evf-sam", prompt="dog")
except fal_client.FalClientHTTPError as error:
    print(json.dumps([*found, error.status_code, str(error)]))
""")
    evf, sam3, rle, status, message = told
    assert evf["image"]["url"].startswith("http")
    assert sam3["masks"][0]["url"].startswith("data:image/png;base64,")
    assert rle["rle"]
    assert status == 422
    assert "rubylith models pull fastestdet" in message


def test_a_model_that_is_not_offered_with_the_npm_client(node):
    told = node("""
      say([await caught(fal.subscribe("fal-ai/florence-2", { input: { prompt: "dog", image_url: uri } })),
           await caught(fal.run("fal-ai/sam2/video", { input: { video_url: uri } }))]);
    """)
    assert [one["status"] for one in told] == [404, 404]
    assert told[0]["body"]["detail"].startswith("Application 'fal-ai/florence-2' not found: offered are fal-ai/sam2")
    assert told[1]["body"]["detail"] == "Path /video not found"
