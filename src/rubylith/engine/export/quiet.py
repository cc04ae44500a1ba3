# pyright: basic, reportMissingImports=false
"""Keeps what libraries say by the way off the screen, where our own lines would drown in it."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def quiet() -> Generator[None]:
    """No warnings and no log lines below an error, such as that torchvision is missing or a step is recommended."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def hide_bars() -> None:
    """transformers shows a bar for every file of weights that it reads from the disk."""
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()
