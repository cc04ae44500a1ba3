"""Bytes of a URL that the operator has named: the hub's or a mirror's. Asked for from any byte on, redirects followed.

A token goes to the host it is for and to no other: the hub redirects to stores that are not the hub.
"""

import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from rubylith.domain.errors import NotFound, SourceUnreachable

TIMEOUT_SECONDS = 30
REDIRECTS, MOST_REDIRECTS = (301, 302, 303, 307, 308), 5
UNSATISFIABLE = 416
DIGEST = "X-Linked-ETag"  # the hub's: the SHA-256 of a large file, on the answer that redirects


@dataclass(frozen=True, slots=True)
class Opened:
    """A file being read. start: the first byte it will give. size: of the whole file, where that is told."""

    stream: IO[bytes]
    start: int
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, and the token for its host if there is one."""

    url: str
    token: str | None = field(default=None, repr=False)


def headers_of(address: Address) -> Message:
    """What the host says of a file without sending it; NotFound or SourceUnreachable."""
    with _reaching(address):
        answer = _send(address, "HEAD", {})
        answer.close()
        return answer.headers


def open_address(address: Address, start: int) -> Opened:
    """The file from `start` on, or from 0 if the host cannot begin later; NotFound or SourceUnreachable."""
    with _reaching(address):
        try:
            answer = _send(address, "GET", {"Range": f"bytes={start}-"} if start else {})
        except urllib.error.HTTPError as failure:
            if failure.code != UNSATISFIABLE:
                raise
            answer = _send(address, "GET", {})  # what is here is longer than what is there: not the same file
        if answer.status != 206:
            return Opened(answer, 0, _whole(answer.headers.get("Content-Length")))
        where, _, whole = str(answer.headers.get("Content-Range") or f"bytes {start}-/").partition("/")
        return Opened(answer, int(where.removeprefix("bytes ").partition("-")[0]), _whole(whole))


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _send(address: Address, method: str, headers: dict[str, str]) -> Any:
    """An answer that is no redirect; of HEAD the first that tells the digest."""
    url, host = address.url, urlsplit(address.url)[:2]
    for _ in range(MOST_REDIRECTS):
        if urlsplit(url).scheme not in {"http", "https"}:
            raise urllib.error.URLError(f"it leads to {urlsplit(url).scheme}:")
        request = urllib.request.Request(url, method=method, headers={"User-Agent": "rubylith", **headers})
        if address.token is not None and urlsplit(url)[:2] == host:
            request.add_header("Authorization", f"Bearer {address.token}")
        try:
            return urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as answer:
            if answer.code not in REDIRECTS:
                raise
            url = urljoin(url, answer.headers.get("Location", ""))
            if method == "HEAD" and DIGEST in answer.headers:
                return answer
            answer.close()
    raise urllib.error.URLError("it redirects for ever")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing by itself."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Nowhere: the redirect becomes an HTTPError."""


@contextmanager
def _reaching(address: Address) -> Generator[None]:
    url = address.url
    try:
        yield
    except urllib.error.HTTPError as failure:
        failure.close()
        if failure.code == 404:
            raise NotFound(f"There is no {url}", "Check the model's name, or the mirror") from None
        if failure.code in {401, 403}:
            raise _closed(address, failure) from None
        raise SourceUnreachable(f"{url} answers {failure.code} {failure.reason}", "Try again later") from None
    except (OSError, HTTPException, ValueError) as failure:
        reason = getattr(failure, "reason", None) or failure
        raise SourceUnreachable(
            f"{url} cannot be reached: {reason}", "Check the network, or name a mirror with RUBYLITH_MIRROR"
        ) from failure


def _closed(address: Address, failure: urllib.error.HTTPError) -> SourceUnreachable:
    if address.token is None:
        hint = "Log in there, accept the model's terms, and set RUBYLITH_HUB_TOKEN (or HF_TOKEN) to your token"
    else:
        hint = "Accept the model's terms there with the account that the token is of, or check the token"
    return SourceUnreachable(f"{address.url} is not open to everybody: it answers {failure.code}", hint)
