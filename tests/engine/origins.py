"""Real servers and folders that models come from: a mirror, a hub, with all that can go wrong on the way."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rubylith.engine import catalog
from rubylith.engine.lists import LIST

NAME = "sam-base"  # published on the hub, and no digest of it is pinned
ENCODER, DECODER = "onnx/vision_encoder.onnx", "onnx/prompt_encoder_mask_decoder.onnx"
FILES = {ENCODER: b"encoder" * 50_000, DECODER: b"decoder" * 9_000}


def rows(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """What a list says of files."""
    return {path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in files.items()}


def write_mirror(folder: Path, name: str = NAME, files: dict[str, bytes] = FILES) -> Path:
    """A mirror with one model; any folder of pulled models looks like this."""
    for path, data in files.items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_bytes(data)
    (folder / name / LIST).write_text(json.dumps({"files": rows(files)}))
    return folder


def write_repository(folder: Path, repository: str, files: dict[str, bytes], revision: str = "main") -> None:
    """What the hub serves of a repository."""
    for path, data in files.items():
        place = folder / repository / "resolve" / revision / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def write_hub(folder: Path, name: str = NAME, files: dict[str, bytes] = FILES) -> Path:
    """The hub with the repository of one model."""
    entry = catalog.find_entry(name)
    write_repository(folder, entry.source, files, entry.revision)
    return folder


@dataclass
class Asked:
    method: str
    path: str
    start: int
    authorization: str | None


@dataclass
class Host:
    """A server of a folder, and what it was asked.

    break_after: bytes of an .onnx file after which each answer breaks off. token: what it wants to see. store: another
    host that large files are redirected to. moved: paths that begin with the first go to the second, on this host.
    """

    folder: Path
    port: int = 0
    break_after: int | None = None
    token: str | None = None
    store: "Host | None" = None
    moved: tuple[str, str] | None = None
    hold: threading.Event | None = None
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def starts(self, path: str) -> list[int]:
        """The bytes from which a file was asked for."""
        return [one.start for one in self.asked if one.method == "GET" and one.path.endswith(path)]


@contextmanager
def host(folder: Path, **options: object) -> Iterator[Host]:
    """Serve a folder until the end of the block."""
    served = Host(folder, **options)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def log_message(self, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(is_head=True)

        def do_GET(self) -> None:
            self.answer(is_head=False)

        def answer(self, *, is_head: bool) -> None:
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-"))
            shown = self.headers.get("Authorization")
            served.asked.append(Asked(self.command, self.path, start, shown))
            path = served.folder / self.path.lstrip("/")
            if served.moved and self.path.startswith(served.moved[0]):
                return self.redirect(self.path.replace(*served.moved), b"")
            if served.token is not None and shown != f"Bearer {served.token}":
                return self.send_error(401)
            if not path.is_file():
                return self.send_error(404)
            data = path.read_bytes()
            if served.store is not None:
                return self.redirect(f"{served.store.url}{self.path}", data)
            return self.give(data, start, is_head=is_head)

        def redirect(self, target: str, data: bytes) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            if data:
                self.send_header("X-Linked-Size", str(len(data)))
                self.send_header("X-Linked-ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def give(self, data: bytes, start: int, *, is_head: bool) -> None:
            if start >= len(data):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if is_head:
                return None
            if served.hold is not None and self.path.endswith(".onnx"):
                served.hold.wait(30)
            limit = served.break_after
            if limit is not None and self.path.endswith(".onnx") and len(data) - start > limit:
                self.wfile.write(data[start : start + limit])
                self.close_connection = True
                return None
            self.wfile.write(data[start:])
            return None

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address) -> None:  # a client that hangs up is part of some tests
            pass

    server = Server(("127.0.0.1", 0), Handler)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        if served.hold is not None:
            served.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
