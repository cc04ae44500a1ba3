"""The clients `openai`, in two generations, and `vlmrun`, unmodified but for base URL and key."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import numpy as np
import PIL.Image
import pytest
from tests.dialects.vlmrun.chats import DATA_URI, HEIGHT, KEYS, PICTURE, SCHEMA, WIDTH
from tests.running import serve
from tests.vendors import run_python

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "vlmrun.py"
BESIDE = (ROOT.parent / "shared" / "eval", ROOT.parents[1] / "shared" / "eval")
EVAL = next((folder for folder in BESIDE if folder.is_dir()), None)
ASK = """
import json, os
from openai import OpenAI
import openai
client = OpenAI(max_retries=0)
picture = {"type": "image_url", "image_url": {"url": os.environ["PICTURE"]}}
schema = json.loads(os.environ["SCHEMA"])
def ask(text="Segment everything", **more):
    content = [{"type": "text", "text": text}, picture]
    return client.chat.completions.create(model="vlm-agent-1", messages=[{"role": "user", "content": content}], **more)
"""
BY_VLMRUN = """
import json, os
from vlmrun.client import VLMRun
client = VLMRun()
schema = json.loads(os.environ["SCHEMA"])
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    if EVAL is not None:
        pull("fastestdet", home / "models")
    with serve(home, {**KEYS, "RUBYLITH_MODELS": str(home / "models")}) as running:
        yield running.address


def pull(name, folder):
    """What the page on words tells people to run, with the evaluation data's folder for a mirror."""
    own = {"RUBYLITH_MODELS": str(folder), "RUBYLITH_MIRROR": str(EVAL / "detectors")}
    command = [sys.executable, "-m", "rubylith", "models", "pull", name]
    told = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr


def environment(address, schema=SCHEMA, key="secret"):
    return {
        "OPENAI_BASE_URL": f"{address}/vlmrun/v1/openai",
        "OPENAI_API_KEY": key,
        "VLMRUN_BASE_URL": f"{address}/vlmrun/v1",
        "VLMRUN_API_KEY": key,
        "RUBYLITH_SERVER": address,
        "RUBYLITH_KEY": key,
        "PICTURE": DATA_URI,
        "SCHEMA": json.dumps(schema),
    }


@pytest.fixture(params=["openai", "openai1"])
def client(request):
    return request.param


def test_case_01_the_published_example_runs(client, address):
    found = run_python(client, EXAMPLE, environment(address))["segmentations"]
    assert found
    assert {one["label"] for one in found} == {"object"}


BY_VLMRUN_CUT = (
    BY_VLMRUN
    + """
import base64, sys
photo, wish = sys.argv[1:]
uri = "data:image/jpeg;base64," + base64.b64encode(open(photo, "rb").read()).decode()
content = [{"type": "text", "text": wish}, {"type": "image_url", "image_url": {"url": uri}}]
answer = client.agent.completions.create(model="vlmrun-orion-1:auto", messages=[{"role": "user", "content": content}],
    response_format={"type": "json_schema", "schema": schema})
print(answer.choices[0].message.content)
"""
)


@pytest.mark.parametrize(("photo", "thing"), [("cars.jpg", "car"), ("truck.jpg", "truck")])
def test_case_01_vlmrun_gets_labelled_masks_of_cars_and_trucks(photo, thing, address):
    if EVAL is None:
        pytest.skip("needs the evaluation photographs and detectors beside the repository")
    path = EVAL / "photos" / photo
    wish = f"Segment all the {thing}s in this image"
    told = run_python("vlmrun", BY_VLMRUN_CUT, environment(address), str(path), wish)
    check_masks(told["segmentations"], thing, path)


def check_masks(segmentations, thing, path):
    """Every mask is labelled and downloads as a PNG of the picture's size."""
    with PIL.Image.open(path) as opened:
        size = opened.size
    assert segmentations
    for one in segmentations:
        answer = httpx2.get(one["mask_url"])
        mask = PIL.Image.open(io.BytesIO(answer.content))
        assert one["label"] == thing
        assert answer.headers["content-type"] == "image/png"
        assert (mask.format, mask.size, mask.mode) == ("PNG", size, "L")
        assert np.asarray(mask).max() == 255


@pytest.mark.parametrize(("photo", "thing"), [("cars.jpg", "car"), ("truck.jpg", "truck")])
def test_case_01_cars_and_trucks_get_labelled_masks(client, photo, thing, address):
    if EVAL is None:
        pytest.skip("needs the evaluation photographs and detectors beside the repository")
    path = EVAL / "photos" / photo
    told = run_python(client, EXAMPLE, environment(address), str(path), f"Segment all the {thing}s in this image")
    check_masks(told["segmentations"], thing, path)


