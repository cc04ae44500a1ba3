"""Keys of objects: what may be one, and what a download of it is called."""

import re
import unicodedata
from urllib.parse import quote

from rubylith.domain.errors import NotFound

MAX_KEY, MAX_NAME = 512, 128
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_EDGES = re.compile(r"^[\s.]+|[\s.]+$")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.IGNORECASE)

# What a browser may show from our address. Not HTML and not SVG: those can hold scripts, which would run as our page.
SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/bmp", "application/json", "text/plain"}
)


def checked(key: str) -> str:
    """The key itself; NotFound for a string that can be none."""
    if len(key) <= MAX_KEY and _KEY.fullmatch(key):
        return key
    raise NotFound("There is no object of that key", "Use a key that was handed out")


def media_type_of(text: str) -> str:
    """`type/subtype` in lower case, without parameters; `application/octet-stream` for what is none."""
    plain = text.partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else "application/octet-stream"


def file_name(text: str | None, key: str) -> str:
    """A name to save a download under: the one given without its folders and control characters, else the key's end."""
    plain = "".join(c for c in (text or "") if unicodedata.category(c)[0] != "C")
    last = _EDGES.sub("", re.split(r"[/\\]", plain)[-1])[:MAX_NAME]
    return last or key.rpartition("/")[2]


def disposition(name: str, media_type: str) -> str:
    """The Content-Disposition of a download (RFC 6266), `inline` only for what is safe to show."""
    kind = "inline" if media_type in SHOWN else "attachment"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
