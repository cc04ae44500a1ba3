"""Sockets that go to checked addresses only, and on which nothing waits past a deadline.

A network backend for httpcore2: the library speaks HTTP and TLS, this file decides where the bytes may go.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

from rubylith.domain.errors import TimedOut

CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0  # for one address; a host may have several


class Deadline:
    """The moment by which all of an exchange with `host` must be done."""

    def __init__(self, seconds: float, host: str) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._host = host

    def left(self, at_most: float | None = None) -> float:
        """Seconds that remain; TimedOut if none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left if at_most is None else min(left, at_most)

    def missed(self) -> TimedOut:
        """The error for it."""
        return TimedOut(f"{self._host} did not answer in full within {self._seconds:g} seconds", "Try again", 5)


class Stream(httpcore2.NetworkStream):
    """A socket on which nothing waits past the deadline, however slowly the bytes drip."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes, or none at the end."""
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, in pieces, so that a reader who hardly reads cannot hold us either."""
        view = memoryview(buffer)
        for start in range(0, len(view), CHUNK):
            self._inner.write(bytes(view[start : start + CHUNK]), self._deadline.left(timeout))

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        """The same connection, in private; the certificate is checked against the name, not the address."""
        return Stream(self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore2 asks about the socket."""
        return self._inner.get_extra_info(info)


class Backend(httpcore2.NetworkBackend):
    """Connects to `addresses`, which were checked, in their order, whatever host it is given."""

    def __init__(self, inner: httpcore2.NetworkBackend, addresses: tuple[str, ...], deadline: Deadline) -> None:
        self._inner = inner
        self._addresses = addresses
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - looked up already; a second look could give another address
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address that answers."""
        failure: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses:
            seconds = self._deadline.left(min(CONNECT_SECONDS, timeout or CONNECT_SECONDS))
            try:
                inner = self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
                return Stream(inner, self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Never."""
        raise httpcore2.ConnectError(f"Not through a socket of this machine: {path}")
