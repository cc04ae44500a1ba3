"""A server with two keys, a drawn picture, and a reader of its multipart answers that is not ours."""

import email
import json
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import pytest
from tests.pictures import encoded
from tests.running import serve

SECRET, OTHER = "secret", "other"
KEYED = {"Authorization": f"Bearer {SECRET}"}
MULTIPART = {"Accept": "multipart/form-data; multipart/form-data"}
CLIENT = Path(__file__).parent / "client.mjs"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def drawing(width=400, height=300):
    """A disc and a bar on a plain ground."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.full((height, width, 3), (40, 110, 120), np.uint8)
    pixels[(columns - width * 0.5) ** 2 + (rows - height * 0.5) ** 2 < (height * 0.3) ** 2] = (230, 120, 40)
    pixels[int(height * 0.85) : int(height * 0.93), int(width * 0.1) : int(width * 0.3)] = (250, 250, 240)
    return pixels


def jpeg(width=400, height=300, **options):
    return encoded(drawing(width, height), "JPEG", quality=95, **options)


@dataclass
class Told:
    """An answer taken apart: the job, and the bytes, type and name of each output."""

    status: int
    job: dict
    outputs: list
    names: list
    types: list


def parsed(response):
    """A multipart answer, read by the standard library."""
    assert response.headers["content-type"].startswith("multipart/form-data; boundary="), response.text
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + response.content).get_payload()
    kinds = [part.get_param("name", header="content-disposition") for part in parts]
    assert all(part.get_filename() for part in parts), "a part without a file name breaks the client"
    assert kinds.count("job") == 1
    job = json.loads(parts[kinds.index("job")].get_payload(decode=True))
    outputs = [part for part, kind in zip(parts, kinds, strict=True) if kind == "output"]
    return Told(
        response.status_code,
        job,
        [part.get_payload(decode=True) for part in outputs],
        [part.get_filename() for part in outputs],
        [part.get_content_type() for part in outputs],
    )


def form(*inputs, job=None, first=False):
    """Parts as the client lays them: inputs under one name and type, whatever they are, and the job last."""
    document = json.dumps({"type": "inference.segment.v1"} if job is None else job).encode()
    parts = [("input", ("image.jpg", data, "image/jpeg")) for data in inputs]
    parts.insert(0 if first else len(parts), ("job", ("job.json", document, "application/json")))
    return parts


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": f"{SECRET},{OTHER}"}) as running:
        yield running


@pytest.fixture(scope="module")
def post(running):
    """Send a job: `post(*inputs, job=..., headers=..., path=...)`."""

    def send(*inputs, job=None, first=False, headers=MULTIPART, path="/prodia/v2/job", key=SECRET, files=None):
        with httpx2.Client(base_url=running.address, timeout=90) as client:
            return client.post(
                path,
                files=files or form(*inputs, job=job, first=first),
                headers={"Authorization": f"Bearer {key}", **headers},
            )

    return send


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, data in (
        ("drawing.jpg", jpeg()),
        ("drawing.png", encoded(drawing())),
        ("drawing.webp", encoded(drawing(), "WEBP", lossless=True)),
        ("drawing.gif", encoded(drawing(), "GIF")),
        ("small.jpg", jpeg(255, 400)),
        ("large.jpg", jpeg(2049, 300)),
    ):
        (folder / name).write_bytes(data)
    return str(folder)
