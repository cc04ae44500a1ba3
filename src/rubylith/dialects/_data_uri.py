"""Pictures inside of requests: data: URIs (RFC 2397)."""

import base64
import binascii
import re
from urllib.parse import unquote, unquote_to_bytes

from rubylith.domain.errors import InvalidImage

DATA_URI = re.compile(r"data:[^,]*?(;base64)?,", re.IGNORECASE)


def is_data_uri(text: str) -> bool:
    """True for what means to be one."""
    return text[:5].lower() == "data:"


def read_data_uri(text: str) -> bytes:
    """The bytes; white space, missing padding and characters escaped as in any URL are forgiven. InvalidImage."""
    match = DATA_URI.match(text)
    if match is None:
        raise InvalidImage("The data URI has no comma", "Send data:image/png;base64,… with the picture after the comma")
    payload = text[match.end() :]
    try:
        if match.group(1) is None:
            return unquote_to_bytes(payload)
        squeezed = re.sub(r"\s+", "", unquote(payload) if "%" in payload else payload)
        return base64.b64decode(squeezed + "=" * (-len(squeezed) % 4), validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        raise InvalidImage("The data URI is not valid base64", "Encode the picture's bytes with base64") from None
