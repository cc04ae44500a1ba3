"""What people are told of an installation whose embedded networks are damaged or missing: at the start, in one line."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.pictures import encoded, scene
from tests.processes import die_with_parent, free_ports, wait_for_port

import rubylith

FINDS_RED = Path(__file__).parents[1] / "fixtures/finds-red/nano.onnx"
CLICK = ("--point", "20,20")
REST = " Install rubylith again."


@pytest.fixture
def embedded(tmp_path, monkeypatch) -> Path:
    """Where the networks lie of an installation that a test may change."""
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(encoded(scene(60, 60)))
    package = Path(rubylith.__file__).parent
    shutil.copytree(package, tmp_path / "site/rubylith", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "site/rubylith/engine/embedded"


def environment() -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("RUBYLITH_")}
    return {**outside, "PYTHONPATH": str(Path("site").resolve()), "RUBYLITH_HOME": str(Path("home").resolve())}


def called(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rubylith", *words]
    return subprocess.run(
        command, env={**environment(), **settings}, capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def serving(**settings: str) -> Iterator[tuple[httpx2.Client, Path]]:
    """A client of the installation's server, and its log."""
    (port,) = free_ports(1)
    log = Path("log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "rubylith", "serve", "--port", str(port)],
            env={**environment(), **settings},
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
    try:
        wait_for_port(process, port, log)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            assert http.get("/readyz").status_code == 200
            yield http, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("contours.onnx", "The network"), ("choice.npz", "The choice")],
)
def test_a_damaged_file_is_told_at_the_start_and_nothing_begins(embedded, name, kind):
    cut_short(embedded / name)
    segment = called("segment", "photo.png", *CLICK)
    serve = called("serve", "--port", "0")
    for ended in (segment, serve):
        assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
        assert ended.stderr.startswith(f"rubylith: {kind} in the package, {embedded / name}, is damaged: ")
        assert ended.stderr.rstrip().endswith(REST)
    assert not Path("rubylith-out").exists()


def test_a_whole_file_that_is_not_the_packages_is_told_at_the_start(embedded):
    shutil.copy(FINDS_RED, embedded / "nano.onnx")
    for ended in (called("segment", "photo.png", *CLICK), called("serve", "--port", "0")):
        assert ended.returncode == 1
        assert ended.stderr.rstrip().endswith(
            f"nano.onnx and contours.onnx are not those that choice.npz was made for.{REST}"
        )


def test_a_server_with_another_model_serves_and_says_that_the_embedded_one_is_damaged(embedded):
    cut_short(embedded / "nano.onnx")
    with serving(RUBYLITH_MODEL="slimsam-77") as (_, log):
        pass
    assert log.read_text().count("nano.onnx, is damaged") == 1


def test_a_file_damaged_while_it_serves_is_told_in_the_log_and_callers_see_no_path(embedded):
    picture = {"image": ("photo.png", Path("photo.png").read_bytes())}
    with serving() as (http, log):
        cut_short(embedded / "nano.onnx")
        now = http.post("/v1/segment", files=picture)
        later = http.post("/v1/jobs", files=picture).json()
        while later["state"] not in {"failed", "succeeded", "cancelled"}:
            later = http.get(f"/v1/jobs/{later['id']}").json()
        fal = http.post("/fal/run/fal-ai/sam2/image", json={})
    assert now.status_code == 500
    assert now.json()["type"] == "/v1/problems/ModelFailed"
    assert now.json()["detail"] == "The model 'embedded' failed on this server"
    assert later["state"] == "failed"
    for told in (now.text, str(later), fal.text):
        assert str(embedded.parent.parent) not in told
        assert "nano.onnx" not in told
    assert f"{embedded / 'nano.onnx'}, is damaged" in log.read_text()


def test_a_missing_file_is_told_once_and_the_work_is_done_without(embedded):
    (embedded / "nano.onnx").unlink()
    line = (
        "rubylith: The model embedded works without its networks, because nano.onnx is not in this installation:"
        f" colour and texture alone answer.{REST}\n"
    )
    shutil.copy("photo.png", "other.png")
    segment = called("segment", "photo.png", "other.png", *CLICK, "--json")
    assert (segment.returncode, len(segment.stdout.splitlines()), segment.stderr) == (0, 2, line)
    with serving() as (_, log):
        pass
    assert log.read_text().count(line) == 1


def test_nothing_is_told_of_an_installation_that_is_whole(embedded):
    assert called("segment", "photo.png", *CLICK).stderr == ""
    with serving() as (_, log):
        pass
    assert "embedded works without" not in log.read_text()
