"""Real servers on loopback for tests. Each ends with its `with` block."""

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Site:
    """A running server and what it was asked."""

    port: int
    received: list[Received] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def http_site(answer: Callable[[Received], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """An HTTP server that answers as told and remembers what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body)
            site.received.append(received)
            reply = answer(received)
            self.send_response(reply.status)
            for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = handle_one  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address) -> None:  # a client that hangs up is part of some tests
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site = Site(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def raw_site(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[Site]:
    """A server that speaks as it likes: `talk(connection, over)`; `over` is set when the test is done."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                with suppress(OSError):
                    talk(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Site(listener.getsockname()[1])
    finally:
        over.set()
        thread.join(5)
        listener.close()


class HeldBack:
    """Answers the first `coming` requests of an `http_site` with this picture, and holds the rest until let go."""

    def __init__(self, picture: bytes, coming: int) -> None:
        self.picture = picture
        self.lock, self.left, self.let_go = threading.Lock(), coming, threading.Event()

    def __call__(self, _: Received) -> Reply:
        with self.lock:
            self.left -= 1
            is_held = self.left < 0
        if is_held:
            self.let_go.wait(120)
        return Reply(200, {"Content-Type": "image/png"}, self.picture)
