"""Tengr's segmentation request as its users write it, with Rubylith's address in the place of the vendor's.

python examples/tengr.py [PICTURE [X Y]]    X and Y from 0 to 1: where the object is
"""

import base64
import os
import sys
import time
from pathlib import Path

import httpx2

server = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000") + "/tengr"  # the only line that changes
key = os.environ.get("RUBYLITH_KEY")
headers = {"Authorization": f"Bearer {key}"} if key else {}
photo = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg")
point = [float(number) for number in sys.argv[2:4]] or [0.48, 0.38]
image_url = "data:image/jpeg;base64," + base64.b64encode(photo.read_bytes()).decode()  # or an https address

with httpx2.Client(base_url=server, headers=headers, timeout=60) as http:
    request = {
        "imageUrl": image_url,
        "method": "points",
        "pointsPositive": {"points": [point], "labels": [1]},
        "maskExpand": 6,
        "maskKernelSize": 3,
        "maskBlurSigma": 2,
        "outputFormat": "png",
    }
    artwork = http.post("/v2/artworks/segmentation", json=request).raise_for_status().json()
    while artwork["status"] in {"starting", "processing"}:
        time.sleep(0.2)
        artwork = http.get(f"/v2/artworks/{artwork['id']}").raise_for_status().json()
    print(artwork["status"], f"after {artwork['duration']} s")
    for number, url in enumerate(artwork["results"]):
        Path(f"mask-{number}.png").write_bytes(httpx2.get(url).raise_for_status().content)  # the link needs no key
        print(f"mask-{number}.png")
