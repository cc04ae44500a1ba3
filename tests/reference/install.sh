#!/usr/bin/env bash
# Makes .venv-torch with PyTorch, transformers, OpenVINO and what training/nano needs, in the versions that pyproject.toml names.
# Does nothing where the environment is there already and made of the same lists.
set -euo pipefail
cd "$(dirname "$0")/../.."

lists=$(cat pyproject.toml training/nano/requirements.txt tests/reference/install.sh | cksum)
[ "$(cat .venv-torch/made-of 2>/dev/null)" = "$lists" ] && exit 0
rm -rf .venv-torch
"${PYTHON:-python3}" -m venv .venv-torch
constraints=.venv-torch/constraints.txt
.venv-torch/bin/python - > "$constraints" <<'PYTHON'
import tomllib
with open("pyproject.toml", "rb") as page:
    print(*tomllib.load(page)["tool"]["uv"]["constraint-dependencies"], sep="\n")
PYTHON
pip() { .venv-torch/bin/pip install --quiet --disable-pip-version-check --constraint "$constraints" "$@"; }
pip --editable '.[torch,openvino]' --requirement training/nano/requirements.txt pytest pytest-xdist hypothesis
# The original projects' classes, without torchvision and hydra, which the tests get by without.
SAM2_BUILD_CUDA=0 pip --no-deps --no-build-isolation \
    segment-anything==1.0 segment-anything-hq==0.3 sam2==1.1.0 mobilesam-mirror==1.0.0 timm==1.0.31 iopath==0.1.10 portalocker==4.4.2
printf '%s\n' "$lists" > .venv-torch/made-of
