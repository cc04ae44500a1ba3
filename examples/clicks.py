"""Click many times: the picture is sent and looked at once, every click after that takes milliseconds.

Each click mends the mask before it, which is sent along: two fill what it lacks, `[x, y, 0]` takes the spoon away.
"""

import os
import sys
import time
from pathlib import Path

import httpx2

server = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
key = os.environ.get("RUBYLITH_KEY")
headers = {"Authorization": f"Bearer {key}"} if key else {}
photo = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg")

with httpx2.Client(base_url=server, headers=headers, timeout=60) as http:
    picture = http.post("/v1/embeddings", files={"image": photo.read_bytes()}).raise_for_status().json()["id"]
    points, previous = [], None
    for click in ([300, 180], [250, 330], [290, 80], [365, 290, 0]):
        points.append(click)
        request = {"image": picture, "points": points, "previous": previous}
        started = time.perf_counter()
        mask = http.post("/v1/segment", json=request).raise_for_status().json()["masks"][0]
        print(f"{mask['area']} pixels after {len(points)} clicks, {1000 * (time.perf_counter() - started):.0f} ms")
        previous = mask["segmentation"]
