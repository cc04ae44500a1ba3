# One command for every change: `uv run just` formats, lints, checks types and imports, and runs the tests.

default: format lint types imports test

# Rewrite the code in the project's format
format:
    ruff format .
    ruff check --fix-only --quiet .

# Style and likely mistakes
lint:
    ruff format --check .
    ruff check .

# Types of the package, strictly
types:
    pyright

# Rooms import downwards only
imports:
    lint-imports

# Everything that needs no network
test *arguments:
    pytest -n auto {{arguments}}

# The vendors' own clients, for the tests of the dialects
clients:
    tests/clients/install.sh

# What needs PyTorch or OpenVINO, in an environment of its own (.venv-torch, 2 GB)
torch *arguments:
    tests/reference/install.sh
    .venv-torch/bin/pytest -n auto -m 'torch or openvino' tests/engine {{arguments}}
    .venv-torch/bin/pytest -n auto tests/training {{arguments}}
