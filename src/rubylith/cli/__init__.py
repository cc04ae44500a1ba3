"""The command line. One file per command, named in NAMES; each has `command`, a function whose parameters typer reads.

The files import next to nothing at the top, so that `rubylith --help` is quick: what a command needs it imports when it
runs. A command raises a RubylithError before it has begun if it was asked wrongly, and returns its exit status.
"""

from collections.abc import Callable
from typing import Protocol

NAMES = ("segment", "serve", "models", "keys", "jobs", "doctor", "version")


class Command(Protocol):
    """What each file of this room offers."""

    command: Callable[..., int]
