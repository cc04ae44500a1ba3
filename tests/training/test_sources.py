"""Everything that training data is made of is listed, and nothing else is read."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

NANO = Path(__file__).parents[2] / "training" / "nano"
SOURCES = tomllib.loads((NANO / "sources.toml").read_text())["source"]
CARD = NANO.parents[1] / "src" / "rubylith" / "engine" / "embedded" / "NANO.md"
MODULES = sorted(NANO.glob("*.py"))
CLEAN = {"Apache-2.0", "MIT", "CC0-1.0", "public domain"}

# Who may read files, and which: anything new must be added to sources.toml first, then here.
READERS = {
    "art.py": "packages named in sources.toml, and the art.npz made from them",
    "textures.py": "its own cache of generated textures",
    "export.py": "weights that this folder trained",
    "train.py": "checkpoints of its own runs",
    "trainer.py": "checkpoints of its own runs",
    "predict.py": "a network that this folder exported",
    "restore.py": "the same",
    "evaluate.py": "evaluation data: it measures, it does not train",
}
READING = {"imread", "load", "fromfile", "open", "read_text", "read_bytes", "loadtxt", "memmap", "urlopen"}
DATA_PACKAGES = {"skimage", "sklearn", "torchvision", "imageio", "PIL", "requests", "urllib", "httpx", "scipy"}


def calls(module: Path) -> set[str]:
    """The last names of all functions that a module calls."""
    nodes = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes}


def imports(module: Path) -> set[str]:
    """The top-level packages that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source["name"])
def test_source_has_a_clean_licence_and_a_version(source: dict[str, str]) -> None:
    assert source["licence"] in CLEAN
    assert source["version"]
    assert source["use"]
    assert source["kind"] in {"ours", "npm"}


@pytest.mark.parametrize("page", [NANO / "README.md", CARD], ids=["readme", "card"])
def test_readme_and_card_name_every_source_with_version_and_licence(page: Path) -> None:
    lines = page.read_text().splitlines()
    for source in SOURCES:
        row = next((line for line in lines if line.startswith(f"| {source['name']}")), "")
        assert source["version"] in row, source["name"]
        assert source["licence"] in row, source["name"]


def test_icons_with_mixed_licences_stay_out() -> None:
    assert "@mdi/svg" not in {source["name"] for source in SOURCES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_only_listed_modules_read_files(module: Path) -> None:
    if module.name not in READERS:
        assert not calls(module) & READING


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_package_that_brings_photographs_is_imported(module: Path) -> None:
    assert not imports(module) & DATA_PACKAGES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_packages_but_those_of_sources_are_fetched(module: Path) -> None:
    named = set(re.findall(r"@[a-z-]+/[a-z-]+(?=[\"'@])", module.read_text()))
    assert named <= {source["name"] for source in SOURCES} | {"@iconify-json/"}


def test_no_data_or_weights_are_committed_here() -> None:
    kinds = {path.suffix for path in NANO.iterdir() if path.is_file()}
    assert kinds <= {".py", ".md", ".toml", ".txt"}
