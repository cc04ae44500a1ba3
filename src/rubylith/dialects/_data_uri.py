"""Pictures inside of requests: data: URIs (RFC 2397)."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from rubylith.domain.errors import InvalidImage

DATA_URI = re.compile(r"data:[^,]*?(;base64)?,", re.IGNORECASE)
ESCAPED = {  # what base64 may have in it and URLs reserve; white space stays white, or it would make new escapes
    b"%2B": b"+",
    b"%2b": b"+",
    b"%2F": b"/",
    b"%2f": b"/",
    b"%3D": b"=",
    b"%3d": b"=",
    **dict.fromkeys([b"%20", b"%09", b"%0A", b"%0a", b"%0D", b"%0d"], b" "),
}
WHITE = b" \t\n\r\f\v"
CHUNK = 1 << 12  # characters; the standard library takes 76 times the size of what it unescapes at once


def is_data_uri(text: str) -> bool:
    """True for what means to be one."""
    return text[:5].lower() == "data:"


def read_data_uri(text: str) -> bytes:
    """The bytes; white space, missing padding and characters escaped as in any URL are forgiven. InvalidImage.

    In base64 only what URLs reserve of its characters, and white space, may be escaped.
    """
    match = DATA_URI.match(text)
    if match is None:
        raise InvalidImage("The data URI has no comma", "Send data:image/png;base64,… with the picture after the comma")
    payload = text[match.end() :]
    try:
        return _unescaped(payload) if match.group(1) is None else _decoded(payload)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        raise InvalidImage("The data URI is not valid base64", "Encode the picture's bytes with base64") from None


def _decoded(payload: str) -> bytes:
    data = payload.encode("ascii")
    if b"%" in data:
        for escape, meant in ESCAPED.items():
            data = data.replace(escape, meant)
    data = data.translate(None, WHITE)
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


def _unescaped(payload: str) -> bytes:
    whole, start = bytearray(), 0
    while start < len(payload):
        end = start + CHUNK
        if end < len(payload):  # an escape on the border belongs to what comes after it
            cut = payload.rfind("%", end - 2, end)
            end = end if cut < 0 else cut
        whole += unquote_to_bytes(payload[start:end])
        start = end
    return bytes(whole)
