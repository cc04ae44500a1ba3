"""Models arrive whole or not at all; a broken connection costs only what had not yet come."""

import hashlib
import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rubylith.domain.errors import (
    LicenceNotAllowed,
    NotAccessible,
    NotFound,
    SourceUnreachable,
    UnknownName,
    WeightsMissing,
    WrongDigest,
)
from rubylith.engine import catalog, weights
from rubylith.engine.catalog import find_weights
from rubylith.engine.sources import LIST, Hub, open_source
from rubylith.engine.weights import Store

NAME = "slimsam-77"
FILES = {"onnx/vision_encoder.onnx": b"encoder" * 50_000, "onnx/prompt_encoder_mask_decoder.onnx": b"decoder" * 9_000}


def digests(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    return {path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in files.items()}


@pytest.fixture
def mirror(tmp_path):
    """A folder that holds one model."""
    home = tmp_path / "mirror" / NAME
    for path, data in FILES.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    (home / LIST).write_text(json.dumps({"files": digests(FILES)}))
    return home.parent


class Server(ThreadingHTTPServer):
    """Serves a folder, with ranges; can break off, leave the length unsaid or lie about bytes."""

    def __init__(self, folder):
        self.folder, self.break_after, self.served = folder, None, []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.end_headers()

    def do_GET(self):
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        start = int(self.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-"))
        self.server.served.append((self.path, start))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        limit = self.server.break_after
        if limit is not None and path.suffix == ".onnx" and len(data) - start > limit:
            self.wfile.write(data[start : start + limit])
            self.close_connection = True
            return
        self.wfile.write(data[start:])


@pytest.fixture
def server(mirror):
    served = Server(mirror)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_model_comes_from_a_folder_and_is_then_found(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    home = store.pull(NAME)
    assert {path: (home / path).read_bytes() for path in FILES} == FILES
    assert store.installed() == (NAME,)
    assert store.verify(NAME) == ()
    family, found = find_weights(NAME, store.folder)
    assert (family, found.folder, found.is_split, found.input_size) == ("sam", home, False, 1024)
    assert not list((store.folder / weights.PARTIAL).iterdir())


def test_a_model_comes_by_url_and_progress_is_told(server, tmp_path):
    told = []
    Store(tmp_path / "models", server.url).pull(NAME, report=lambda *news: told.append(news))
    assert told[-1] == ("onnx/prompt_encoder_mask_decoder.onnx", 63_000, 63_000)


def test_after_a_broken_connection_the_next_try_goes_on_from_there(server, tmp_path):
    store = Store(tmp_path / "models", server.url)
    server.break_after = 100_000
    with pytest.raises(SourceUnreachable, match=r"broke after 100000 of 350000 bytes .*goes on"):
        store.pull(NAME)
    assert store.installed() == ()
    with pytest.raises(WeightsMissing):
        find_weights(NAME, store.folder)
    server.break_after, server.served = None, []
    home = store.pull(NAME)
    assert (f"/{NAME}/onnx/vision_encoder.onnx", 100_000) in server.served
    assert (home / "onnx/vision_encoder.onnx").read_bytes() == FILES["onnx/vision_encoder.onnx"]


def test_a_wrong_digest_is_refused_and_leaves_nothing(mirror, tmp_path):
    (mirror / NAME / "onnx/vision_encoder.onnx").write_bytes(b"another" * 50_000)
    store = Store(tmp_path / "models", str(mirror))
    with pytest.raises(WrongDigest, match=r"vision_encoder\.onnx has SHA-256 .* was promised"):
        store.pull(NAME)
    assert store.installed() == ()
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_the_catalogues_digest_wins_over_the_mirrors(mirror, tmp_path, monkeypatch):
    entry = catalog.find_entry(NAME)
    changed = {**catalog.catalog(), NAME: replace_digests(entry, {"onnx/vision_encoder.onnx": "0" * 64})}
    monkeypatch.setattr(catalog, "catalog", lambda: changed)
    with pytest.raises(WrongDigest, match="0000 was promised"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


def replace_digests(entry, found):
    from dataclasses import replace

    return replace(entry, digests=found)


def test_the_hub_is_asked_for_digest_and_size(server, tmp_path, mirror):
    entry = catalog.find_entry(NAME)
    shutil.copytree(mirror / NAME, mirror / entry.source / "resolve" / "main")
    items = Hub(server.url).items(entry, "fp32")
    assert [(item.path, item.sha256, item.size) for item in items] == [
        (path, row["sha256"], row["size"]) for path, row in digests(FILES).items()
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_says_so(mirror, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir(mode=0o500)
    with pytest.raises(NotAccessible, match=r"cannot be written"):
        Store(folder, str(mirror)).pull(NAME)


def test_a_folder_that_refuses_to_be_written_says_so(mirror, tmp_path):
    """A file in the place of the folder is refused for everyone, root too."""
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(NotAccessible, match="cannot be written"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


def test_too_little_room_is_seen_before_anything_is_fetched(server, tmp_path, monkeypatch):
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(NotAccessible, match=r"too full: 413000 bytes are needed, 1000 are free.*RUBYLITH_MODELS"):
        Store(tmp_path / "models", server.url).pull(NAME)
    assert [path for path, _ in server.served] == [f"/{NAME}/{LIST}"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a Linux device")  # noqa: PTH110
def test_a_disk_that_fills_up_on_the_way_is_told_from_a_broken_connection(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    place = store.folder / weights.PARTIAL / NAME / "onnx" / "vision_encoder.onnx.part"
    place.parent.mkdir(parents=True)
    place.symlink_to("/dev/full")
    with pytest.raises(NotAccessible, match="cannot be written: No space left"):
        store.pull(NAME)
    assert store.installed() == ()


def test_offline_asks_nobody_but_takes_a_bundle(mirror, tmp_path):
    with pytest.raises(WeightsMissing, match="RUBYLITH_OFFLINE"):
        Store(tmp_path / "models", offline=True).pull(NAME)
    with pytest.raises(WeightsMissing, match="RUBYLITH_OFFLINE"):
        Store(tmp_path / "models", "http://127.0.0.1:1", offline=True).pull(NAME)
    here = Store(tmp_path / "here", str(mirror))
    here.pull(NAME)
    here.bundle((NAME,), tmp_path / "models.zip")
    there = Store(tmp_path / "there", str(tmp_path / "models.zip"), offline=True)
    there.pull(NAME)
    assert there.verify(NAME) == ()


def test_a_source_that_is_not_there_says_how_to_go_on(tmp_path):
    with pytest.raises(SourceUnreachable, match=r"cannot be reached.*RUBYLITH_MIRROR"):
        Store(tmp_path / "models", "http://127.0.0.1:1").pull(NAME)
    with pytest.raises(NotFound, match=r"has no slimsam-77/files.json"):
        Store(tmp_path / "models", str(tmp_path)).pull(NAME)


def test_unknown_names_unpublished_models_and_other_licences_are_refused(mirror, tmp_path, monkeypatch):
    store = Store(tmp_path / "models", str(mirror))
    with pytest.raises(UnknownName, match=r"'nonsense'.*embedded, slimsam-77"):
        store.pull("nonsense")
    with pytest.raises(WeightsMissing, match="rubylith models export mobile-sam"):
        Store(tmp_path / "models").pull("mobile-sam")
    with pytest.raises(LicenceNotAllowed, match=r"permissive.*--licence permissive"):
        Store(tmp_path / "models", str(mirror), licences=("custom",)).pull(NAME)


def test_a_mirror_cannot_write_outside_the_models_folder(mirror, tmp_path):
    (mirror / NAME / LIST).write_text(json.dumps({"files": {"../../evil": {"sha256": "0" * 64, "size": 1}}}))
    with pytest.raises(SourceUnreachable, match="outside the model's folder"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


def test_verify_names_what_is_damaged_or_gone(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    home = store.pull(NAME)
    (home / "onnx/vision_encoder.onnx").write_bytes(b"damaged")
    (home / "onnx/prompt_encoder_mask_decoder.onnx").unlink()
    assert store.verify(NAME) == tuple(FILES)


def test_a_removed_model_is_gone(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    home = store.pull(NAME)
    store.remove(NAME)
    assert not home.exists()
    with pytest.raises(WeightsMissing, match="rubylith models pull"):
        store.remove(NAME)


def test_a_mirror_is_a_folder_a_bundle_or_a_url():
    assert type(open_source("http://mirror.example/models")).__name__ == "WebMirror"
    assert type(open_source("models.zip")).__name__ == "FolderMirror"
    assert type(open_source(None)).__name__ == "Hub"
