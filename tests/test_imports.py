"""Doors open quickly: what is imported, and when."""

import subprocess
import sys

import pytest

import rubylith

HEAVY = {"cv2", "PIL", "numpy", "pycocotools", "typer", "rich", "skimage", "scipy", "torch", "onnxruntime"}
HEAVY |= {"sqlalchemy", "obstore", "httpx2", "httpcore2", "cryptography", "limits"}


def imported_by(code: str) -> set[str]:
    """The packages that a fresh interpreter holds after running `code`."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('IMPORTED', *sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in told.stderr.split("IMPORTED")[1].split()}


def test_import_rubylith_imports_nothing_heavy():
    assert imported_by("import rubylith; dir(rubylith)") & HEAVY == set()


def test_errors_and_words_need_numpy_and_pycocotools_at_most():
    assert imported_by("from rubylith import RubylithError") & HEAVY == set()
    assert imported_by("from rubylith import RLE, Mask, Overlap") & HEAVY <= {"numpy", "pycocotools"}


@pytest.mark.parametrize("words", [["--help"], ["segment", "--help"], ["version"]], ids=" ".join)
def test_help_imports_no_library_of_arrays_or_pictures(words):
    assert imported_by(f"from rubylith.__main__ import main; main({words})") & HEAVY <= {"typer"}


def test_every_public_name_is_there():
    assert all(getattr(rubylith, name) is not None for name in rubylith.__all__)
    assert set(dir(rubylith)) == set(rubylith.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = rubylith.nonsense


def test_every_error_is_public():
    from rubylith.domain import errors

    known = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert known <= set(rubylith.__all__)


def test_star_import_gives_the_public_names():
    names: dict[str, object] = {}
    exec("from rubylith import *", names)
    assert set(rubylith.__all__) <= set(names)
