"""Runs the command that was named, and turns whatever goes wrong into one line and an exit status.

Exit status: 0 done, 1 some inputs failed or Rubylith broke, 2 wrong usage. Typer adds 130 for Ctrl-C, and 1 without a
word when the reader of our output has gone.
"""

import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import TextIO, cast

import typer

from rubylith import cli
from rubylith.cli import Command
from rubylith.cli._lines import say
from rubylith.domain.errors import Broken, RubylithError
from rubylith.registry import load

BROKE, WRONG_USAGE = 1, 2
REPORT = "Please report it together with the command; RUBYLITH_DEBUG=1 shows where it happened"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; `arguments` are those of the process by default."""
    _make_streams_safe(sys.stdout, sys.stderr)
    warnings.filterwarnings("ignore", module="PIL")  # Pillow warns of oddities in files that it reads all the same
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(_assemble()(words or ["--help"], prog_name="rubylith", standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _say(f"{error.format_message().rstrip('.')}. See rubylith --help.", error.exit_code)
    except RubylithError as error:
        return _say(str(error), BROKE if isinstance(error, Broken) else WRONG_USAGE)
    except Exception as error:  # noqa: BLE001  the last resort: never a traceback unless asked for
        from rubylith.settings import wants_traceback

        if wants_traceback(os.environ):
            traceback.print_exc()
        return _say(f"Rubylith failed with {type(error).__name__}: {error}. {REPORT}.", BROKE)


def _assemble() -> typer.Typer:
    app = typer.Typer(
        help="Masks of everything in a photograph, on your own machine.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich's help takes longer to import than all the rest
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in cli.NAMES:
        app.command(name)(cast("Command", load(cli.__name__, cli.NAMES, name, kind="command")).command)
    return app


def _say(line: str, status: int) -> int:
    say(line)
    return status


def _make_streams_safe(*streams: TextIO) -> None:
    """File names may hold bytes that no encoding can print."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            cast("io.TextIOWrapper", stream).reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
