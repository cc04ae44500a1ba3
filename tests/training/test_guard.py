"""Training cannot read evaluation data."""

import subprocess
import sys
from pathlib import Path

import pytest
from training.nano.guard import is_evaluation_path

ROOT = Path(__file__).parents[2]
NANO = ROOT / "training" / "nano"
MAY_EVALUATE = {"evaluate.py", "guard.py"}


def run_guarded(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in which evaluation data is forbidden: an audit hook is for good."""
    begin = "from training.nano.guard import forbid_evaluation_data; forbid_evaluation_data()\n"
    return subprocess.run([sys.executable, "-c", begin + code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", ["/data/eval/coco/images/1.jpg", "../eval", "sets/BSDS500/a.png", b"held-out/x.npy"])
def test_evaluation_folders_are_recognised(path: str | bytes) -> None:
    assert is_evaluation_path(path)


@pytest.mark.parametrize(
    "path", ["/data/nano/art.npz", "runs/checkpoint.pt", "/home/me/evaluator.py", "cocoa/beans.png"]
)
def test_other_folders_are_not(path: str) -> None:
    assert not is_evaluation_path(path)


def test_guarded_process_cannot_open_evaluation_data(tmp_path: Path) -> None:
    photo = tmp_path / "eval" / "coco" / "photo.bin"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"x")
    result = run_guarded(f"open({str(photo)!r}, 'rb')")
    assert "PermissionError: training must not read evaluation data" in result.stderr


def test_a_link_does_not_lead_around_the_guard(tmp_path: Path) -> None:
    photo = tmp_path / "eval" / "photo.bin"
    photo.parent.mkdir()
    photo.write_bytes(b"x")
    (tmp_path / "data").symlink_to(photo.parent)
    for path in (tmp_path / "data" / "photo.bin", Path("photo.bin")):
        code = f"import os; os.chdir({str(tmp_path / 'data')!r}); open({str(path)!r}, 'rb')"
        assert "must not read evaluation data" in run_guarded(code).stderr


def test_guarded_process_cannot_list_evaluation_data(tmp_path: Path) -> None:
    folder = tmp_path / "heldout"
    folder.mkdir()
    assert "must not read evaluation data" in run_guarded(f"import os; os.listdir({str(folder)!r})").stderr


def test_guarded_process_reads_other_files(tmp_path: Path) -> None:
    (tmp_path / "art.bin").write_bytes(b"x")
    assert run_guarded(f"open({str(tmp_path / 'art.bin')!r}, 'rb')").returncode == 0


def test_trainer_and_data_workers_are_guarded() -> None:
    for name, function in (("trainer.py", "def train("), ("stream.py", "def work(")):
        body = (NANO / name).read_text().split(function)[1]
        assert "guard.forbid_evaluation_data()" in body.split("\ndef ")[0]


def test_trainer_refuses_data_from_an_evaluation_folder(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("numba", reason="rendering needs numba")
    folder = tmp_path / "eval"
    folder.mkdir()
    (folder / "art.npz").write_bytes(b"x")
    command = [
        sys.executable,
        "-m",
        "training.nano.train",
        "--run",
        tmp_path / "run",
        "--data",
        folder,
        "--workers",
        "0",
    ]
    result = subprocess.run([*map(str, command), "--steps", "1"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "training must not read evaluation data" in result.stderr


@pytest.mark.parametrize("module", sorted(NANO.glob("*.py")), ids=lambda module: module.name)
def test_only_the_evaluation_knows_evaluation_data(module: Path) -> None:
    text = module.read_text()
    if module.name not in MAY_EVALUATE:
        assert "import evaluate" not in text
        assert "nano.evaluate import" not in text
        assert "cv2.imread" not in text, "OpenCV opens files where the guard cannot see it"
