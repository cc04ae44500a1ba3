"""The thing under a click, with AI Refinery's own client (`pip install airefinery-sdk`) and another base URL."""

import base64
import os
from pathlib import Path

from air import AIRefinery

SERVER = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
PICTURE = Path(__file__).with_name("photo.jpg")

client = AIRefinery(api_key=os.environ.get("RUBYLITH_KEY", "any"), base_url=f"{SERVER}/airefinery")

response = client.images.segment(
    image=base64.b64encode(PICTURE.read_bytes()).decode("utf-8"),
    segment_prompt=[[[290, 150]]],
    model="syscv-community/sam-hq-vit-base",
)

for mask in response.data:
    Path("mask.png").write_bytes(base64.b64decode(mask.b64_json))
    print(f"mask.png: label {mask.label}, score {mask.score}")
