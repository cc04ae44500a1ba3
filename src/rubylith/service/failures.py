"""What a model failed of, as callers of the server are told: it names files of this machine, which are not theirs."""

import logging
from collections.abc import Collection, Generator
from contextlib import contextmanager

from rubylith.domain.errors import ModelFailed, NotAccessible, NotFound, RubylithError, WeightsMissing

log = logging.getLogger("rubylith.models")


@contextmanager
def noted(model: str) -> Generator[None]:
    """Where a model fails in here, or lacks files, the log says why; callers get the same error with no path in it."""
    try:
        yield
    except ModelFailed as failure:
        log.error("%s failed: %s", model, failure)
        raise ModelFailed(
            f"The model {model!r} failed on this server",
            "Whoever runs it finds the reason in its log, and what is damaged with `rubylith doctor`",
        ) from failure
    except WeightsMissing as failure:
        log.error("%s lacks files: %s", model, failure)
        # the hint is a command, which names no folder
        raise WeightsMissing(
            f"The model {model!r} lacks files on this server, or they were replaced", failure.hint
        ) from failure


def not_pulled(model: str, failure: RubylithError, places: Collection[str]) -> RubylithError:
    """What callers hear of a pull that failed, of the same kind; the log says all.

    places: where models lie and come from on this machine. What names none of them is told as it is, but for what
    nobody foresaw.
    """
    log.error("pulling %s failed: %s", model, failure)
    if not isinstance(failure, ModelFailed) and not any(place in str(failure) for place in places):
        return failure
    if isinstance(failure, ModelFailed):
        what = f"Pulling {model!r} failed on this server"
    elif isinstance(failure, NotAccessible):
        what = "The folder of models of this server could not be written"
    elif isinstance(failure, NotFound):
        what = f"The mirror of this server lacks files of {model!r}"
    else:
        what = "The mirror of this server could not be read"
    return type(failure)(what, "Whoever runs it finds the reason in its log")
