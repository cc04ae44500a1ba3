"""Objects: pictures, masks, archives, as bytes under a key. On disk, in memory, on S3 and its like, by URL (obstore).

The contract, the same for every kind of store:

* A key is two or more names joined by `/`, each of letters, digits, `.`, `_` and `-`, none beginning with a dot. Any
  other string names no object: NotFound.
* `put` is atomic: readers see the old object, the new one or none, never a part. A key may be put again; the
  last wins. Another owner's key is a Conflict. Of several put at once, new ones stay only if all could be written.
* A missing object, one that has expired and one of another owner are the same: NotFound. To delete one is no error.
* Whose an object is, what it is and when it expires stand in the database (`database/objects.py`), not in the store:
  a row is written before the bytes and deleted after them, so no bytes are ever without a row. `sweep` deletes what has
  expired and may be run by anybody, at any time, any number of times.
* `url` gives a URL that opens one object for one method until it expires: on S3 the store's own, presigned; otherwise
  one of ours, which `granted` checks (`signing.py`). Anything wrong with such a URL: Forbidden.
* StorageFailed when the store itself fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and what is known about it. `name`: what a download is called. Times are aware UTC."""

    key: str
    owner: str
    media_type: str
    name: str
    size: int
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to be kept under a key. `name`: what a download is called, if not like the end of the key."""

    key: str
    data: bytes = field(repr=False)
    media_type: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The bytes [start, stop) of an object, in chunks, to be read once."""

    stored: Stored
    start: int
    stop: int
    chunks: Iterator[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach an S3-compatible store. What is not given is found as every AWS client finds it.

    public_endpoint: under which others reach it, for presigned URLs; `endpoint` if None.
    presign: hand out the store's own URLs; False sends every download through this server.
    virtual_hosted: the bucket is part of the host name, as on AWS.
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    virtual_hosted: bool = False
    presign: bool = True
