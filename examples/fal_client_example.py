"""fal's own client against Rubylith: the published example, with the lines that say where to send things."""

import os
import sys
from pathlib import Path

import fal_client
import fal_client.client

server = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
photo = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg")

os.environ["FAL_KEY"] = os.environ.get("RUBYLITH_KEY") or "none"
fal_client.client.RUN_URL_FORMAT = f"{server}/fal/run/"
fal_client.client.QUEUE_URL_FORMAT = f"{server}/fal/queue/"
fal_client.client.REST_URL = f"{server}/fal/rest"
fal_client.client.CDN_URL = f"{server}/fal/cdn"


def on_queue_update(update):
    if isinstance(update, fal_client.InProgress):
        for log in update.logs:
            print(log["message"])


result = fal_client.subscribe(
    "fal-ai/sam2/auto-segment",
    arguments={"image_url": fal_client.upload_file(photo)},
    with_logs=True,
    on_queue_update=on_queue_update,
)
print(result)
