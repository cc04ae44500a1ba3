"""JSON documents as bytes: the same document always gives the same ones."""

import json
from typing import Any


def to_bytes(document: dict[str, Any]) -> bytes:
    """UTF-8 on one line, keys in the document's order. File names that are no valid text come out as escapes."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode(errors="backslashreplace")
