"""Requests to the chat, and a drawing to send along."""

import base64
import io

import numpy as np
import PIL.Image

WIDTH, HEIGHT = 120, 90
KEYS = {"RUBYLITH_KEYS": "secret,other", "RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}


def drawing():
    """Two bright squares on grey ground, as PNG."""
    pixels = np.random.default_rng(0).normal(120, 2, (HEIGHT, WIDTH, 3))
    pixels[15:55, 10:50] = (200, 30, 40)
    pixels[30:80, 70:110] = (30, 60, 200)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = drawing()
DATA_URI = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
ITEM = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "mask_url": {"type": "string", "description": "Pre-signed URL of the mask"},
        "xywh": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    },
    "required": ["label", "mask_url", "xywh"],
}
SCHEMA = {
    "type": "object",
    "properties": {"segmentations": {"type": "array", "items": ITEM}},
    "required": ["segmentations"],
}


def schema_of(**members):
    """An object with these members, all required."""
    return {"type": "object", "properties": members, "required": list(members)}


def listed(**members):
    """An object with one list, of objects with these members."""
    return schema_of(items={"type": "array", "items": schema_of(**members)})


def chat(text="Segment everything", schema=SCHEMA, image=DATA_URI, **more):
    """The body of a request."""
    parts = [{"type": "text", "text": text}]
    if image is not None:
        parts.append({"type": "image_url", "image_url": {"url": image, "detail": "auto"}})
    body = {"model": "vlm-agent-1", "messages": [{"role": "user", "content": parts}], **more}
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "schema": schema}
    return body
