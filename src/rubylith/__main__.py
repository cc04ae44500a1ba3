"""Runs the command that was named, and turns whatever goes wrong into one line and an exit status.

Exit status: 0 done, 1 some inputs failed or Rubylith broke, 2 wrong usage, 130 for Ctrl-C. Typer adds 1 without a word
when the reader of our output has gone. Next to nothing is imported at the top, so that Ctrl-C finds us ready to answer.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

if TYPE_CHECKING:
    import io

    import typer

BROKE, WRONG_USAGE, STOPPED = 1, 2, 130
REPORT = "Please report it together with the command; RUBYLITH_DEBUG=1 shows where it happened"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; `arguments` are those of the process by default."""
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return _stop()


def _run(words: list[str]) -> int:
    import traceback
    import warnings

    import typer

    from rubylith.cli._lines import say
    from rubylith.domain.errors import Broken, RubylithError

    _make_streams_safe(sys.stdout, sys.stderr)
    warnings.filterwarnings("ignore", module="PIL")  # Pillow warns of oddities in files that it reads all the same
    try:
        answers: list[int] = []
        status = int(_assemble(answers)(words or ["--help"], prog_name="rubylith", standalone_mode=False) or 0)
        return _stop() if status == STOPPED and not answers else status  # typer itself stops without a word
    except typer.TyperException as error:
        say(f"{error.format_message().rstrip('.')}. See rubylith --help.")
        return error.exit_code
    except RubylithError as error:
        say(str(error))
        return BROKE if isinstance(error, Broken) else WRONG_USAGE
    except Exception as error:  # noqa: BLE001  the last resort: never a traceback unless asked for
        from rubylith.settings import wants_traceback

        if wants_traceback():
            traceback.print_exc()
        say(f"Rubylith failed with {type(error).__name__}: {error}. {REPORT}.")
        return BROKE


def _assemble(answers: list[int]) -> "typer.Typer":
    import typer

    from rubylith import cli
    from rubylith.cli import version
    from rubylith.registry import load

    app = typer.Typer(
        help="Masks of everything in a photograph, on your own machine.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich's help takes longer to import than all the rest
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def told(asked: bool) -> None:  # noqa: FBT001  typer calls it so
        if asked:
            version.command()
            raise typer.Exit

    asks = typer.Option("--version", callback=told, is_eager=True, help="Print the version.")

    @app.callback()
    def front(*, version: Annotated[bool, asks] = False) -> None:
        pass

    for name in cli.NAMES:
        command = cast("cli.Command", load(cli.__name__, cli.NAMES, name, kind="command")).command
        app.command(name)(_answering_ctrl_c(command, answers))
    return app


def _answering_ctrl_c(command: Callable[..., int], answers: list[int]) -> Callable[..., int]:
    """The same command for typer, which would end it without a word. answers: gets its exit status."""

    @functools.wraps(command)
    def answering(*arguments: Any, **options: Any) -> int:
        try:
            answers.append(command(*arguments, **options))
        except KeyboardInterrupt:
            answers.append(_stop())
        return answers[-1]

    return answering


def _stop() -> int:
    print("rubylith: Stopped before any work was done", file=sys.stderr, flush=True)  # noqa: T201
    return STOPPED


def _make_streams_safe(*streams: TextIO) -> None:
    """File names may hold bytes that no encoding can print."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            cast("io.TextIOWrapper", stream).reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
