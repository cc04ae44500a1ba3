"""The answer later: a job that survives a restart of the server, watched as it goes on."""

import json
import os
import sys
from pathlib import Path

import httpx2

server = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
key = os.environ.get("RUBYLITH_KEY")
headers = {"Authorization": f"Bearer {key}"} if key else {}
photo = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg")

with httpx2.Client(base_url=server, headers=headers, timeout=60) as http:
    request = '{"format": ["overlay", "coco"]}'
    order = http.post("/v1/jobs", files={"image": photo.read_bytes()}, data={"request": request})
    job = order.raise_for_status().json()
    with http.stream("GET", f"/v1/jobs/{job['id']}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                job = json.loads(line.removeprefix("data: "))
                print(job["state"], f"{job['progress']:.0%}")
    if job["state"] != "succeeded":
        sys.exit(f"{job['state']}: {job.get('problem')}")
    for file in job["files"]:
        Path(file["name"]).write_bytes(httpx2.get(file["url"]).raise_for_status().content)  # the link needs no key
        print(file["name"])
