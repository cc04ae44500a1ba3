"""The shape of the code: rooms, sizes, pinned versions. What the guide asks for, a test holds."""

import ast
import importlib
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from rubylith.formats import NAMES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "rubylith"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)
FORBIDDEN_NAMES = {"utils", "helpers", "core", "common", "base", "manager", "misc"}

FILE_LINES, FUNCTION_LINES, POSITIONAL_PARAMETERS = 400, 60, 5
LONG_FILES: dict[str, str] = {}  # path: the reason why
LONG_FUNCTIONS: dict[str, str] = {}  # path:name: the reason why


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_functions(node):
    for child in ast.iter_child_nodes(node):
        if getattr(child, "name", "_").startswith("_"):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        elif isinstance(child, ast.ClassDef):
            yield from public_functions(child)


@pytest.mark.parametrize("room", [r for r in ROOMS if "\nNAMES" in (r / "__init__.py").read_text()], ids=name_of)
def test_names_of_a_room_match_its_files(room):
    module = importlib.import_module("rubylith." + name_of(room).replace("/", "."))
    folders = {path.parent.name for path in room.glob("*/__init__.py")}  # a member past 400 lines is a folder
    files = {path.stem for path in room.glob("*.py") if not path.stem.startswith("_")} | folders
    assert files == set(module.NAMES)


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_rooms_front_page_holds_no_logic(room):
    tree = ast.parse((room / "__init__.py").read_text())
    assert ast.get_docstring(tree)
    assert not [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_stay_small(path):
    lines = len(path.read_text().splitlines())
    assert lines <= FILE_LINES or name_of(path) in LONG_FILES
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= FUNCTION_LINES or f"{name_of(path)}:{function.name}" in LONG_FUNCTIONS, function.name


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_take_five_parameters_then_keywords(path):
    for function in functions(path):
        positional = [a.arg for a in function.args.args if a.arg not in {"self", "cls"}]
        assert len(positional) <= POSITIONAL_PARAMETERS, function.name


def test_names_say_what_is_inside_and_rooms_are_three_deep():
    for path in SOURCES:
        parts = Path(name_of(path)).with_suffix("").parts
        assert not FORBIDDEN_NAMES & set(parts)
        assert len(parts) <= 3


def test_every_public_function_says_what_it_gives():
    silent = [
        f"{name_of(path)}: {function.name}"
        for path in SOURCES
        for function in public_functions(ast.parse(path.read_text()))
        if not ast.get_docstring(function) and "overload" not in map(ast.unparse, function.decorator_list)
    ]
    assert silent == []


def test_only_the_settings_read_the_environment():
    readers = [
        name_of(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if getattr(node, "attr", getattr(node, "id", getattr(node, "name", ""))) in {"environ", "getenv", "environb"}
    ]
    assert set(readers) == {"settings.py"}


def test_every_dependency_is_pinned_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = {line.split("==")[0] for line in project["tool"]["uv"]["constraint-dependencies"]}
    wanted = [*project["project"]["dependencies"], *chain.from_iterable(project["dependency-groups"].values())]
    assert {re.split(r"[>\[]", line)[0] for line in wanted} <= pinned


def test_the_map_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert [name_of(room) for room in ROOMS if room.name + "/" not in text] == []


def test_links_between_the_documents_lead_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_lists_every_format():
    text = (ROOT / "README.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_what_needs_a_vendors_client_runs_where_they_are_installed():
    """In the first step of .ci/run they are not there, and these tests skip."""
    words = (ROOT / ".ci" / "run").read_text().split()
    run = {path for word in words if word.startswith("tests/") for path in ROOT.glob(word) if path.is_file()}
    needs = re.compile(r"\brun_(?:node|python)\(|import .*\b(?:node|python)\b")
    asking = {path for path in (ROOT / "tests" / "dialects").rglob("test_*.py") if needs.search(path.read_text())}
    assert asking
    assert asking <= run
