"""Telling callers that their work is done: signatures, the public keys that check them, and one attempt to deliver.

Whoever took the order writes the body and chooses the signing; whoever runs the jobs calls `send` again, at times of
its own, until the attempt is `ok` or no longer `retryable`.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import OKPKey

from rubylith.domain.errors import RubylithError, StorageFailed, UnsafeAddress
from rubylith.service.fetching import Fetcher
from rubylith.service.secret_files import kept

TIMEOUT_SECONDS, MAX_ANSWER_BYTES = 15.0, 16 * 1024
GONE = 410


class Signing(Protocol):
    """One way to prove who sends. Each attempt is signed anew, so that receivers can refuse old ones."""

    def headers(self, message_id: str, owner: str, body: bytes) -> dict[str, str]:
        """The headers to send along with this body."""
        ...


@dataclass(frozen=True, slots=True)
class Ed25519Signing:
    """Signs with a key whose public half is in `jwks`.

    What is signed: message id, owner, Unix seconds and the hex SHA-256 of the body, joined by newlines, in UTF-8.
    prefix: of the four headers `-Request-Id`, `-User-Id`, `-Timestamp` and `-Signature` (hex); a dialect has its own.
    Receivers should refuse a timestamp that is more than five minutes off.
    """

    key: Ed25519PrivateKey = field(repr=False)
    prefix: str = "X-Rubylith-Webhook"
    clock: Callable[[], float] = time.time

    def headers(self, message_id: str, owner: str, body: bytes) -> dict[str, str]:
        """Four headers for one attempt."""
        timestamp = str(int(self.clock()))
        text = "\n".join((message_id, owner, timestamp, hashlib.sha256(body).hexdigest()))
        return {
            f"{self.prefix}-Request-Id": message_id,
            f"{self.prefix}-User-Id": owner,
            f"{self.prefix}-Timestamp": timestamp,
            f"{self.prefix}-Signature": self.key.sign(text.encode()).hex(),
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. `status`: None if there was no answer; `error`: one line for the records, if not ok."""

    status: int | None
    ok: bool
    retryable: bool
    error: str | None = None


class Sender:
    """Delivers webhooks through the guard of `fetching`."""

    def __init__(self, fetcher: Fetcher, *, seconds: float = TIMEOUT_SECONDS) -> None:
        self._fetcher = fetcher
        self._seconds = seconds

    def check(self, url: str, *, encrypted: bool = False) -> None:
        """UnsafeAddress if nothing would ever be sent there; ask before taking the order.

        encrypted: http will do for the networks that the operator names, and for no others.
        """
        self._fetcher.check(url, encrypted=encrypted)

    def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, media_type: str = "application/json"
    ) -> Attempt:
        """One attempt; never raises for what the other side does. Any 2xx is a delivery, whatever is said with it.

        Redirects count as refusals. Only an unsafe address and 410 Gone are not worth another attempt.
        """
        sent = {**headers, "Content-Type": media_type}
        try:
            answer = self._fetcher.post(url, body, sent, max_bytes=MAX_ANSWER_BYTES, seconds=self._seconds)
        except UnsafeAddress as error:
            return Attempt(None, ok=False, retryable=False, error=error.message)
        except RubylithError as error:
            return Attempt(None, ok=False, retryable=True, error=error.message)
        if 200 <= answer.status < 300:
            return Attempt(answer.status, ok=True, retryable=False)
        error = f"The receiver answered {answer.status}"
        return Attempt(answer.status, ok=False, retryable=answer.status != GONE, error=error)


def new_key() -> bytes:
    """A fresh Ed25519 key, as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_from_pem(pem: bytes) -> Ed25519PrivateKey:
    """The key; StorageFailed if that is no unencrypted Ed25519 key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageFailed("The key for webhooks is no Ed25519 private key", "Remove the file; a new one is made")
    return key


def kept_key(path: Path) -> Ed25519PrivateKey:
    """The key in this file, made at the first call. Nodes that share jobs must share the file's content."""
    return key_from_pem(kept(path, new_key))


def jwks(*keys: Ed25519PrivateKey) -> dict[str, list[dict[str, str]]]:
    """The public halves, newest first, as receivers fetch them. The key id is the RFC 7638 thumbprint."""
    described = [OKPKey.import_key(key.public_key()) for key in keys]
    return {"keys": [_public(key) for key in described]}


def _public(key: OKPKey) -> dict[str, str]:
    fields = key.as_dict(private=False, kid=key.thumbprint(), use="sig", alg="EdDSA")
    return {name: str(value) for name, value in fields.items()}
