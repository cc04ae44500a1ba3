"""What a model failed of, as callers of the server are told: it names files of this machine, which are not theirs."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from rubylith.domain.errors import ModelFailed, WeightsMissing
from rubylith.engine.catalog import is_folder_name

log = logging.getLogger("rubylith.models")


@contextmanager
def noted(model: str) -> Generator[None]:
    """Where a model fails in here, or lacks files, the log says why; callers get the same error with no path in it."""
    try:
        yield
    except ModelFailed as failure:
        log.error("%s failed: %s", model, failure)
        raise ModelFailed(
            f"{_called(model)} failed on this server",
            "Whoever runs it finds the reason in its log, and what is damaged with `rubylith doctor`",
        ) from failure
    except WeightsMissing as failure:
        log.error("%s lacks files: %s", model, failure)
        # the hint is a command, which names no folder
        raise WeightsMissing(
            f"{_called(model)} lacks files on this server, or they were replaced", failure.hint
        ) from failure


def _called(model: str) -> str:
    """What callers may read of a name, which of the operator's own model can be a path."""
    return "The server's own model" if is_folder_name(model) else f"The model {model!r}"
