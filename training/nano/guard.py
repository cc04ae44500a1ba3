"""Keeps training away from evaluation data: once called, Python opens no file of such a folder in this process."""

from __future__ import annotations

import os
import sys
from pathlib import PurePath

EVALUATION_NAMES = frozenset(
    {
        "eval",
        "evaluation",
        "heldout",
        "held-out",
        "held_out",
        "bsds500",
        "bsr",
        "coco",
        "coco2017",
        "ccp",
        "pennfudan",
        "pennfudanped",
        "dsb2018",
        "stage1_train",
        "camvid",
        "fasseg",
    }
)
_ACTIVE = False


def is_evaluation_path(path: str | bytes | os.PathLike) -> bool:
    """Whether a path, or what its links lead to, lies in a folder named like evaluation data."""
    parts = (*PurePath(os.fsdecode(path)).parts, *PurePath(os.path.realpath(os.fsdecode(path))).parts)
    return any(part.lower() in EVALUATION_NAMES for part in parts)


def forbid_evaluation_data() -> None:
    """Refuse, from now on and for good, to open or list evaluation data by Python; PermissionError names the path."""
    global _ACTIVE  # noqa: PLW0603 - an audit hook cannot be taken away, so it is put in once
    if not _ACTIVE:
        _ACTIVE = True
        sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple) -> None:
    if (
        event in ("open", "os.listdir", "os.scandir")
        and isinstance(arguments[0], (str, bytes, os.PathLike))
        and is_evaluation_path(arguments[0])
    ):
        raise PermissionError(f"training must not read evaluation data: {os.fsdecode(arguments[0])}")
