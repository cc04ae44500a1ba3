"""URLs of our own that open one object for one method, until they expire: an HMAC over all that they grant."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from rubylith.domain.errors import Forbidden
from rubylith.storage.keys import checked

MIN_SECRET_BYTES = 32
METHODS = ("GET", "PUT")
_HINT = "Ask for a new URL"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a URL opens. `expires_at`: Unix seconds. For PUT: what may be put, at most so large; empty and 0 for GET."""

    method: str
    key: str
    expires_at: int
    media_type: str = ""
    max_bytes: int = 0


class Signer:
    """Signs and checks with one secret, which every node must share."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret has {len(secret)} bytes, fewer than {MIN_SECRET_BYTES}")
        self._secret = secret

    def query(self, grant: Grant) -> str:
        """The query string that goes behind the URL of the object."""
        fields = {"method": grant.method, "expires": str(grant.expires_at)}
        if grant.method == "PUT":
            fields |= {"type": grant.media_type, "size": str(grant.max_bytes)}
        return urlencode({**fields, "signature": self._signature(grant.key, fields)})

    def granted(self, method: str, key: str, query: Mapping[str, str], *, now: float) -> Grant:
        """What the URL opens, if it opens this key for this method now; else Forbidden. GET opens HEAD as well."""
        fields = {name: query.get(name, "") for name in ("method", "expires")}
        if fields["method"] == "PUT":
            fields |= {name: query.get(name, "") for name in ("type", "size")}
        given = query.get("signature", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._signature(key, fields).encode()):
            raise Forbidden("The URL was altered, or is for something else", _HINT)
        grant = Grant(
            fields["method"], checked(key), int(fields["expires"]), fields.get("type", ""), int(fields.get("size", "0"))
        )
        if now >= grant.expires_at:
            raise Forbidden("The URL has expired", _HINT)
        if grant.method != ("GET" if method == "HEAD" else method):
            raise Forbidden(f"The URL is for {grant.method}", _HINT)
        return grant

    def _signature(self, key: str, fields: Mapping[str, str]) -> str:
        text = urlencode({"version": "1", "key": key, **fields}, errors="replace")  # unlike a join, of one reading only
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
