"""The same with the client up to version 1.15, which logs in first: the base URL is said in two places."""

import asyncio
import base64
import os
from pathlib import Path

from air import AsyncAIRefinery, login

SERVER = os.environ.get("RUBYLITH_SERVER", "http://127.0.0.1:8000")
BASE_URL = f"{SERVER}/airefinery"
PICTURE = Path(__file__).with_name("photo.jpg")

auth = login(account="any", api_key=os.environ.get("RUBYLITH_KEY", "any"), base_url=BASE_URL)


async def segment() -> None:
    client = AsyncAIRefinery(**auth.openai(base_url=BASE_URL))
    response = await client.images.segment(
        image=base64.b64encode(PICTURE.read_bytes()).decode("utf-8"),
        segment_prompt=[[[290, 150]]],
        model="syscv-community/sam-hq-vit-base",
    )
    for mask in response.data:
        Path("mask.png").write_bytes(base64.b64decode(mask.b64_json))
        print(f"mask.png: label {mask.label}, score {mask.score}")


asyncio.run(segment())
