"""The store by URL: which of obstore's it is, how it is set up, and its errors as ours."""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from rubylith.domain.errors import NotFound, StorageFailed, UnknownName
from rubylith.storage import S3Options

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

Backend = LocalStore | MemoryStore | S3Store
SCHEMES = ("file", "memory", "s3")
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}  # as shipped: 10, three minutes
STAGED_SECONDS = 3600  # no upload takes as long
CONNECT_SECONDS, ANSWER_SECONDS = 5, 300  # the second bounds a whole download, so not too short


def open_backend(url: str, s3: S3Options) -> Backend:
    """The store of this URL. UnknownName for another kind of URL; StorageFailed if a folder cannot be made."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryStore()
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        return _folder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, parts.path.strip("/"), s3)
    raise UnknownName(
        f"There is no store of the kind {parts.scheme or url.partition(':')[0]!r}",
        "Write file:///FOLDER, s3://BUCKET/PREFIX or memory://",
    )


def open_presigner(url: str, s3: S3Options) -> S3Store | None:
    """What signs URLs for others: the bucket as they reach it. None if this server hands the bytes out itself."""
    if urlsplit(url).scheme != "s3" or not s3.presign:
        return None
    parts = urlsplit(url)
    return _bucket(parts.netloc, parts.path.strip("/"), replace(s3, endpoint=s3.public_endpoint or s3.endpoint))


@contextmanager
def translated(key: str) -> Generator[None]:
    """Errors of the store as ours."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(
            f"There is no file {key.rpartition('/')[2]!r}", "It may have expired, or was never made"
        ) from None
    except (BaseError, OSError) as error:
        kind = type(error).__name__
        raise StorageFailed(f"The object store failed ({kind})", "Look at its log, and at the space it has") from error


def clear_staged(store: Backend) -> None:
    """Remove files that a killed process left half-written on disk: `NAME#1` and the like, never part of a key."""
    if not isinstance(store, LocalStore) or store.prefix is None:
        return
    for path in store.prefix.rglob("*#*"):
        with suppress(OSError):  # another node may clear up as well
            if path.stat().st_mtime < time.time() - STAGED_SECONDS:
                path.unlink()


def _folder(path: Path) -> LocalStore:
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)  # other users of this machine have no business with callers' pictures
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}", "Make the folder writable, or set another one") from None
    return LocalStore(path, automatic_cleanup=True)


def _bucket(bucket: str, prefix: str, s3: S3Options) -> S3Store:
    client: ClientConfig = {"timeout": timedelta(seconds=ANSWER_SECONDS)}
    client["connect_timeout"] = timedelta(seconds=CONNECT_SECONDS)
    client["allow_http"] = (s3.endpoint or "").startswith("http://")
    given: dict[str, Any] = {
        "endpoint": s3.endpoint,
        "region": s3.region,
        "access_key_id": s3.access_key_id,
        "secret_access_key": s3.secret_access_key,
        "session_token": s3.session_token,
    }
    options = {name: value for name, value in given.items() if value is not None}
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options=client,
        retry_config=RETRIES,
        virtual_hosted_style_request=s3.virtual_hosted,
        **options,
    )