def test_case_02_parse_gives_a_model(client, address):
    script = (
        ASK
        + """
from pydantic import BaseModel
class Mask(BaseModel):
    label: str
    mask_url: str
    xywh: list[float]
    owner: str | None
class Masks(BaseModel):
    segmentations: list[Mask]
content = [{"type": "text", "text": "Segment everything"}, picture]
answer = client.chat.completions.parse(model="vlm-agent-1:auto", response_format=Masks,
    messages=[{"role": "user", "content": content}])
print(json.dumps([len(answer.choices[0].message.parsed.segmentations), answer.session_id]))
"""
    )
    count, session = run_python(client, script, environment(address))
    assert count > 0
    assert len(session) == 36


def test_case_15_a_stream(client, address):
    script = (
        ASK
        + """
chunks = list(ask(stream=True, stream_options={"include_usage": True},
    response_format={"type": "json_schema", "schema": schema}, extra_body={"session_id": "mine"}))
text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
print(json.dumps([len(json.loads(text)["segmentations"]), chunks[0].session_id, chunks[-1].usage.total_tokens]))
"""
    )
    count, session, tokens = run_python(client, script, environment(address))
    assert (count > 0, session, tokens > 0) == (True, "mine", True)


def test_case_19_errors_become_the_clients_own(client, address):
    script = (
        ASK
        + """
def fault(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code]
form = {"type": "json_schema", "schema": schema}
models = [one.id for one in client.models.list()]
wrong = OpenAI(api_key="wrong", max_retries=0)
print(json.dumps([
    fault(lambda: client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}])),
    fault(lambda: wrong.models.list()),
    fault(lambda: ask("Hello", response_format=form)),
    fault(lambda: ask(stream=True, response_format={"type": "json_schema", "schema": {"type": "objekt"}})),
    fault(lambda: ask(n=2, response_format=form)),
    "vlm-agent-1" in models,
]))
"""
    )
    assert run_python(client, script, environment(address)) == [
        ["NotFoundError", "model_not_found"],
        ["AuthenticationError", "invalid_api_key"],
        ["BadRequestError", "no_concept"],
        ["BadRequestError", "invalid_json_schema"],
        ["BadRequestError", "invalid_value"],
        True,
    ]


def test_case_08_vlmrun_fetches_references(address):
    reference = {
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": "^img_\\w{6}$"}},
        "required": ["id"],
    }
    item = {"type": "object", "properties": {"mask": reference}, "required": ["mask"]}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": item}}, "required": ["items"]}
    script = (
        BY_VLMRUN
        + """
content = [{"type": "text", "text": "Segment everything"},
           {"type": "image_url", "image_url": {"url": os.environ["PICTURE"]}}]
answer = client.agent.completions.create(model="vlmrun-orion-1:auto", messages=[{"role": "user", "content": content}],
    response_format={"type": "json_schema", "schema": schema}, extra_body={"toolsets": ["image"]})
first = json.loads(answer.choices[0].message.content)["items"][0]["mask"]["id"]
image = client.artifacts.get(object_id=first, session_id=answer.session_id)
listed = [one.object_id for one in client.artifacts.list(session_id=answer.session_id).items]
print(json.dumps([image.mode, image.size, first in listed, len(client.models.list()) > 0]))
"""
    )
    told = run_python("vlmrun", script, environment(address, schema))
    assert told == ["RGB", [WIDTH, HEIGHT], True, True]


@pytest.mark.parametrize("method", ["direct", "presigned-url"])
def test_case_03_vlmrun_uploads(method, address, tmp_path):
    path = tmp_path / f"{method}.png"
    path.write_bytes(PICTURE + method.encode())
    script = (
        BY_VLMRUN
        + f"""
kept = client.files.upload({str(path)!r}, method={method!r}, force=True)
same = client.files.get(kept.id)
known = client.files.get_cached_file({str(path)!r})
listed = [one.id for one in client.files.list(limit=50)]
gone = client.files.delete(kept.id)
print(json.dumps([kept.bytes, same.filename, known is not None, kept.id in listed, gone.id == kept.id]))
"""
    )
    told = run_python("vlmrun", script, environment(address))
    assert told == [len(PICTURE) + len(method), path.name, method == "direct", True, True]


def test_vlmrun_refuses_a_wrong_key(address):
    script = """
from vlmrun.client import VLMRun
try:
    VLMRun()
    print('"made"')
except Exception as error:
    print('"refused"')
"""
    assert run_python("vlmrun", script, environment(address, key="wrong")) == "refused"
