"""VLM Run's own example of segmentation, by the `openai` client, with only the base URL changed.

pip install openai; RUBYLITH_SERVER, RUBYLITH_KEY: where the server is, and a key if it wants one. The server needs a
detector that knows cars: `rubylith models pull fastestdet`.
"""

import base64
import os
import sys
from pathlib import Path

from openai import OpenAI
from pydantic import BaseModel, Field

client = OpenAI(
    base_url=f"{os.environ.get('RUBYLITH_SERVER', 'http://127.0.0.1:8000')}/vlmrun/v1/openai",
    api_key=os.environ.get("RUBYLITH_KEY", "none"),
)


class SegmentationMask(BaseModel):
    label: str = Field(..., description="The label of the segmented object")
    mask_url: str = Field(..., description="The pre-signed URL of the binary mask (PNG)")
    xywh: tuple[float, float, float, float] = Field(..., description="The bounding box of the segmented object")


class SegmentationMasks(BaseModel):
    segmentations: list[SegmentationMask] = Field(..., description="The segmentation masks of the image")


photo = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "photo.jpg"
text = sys.argv[2] if len(sys.argv) > 2 else "Segment everything"
url = f"data:image/jpeg;base64,{base64.b64encode(photo.read_bytes()).decode()}"

response = client.chat.completions.create(
    model="vlm-agent-1",
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": url, "detail": "auto"}},
            ],
        }
    ],
    response_format={"type": "json_schema", "schema": SegmentationMasks.model_json_schema()},
)
print(response.choices[0].message.content)
