"""The vendors' own clients, as `tests/clients/install.sh` lays them out; tests of a client that is not there skip."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(__file__).parent / "clients"
FETCH_THEM = "run tests/clients/install.sh"
SECONDS = 120


def run_node(script: str | Path, environment: Mapping[str, str] | None = None, *arguments: str) -> Any:
    """Run an ES module, a file or its text, that can import the npm clients; what it prints last, read as JSON."""
    node = shutil.which("node")
    if node is None or not (CLIENTS / "node_modules").is_dir():
        pytest.skip(f"needs Node 20 and the npm clients: {FETCH_THEM}")
    # --input-type reads the text as if it lay in the working folder, where node_modules is
    text = script.read_text() if isinstance(script, Path) else script
    return _run([node, "--input-type=module", "--eval", text, "--", *arguments], environment)


def run_python(client: str, script: str | Path, environment: Mapping[str, str] | None = None, *arguments: str) -> Any:
    """Run a script, a file or its text, where the Python client is installed; what it prints last, read as JSON."""
    python = CLIENTS / f".venv-{client}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs the client {client}, and the Python that it wants: {FETCH_THEM}")
    how = [str(script)] if isinstance(script, Path) else ["-c", script]
    return _run([str(python), *how, *arguments], environment)


def _run(command: list[str], environment: Mapping[str, str] | None) -> Any:
    """The last line of standard output as JSON, or as it is; an AssertionError with what was said if it failed."""
    told = subprocess.run(
        command,
        cwd=CLIENTS,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}"
    last = told.stdout.strip().splitlines()[-1] if told.stdout.strip() else ""
    try:
        return json.loads(last)
    except ValueError:
        return last
