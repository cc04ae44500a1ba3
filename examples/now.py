"""The answer now: masks of everything in a photograph, and the thing under a click."""

import os
import sys
from pathlib import Path

import httpx2

server = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
key = os.environ.get("RUBYLITH_KEY")
headers = {"Authorization": f"Bearer {key}"} if key else {}
photo = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg")

with httpx2.Client(base_url=server, headers=headers, timeout=60) as http:
    everything = http.post("/v1/segment", files={"image": photo.read_bytes()}).raise_for_status().json()
    print(len(everything["masks"]), "masks")
    request = '{"points": [[300, 180]], "format": "cutout"}'
    cutout = http.post("/v1/segment", files={"image": photo.read_bytes()}, data={"request": request}).raise_for_status()
    Path("cutout.png").write_bytes(cutout.content)
    print("cutout.png")
