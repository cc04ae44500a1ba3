"""What a model failed of, as callers of the server are told: it names files of this machine, which are not theirs."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from rubylith.domain.errors import ModelFailed

log = logging.getLogger("rubylith.models")


@contextmanager
def noted(model: str) -> Generator[None]:
    """Where a model fails in here the log says why, and callers get a ModelFailed that names no file."""
    try:
        yield
    except ModelFailed as failure:
        log.error("%s failed: %s", model, failure)
        raise ModelFailed(
            f"The model {model!r} failed on this server",
            "Whoever runs it finds the reason in its log, and what is damaged with `rubylith doctor`",
        ) from failure
