"""Guarded HTTP out: pictures fetched for a caller, and webhooks sent for one.

The guard sits where the connection is made. A host is looked up once, every address it has is checked (`addresses.py`),
and the socket goes to an address that was checked, so a second answer of the DNS is never asked for; TLS still checks
the name. Every hop of a redirect is a new connection and passes the same guard.

On httpcore2 with a network backend of ours, and httpx2's URLs. Not its client: that one logs URLs (some hold secrets),
keeps cookies, unpacks bodies and takes proxies from the environment. Synchronous, because those who call are: intake
and webhooks run in the threads of the pool and of the jobs. One connection per hop and none kept: the hosts differ.
"""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property

import httpcore2
import httpx2

from rubylith.domain.errors import SourceUnreachable, TimedOut, TooLarge, Unavailable, UnsafeAddress
from rubylith.service.addresses import Address, Network, denied, named, parsed
from rubylith.service.connections import Backend, Deadline

Resolve = Callable[[str, int], Iterable[str]]

MAX_REDIRECTS, MAX_URL = 3, 8192
PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 421, 423, 425, 429})  # refusals that a later try may not meet
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CREDENTIALS = re.compile(r"[^/]*//[^/?#]*@")  # even empty ones, which httpx2 drops
_SPACED = re.compile(r"(?:[^/?#:]*:)?//[^/?#]*\s")  # host or port, which httpx2 reads without the white space
_OUTSIDE_URLS = re.compile(r"[\x00-\x1f\x7f\\]")
# RFC 6761, RFC 6762, and what ICANN reserved for private use in 2024; localdomain by custom.
PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa", ".test", ".invalid")
_HINT = "Give an http or https URL of a public host, or let the operator name its network in RUBYLITH_FETCH_ALLOW"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `url`: where it was found in the end. `body`: at most as many bytes as were asked for."""

    status: int
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """`image/png`, without parameters; empty if the server did not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that was taken apart and may be asked for; its host is not yet looked up."""

    url: httpx2.URL
    scheme: str
    host: str
    port: int


def look_up(host: str, port: int) -> tuple[str, ...]:
    """Every address that the system's resolver knows for a host; OSError if none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """HTTP to public addresses, and to those in `allow`, which may be reached on any port.

    resolve, backend, tls: what looks up hosts, opens sockets and checks certificates; for tests and for a certificate
    authority of one's own (or set SSL_CERT_FILE).
    """

    def __init__(
        self,
        allow: tuple[Network, ...] = (),
        *,
        resolve: Resolve = look_up,
        backend: httpcore2.NetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
        user_agent: str = "rubylith",
    ) -> None:
        self._allow = allow
        self._resolve = resolve
        self._backend = backend or httpcore2.SyncBackend()
        self._given_tls = tls
        self._user_agent = user_agent

    @cached_property
    def _tls(self) -> ssl.SSLContext:  # 20 ms, so not before it is needed
        return self._given_tls or httpcore2.default_ssl_context()

    def get(self, url: str, *, max_bytes: int, seconds: float) -> Answer:
        """Fetch what lies there, after at most three redirects; the whole of it within `seconds`.

        UnsafeAddress, SourceUnreachable (any other status than 200 as well), TooLarge, TimedOut.
        """
        deadline = Deadline(seconds, _shown(url))
        target = _target(url)
        for _ in range(MAX_REDIRECTS + 1):
            with self._asked(target, "GET", deadline) as response:
                if response.status not in REDIRECTS:
                    return _picture(response, target, max_bytes, deadline)
                location = _headers(response).get("location", "")
            target = _target(_joined(target, location))
        raise SourceUnreachable(
            f"{_shown(url)} redirects more than {MAX_REDIRECTS} times", "Give the URL where the redirects end", 0
        )

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, seconds: float) -> Answer:
        """Send a body and give the answer, whatever its status, with the first `max_bytes` of what it says.

        Redirects are not followed. UnsafeAddress, SourceUnreachable, TimedOut.
        """
        deadline = Deadline(seconds, _shown(url))
        target = _target(url)
        with self._asked(target, "POST", deadline, body, headers) as response:
            said = b"".join(_chunks(response, max_bytes))[:max_bytes]
            return Answer(response.status, str(target.url), _headers(response), said)

    def check(self, url: str, *, encrypted: bool = False, seconds: float = 5.0) -> None:
        """UnsafeAddress if the URL could not be asked for today. Nothing is connected to.

        A host that cannot be looked up passes, unless its name is for private use or its port for no public host: it
        may exist by the time it is needed, and is checked again then.

        encrypted: http is for networks in `allow` only.
        """
        target = _target(url)
        if encrypted and target.scheme != "https" and not self._is_allowed(target, Deadline(seconds, _shown(url))):
            raise UnsafeAddress(f"{_shown(url)} would be told in the clear", "Give an https URL")
        try:
            self._checked(target, Deadline(seconds, _shown(url)))
        except (SourceUnreachable, TimedOut):
            if target.host.rstrip(".").lower().endswith(PRIVATE_ENDINGS):
                raise UnsafeAddress(f"{target.host!r} is a name for private use", _HINT) from None
            if target.port != PORTS[target.scheme] and not self._allow:
                raise _wrong_port(target) from None  # whatever its addresses will be

    def _is_allowed(self, target: _Target, deadline: Deadline) -> bool:
        """Whether every address of the host is named by the operator."""
        try:
            addresses = [parsed(text) for text in self._checked(target, deadline)]
        except Unavailable:
            return False
        return all(address is not None and named(address, self._allow) for address in addresses)

    def _checked(self, target: _Target, deadline: Deadline) -> tuple[str, ...]:
        """The addresses of the host, all of which may be reached."""
        literal = parsed(target.host)
        texts = (target.host,) if literal else _looked_up(self._resolve, target, deadline)
        for text in texts:
            self._check(parsed(text), target)
        return texts

    def _check(self, address: Address | None, target: _Target) -> None:
        if address is None:
            raise UnsafeAddress(f"{target.host!r} has an address that is not a plain IP address", _HINT)
        if named(address, self._allow):
            return
        reason = denied(address)
        if reason:
            raise UnsafeAddress(f"{target.host!r} may not be reached: it is {reason}", _HINT)
        if target.port != PORTS[target.scheme]:
            raise _wrong_port(target)

    @contextmanager
    def _asked(
        self,
        target: _Target,
        method: str,
        deadline: Deadline,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Generator[httpcore2.Response]:
        """One request on a connection of its own."""
        addresses = self._checked(target, deadline)
        own = {"Host": target.url.netloc.decode("ascii"), "User-Agent": self._user_agent, "Connection": "close"}
        asks = {"Accept": "*/*", "Accept-Encoding": "identity"}
        url = httpcore2.URL(
            scheme=target.scheme, host=target.url.raw_host, port=target.url.port, target=target.url.raw_path
        )
        guarded = Backend(self._backend, addresses, deadline)
        tls = self._tls if target.scheme == "https" else None
        with _translated(target, deadline), httpcore2.ConnectionPool(tls, network_backend=guarded) as pool:
            sent = [*(asks | dict(headers or {}) | own).items()]
            with pool.stream(method, url, headers=sent, content=body) as response:
                yield response


def _target(text: str) -> _Target:
    """Take a URL apart; UnsafeAddress for all that is not plain http(s) to a plain host.

    White space around it is dropped, and spaces within its path and query are escaped, as browsers do.
    """
    text = text.strip()
    if _SPACED.match(text):
        raise UnsafeAddress("The URL has white space in its host or port", "Leave it out of the URL")
    if len(text) > MAX_URL or _OUTSIDE_URLS.search(text):
        raise UnsafeAddress("The URL is too long or has characters that no URL has", _HINT)
    try:
        url = httpx2.URL(text)
        host = url.raw_host.decode("ascii").lower()
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise UnsafeAddress(f"{_shown(text)} is not a URL that can be read", _HINT) from None
    if url.scheme not in PORTS:
        raise UnsafeAddress(f"{_shown(text)} is asked for by another scheme than http or https", _HINT)
    if url.userinfo or _CREDENTIALS.match(text):
        raise UnsafeAddress(f"The URL of {host!r} holds a user name or password", "Leave them out of the URL")
    if not (parsed(host) or _is_name(host)):
        raise UnsafeAddress(f"{host!r} is no plain name or address of a host", _HINT)
    port = PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65536:
        raise UnsafeAddress(f"There is no port {port}", "Leave the port out of the URL")
    return _Target(url, url.scheme, host, port)


def _wrong_port(target: _Target) -> UnsafeAddress:
    hint = f"Use {PORTS[target.scheme]} for {target.scheme}"
    return UnsafeAddress(f"{target.host!r} may not be reached on port {target.port}", hint)


def _is_name(host: str) -> bool:
    """True for a name of the DNS. One that ends in a number is another way to write an IPv4 address: not taken."""
    labels = host.removesuffix(".").split(".")
    plain = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return plain and not _NUMBER.fullmatch(labels[-1])


def _looked_up(resolve: Resolve, target: _Target, deadline: Deadline) -> tuple[str, ...]:
    """Ask the resolver, which knows no time limit, in a thread that can be left behind."""
    found: list[str] = []

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(resolve(target.host, target.port))

    thread = threading.Thread(target=ask, name="look-up", daemon=True)
    thread.start()
    thread.join(deadline.left())
    if thread.is_alive():
        raise deadline.missed()
    if not found:
        raise SourceUnreachable(f"There is no host called {target.host!r}", "Check the URL", 5)
    return tuple(found)


@contextmanager
def _translated(target: _Target, deadline: Deadline) -> Generator[None]:
    """Errors of the network as ours, which name the host and nothing of what lies behind it."""
    try:
        yield
    except httpcore2.ConnectTimeout:
        raise SourceUnreachable(f"{target.host!r} does not answer", "Check the URL, or try again", 5) from None
    except httpcore2.TimeoutException:
        raise deadline.missed() from None
    except httpcore2.ConnectError as error:
        broken = isinstance(error.__context__, ssl.SSLError)  # the pool clears __cause__
        why = "its certificate does not hold" if broken else "no connection"
        raise SourceUnreachable(f"{target.host!r} cannot be reached: {why}", "Check the URL, or try again", 5) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError):
        raise SourceUnreachable(f"{target.host!r} broke off or does not speak HTTP", "Try again", 5) from None


def _picture(response: httpcore2.Response, target: _Target, max_bytes: int, deadline: Deadline) -> Answer:
    headers = _headers(response)
    host = target.host
    if response.status != 200:
        wait = 5 if response.status in PASSING or response.status >= 500 else 0
        raise SourceUnreachable(f"{host!r} answered {response.status} instead of the file", "Check the URL", wait)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceUnreachable(f"{host!r} sent the file packed, though asked not to", "Use another server", 0)
    length = headers.get("content-length", "")
    too_large = TooLarge(f"The file at {host!r} is larger than {max_bytes} bytes", "Give a smaller file")
    if length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise too_large
    body = bytearray()
    for chunk in _chunks(response, max_bytes):
        body += chunk
        deadline.left()
    if len(body) > max_bytes:
        raise too_large
    return Answer(200, str(target.url), headers, bytes(body))


def _chunks(response: httpcore2.Response, max_bytes: int) -> Iterator[bytes]:
    """The body, up to the chunk that goes past `max_bytes`; the rest is never read."""
    total = 0
    for chunk in response.iter_stream():
        total += len(chunk)
        yield chunk
        if total > max_bytes:
            return


def _headers(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _joined(target: _Target, location: str) -> str:
    if _SPACED.match(location):
        raise UnsafeAddress(f"{target.host!r} redirects to a URL with white space in its host or port", _HINT)
    try:
        return str(target.url.join(location))
    except (httpx2.InvalidURL, ValueError):
        raise UnsafeAddress(f"{target.host!r} redirects to what is not a URL", _HINT) from None


def _shown(url: str) -> str:
    """The host for an error message; never the path, the query or a password."""
    try:
        host = httpx2.URL(url).host
    except (httpx2.InvalidURL, ValueError):
        host = ""
    return repr(host) if host else "The URL"
