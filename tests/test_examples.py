"""Every script in examples/ does what it says, against a real server with a key."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.running import serve

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_KEYS": "secret"}) as running:
        yield running.address


def run(name, address, folder, key="secret"):
    command = ["bash"] if name.endswith(".sh") else [sys.executable]
    environment = {**os.environ, "RUBYLITH_SERVER": address, "RUBYLITH_KEY": key}
    return subprocess.run(
        [*command, str(EXAMPLES / name)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("now.sh", ["masks.zip"], '"masks": [{'),
        ("now.py", ["cutout.png"], "masks\ncutout.png"),
        ("later.sh", ["overlay.png"], "overlay.png"),
        ("later.py", ["result.json", "overlay.png", "coco.json"], "succeeded 100%"),
        ("clicks.sh", [], "pixels"),
        ("clicks.py", [], "after 3 clicks"),
        ("tengr.py", ["mask-0.png"], "succeeded after"),
    ],
)
def test_the_example_runs(name, files, words, address, tmp_path):
    done = run(name, address, tmp_path)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert all((tmp_path / file).stat().st_size > 100 for file in files)


def test_the_zip_holds_an_overlay_and_masks(address, tmp_path):
    run("now.sh", address, tmp_path)
    names = zipfile.ZipFile(tmp_path / "masks.zip").namelist()
    assert "overlay.png" in names
    assert sum(name.startswith("masks/") for name in names) >= 5


def test_a_wrong_key_ends_an_example_with_the_servers_words(address, tmp_path):
    done = run("now.sh", address, tmp_path, key="wrong")
    assert done.returncode != 0
    assert "unknown or was revoked" in done.stdout + done.stderr + (tmp_path / "masks.zip").read_text()


def test_the_examples_clicks_mend_one_mask_and_the_last_takes_a_little_away(address, tmp_path):
    shell, python = (
        [int(line.split()[0]) for line in run(name, address, tmp_path).stdout.splitlines() if " pixels" in line]
        for name in ("clicks.sh", "clicks.py")
    )
    assert shell == python
    *added, last = shell
    assert added == sorted(added)
    assert len(set(added)) == len(added) >= 3
    assert 0.9 * added[-1] < last < added[-1]  # and has not run over the table
