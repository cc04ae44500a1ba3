"""URLs of files as this dialect hands them out: no query, because the Python client adds paths behind them.

`/fal/cdn/files/{id}/{ticket}/{name}`, where the ticket is the query of a signed URL in URL-safe base64.
"""

import base64
import binascii
import re
from urllib.parse import quote

from starlette.requests import Request

from rubylith.dialects._asking import root_of
from rubylith.service.files import Links, key_of
from rubylith.service.uploads import Ticket

OBJECTS = "/v1/objects"
LONGEST_URL = 8192  # characters; the expression below takes the square of their number in time
_FILE_URL = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?/cdn/files/(file_[0-9a-f]{32})/([A-Za-z0-9_-]+)(?:/[^?#]*)?")


def mount_of(http: Request) -> str:
    """How the caller reaches this door, by the prefix that the request came through."""
    return root_of(http) + str(http.scope.get("root_path", ""))


def links_of(http: Request) -> Links:
    """Links to results, which live as long as the files."""
    return Links(root_of(http) + OBJECTS, seconds=None)


def file_url(mount: str, ticket: Ticket) -> str:
    """Where a file may be read by anybody who knows the URL."""
    return f"{mount}/cdn/files/{ticket.id}/{packed(ticket.get)}/{quote(ticket.name, safe='')}"


def is_file_url(url: str) -> bool:
    """True for what `file_url` makes, on whatever host."""
    return len(url) <= LONGEST_URL and _FILE_URL.fullmatch(url) is not None


def signed_url(url: str) -> str:
    """The signed URL that a file URL stands for, which the service opens without a detour through the network."""
    found = _FILE_URL.fullmatch(url)
    assert found is not None
    return f"{OBJECTS}/{key_of(found[1])}?{unpacked(found[2])}"


def own_link(url: str) -> str:
    """Such a URL as the signed URL that it stands for; any other as it is."""
    return signed_url(url) if is_file_url(url) else url


def packed(query: str) -> str:
    """A query as one segment of a path."""
    return base64.urlsafe_b64encode(query.encode()).decode().rstrip("=")


def unpacked(ticket: str) -> str:
    """The inverse; an empty query, which opens nothing, for what is none."""
    try:
        return base64.urlsafe_b64decode(ticket + "=" * (-len(ticket) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
