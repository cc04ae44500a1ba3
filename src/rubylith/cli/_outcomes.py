"""Does the work of `rubylith segment` and tells, line by line, what becomes of each picture.

Results go to standard output, everything else to standard error.
"""

import os
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rubylith.cli._lines import one_line, say, tell, tell_bytes
from rubylith.cli._pulling import pull
from rubylith.domain.errors import InvalidPrompt, RubylithError
from rubylith.domain.prompt import Objects, Prompt, check_previous
from rubylith.engine.catalog import EMBEDDED, known_segmenters
from rubylith.engine.embedded import network
from rubylith.engine.engine import Engine
from rubylith.engine.progress import ignore
from rubylith.formats.json import as_bytes
from rubylith.service.batch import Done, Failed, Work, made_by_others, pending, run
from rubylith.service.claim import claimed
from rubylith.service.delivery import find_formats, make_folder
from rubylith.service.inputs import Input, find_inputs
from rubylith.service.intake import inspect, read_bytes
from rubylith.service.manifest import MANIFEST, Entry
from rubylith.settings import Settings, read_settings

SOME_FAILED, STOPPED = 1, 130


@dataclass(slots=True)
class Tally:
    """How many of `total` have come to what. `began`: whether the work on pictures has."""

    total: int = 0
    done: int = 0
    failed: int = 0
    began: bool = False

    def add(self, outcome: Done | Failed) -> None:
        """Count one more."""
        if isinstance(outcome, Done):
            self.done += 1
        else:
            self.failed += 1

    @property
    def behind(self) -> int:
        """How many need no more work."""
        return self.done + self.failed

    def tell_skipped(self, inputs: Sequence[Input], out: Path | None) -> None:
        """What an earlier run has done."""
        if self.done and self.total == 1 and out is not None:
            say(f"{inputs[0].name} is already done, see {out / inputs[0].folder} (--fresh does it anew)")
        elif self.done:
            say(f"{self.done} of {self.total} already done (--fresh does them anew)")

    def tell_end(self, out: Path | None) -> None:
        """Where to look if not all went well."""
        if self.failed and self.total > 1:
            where = "" if out is None else f"; {out / MANIFEST} says which"
            say(f"{self.done} of {self.total} done, {self.failed} failed{where}")


def show(
    words: Sequence[str],
    prompt: Prompt,
    model: str | None,
    names: tuple[str, ...],
    out: Path | None,
    *,
    json: bool,
    fresh: bool,
) -> int:
    """Segment the pictures that `words` name; the exit status. A RubylithError if something is wrong with the request.

    out: the folder for results; None writes none. json: one document per picture on standard output, also for what is
    already done. fresh: skip nothing.
    """
    settings = read_settings()
    find_formats(names)
    if model in known_segmenters() and settings.store.lacks(model, settings.files):
        pull(settings.store, model, settings.files)
    engine = Engine(model or settings.model, models_folder=settings.models, device=settings.device)
    engine.check(prompt)
    if engine.model == EMBEDDED and (without := network.told()) is not None:
        say(without)
    work = Work(engine, prompt, names, out, settings.limits)
    tally = Tally()
    try:
        read_stdin = partial(_read_stdin, settings)
        inputs = find_inputs(words, out=out, read_stdin=read_stdin, max_bytes=settings.max_bytes)
        _check_previous(inputs, prompt, settings)
        if out is not None:
            make_folder(out)
        with nullcontext() if out is None else claimed(out):
            _do(inputs, work, tally, json=json, fresh=fresh, debug=settings.debug)
    except KeyboardInterrupt:
        if not tally.total:
            raise  # nothing is known yet that could be told
        again = "" if out is None else " The same command goes on from there."
        say(f"Stopped after {tally.done} of {tally.total}.{again}")
        return STOPPED
    except RubylithError as error:
        if not tally.began:
            raise
        say(f"{error} Stopped after {tally.done} of {tally.total}.")  # of the manifest, not of a picture
        return SOME_FAILED
    tally.tell_end(out)
    return SOME_FAILED if tally.failed else 0


def _check_previous(inputs: Sequence[Input], prompt: Prompt, settings: Settings) -> None:
    """InvalidPrompt for a mask to be corrected that cannot be of what is given: wrong usage, before any work begins."""
    if not isinstance(prompt, Objects) or all(one.previous is None for one in prompt.objects):
        return
    if len(inputs) > 1:
        raise InvalidPrompt(
            f"The previous mask is of one picture, but {len(inputs)} are given", "Name the picture that it is a mask of"
        )
    (each,) = inputs
    size = None
    with suppress(RubylithError):  # a picture that cannot be read is told of when its turn comes
        size = inspect(read_bytes(each.source, settings.limits), each.name, settings.limits).size
    if size is not None:
        check_previous(prompt, size)


def _do(inputs: Sequence[Input], work: Work, tally: Tally, *, json: bool, fresh: bool, debug: bool) -> None:
    tally.total = len(inputs)
    todo = inputs if json or fresh else pending(inputs, work)
    tally.done = len(inputs) - len(todo)
    tell_moved(inputs, work.out)
    tally.tell_skipped(inputs, work.out)
    if not fresh:
        tell_replaced(made_by_others(todo, work), tally.total, work.engine.model)
    tally.began = True
    with _progress_bar(tally.total) as move_to:
        for outcome in run(todo, work, progress=lambda share: move_to(tally.behind + share)):
            tally.add(outcome)
            _report(outcome, among=tally.total, json=json, debug=debug)
            move_to(tally.behind)


def tell_moved(inputs: Sequence[Input], out: Path | None) -> None:
    """Whose results do not go where one would look first."""
    moved = [each for each in inputs if each.moved_for is not None]
    if out is None or not moved:
        return
    first = moved[0]
    also = f" (and {len(moved) - 1} more like it)" if len(moved) > 1 else ""
    say(f"{first.name} goes to {out / first.folder}, because {first.moved_for} has that name already{also}")


def tell_replaced(earlier: Sequence[Entry], total: int, model: str) -> None:
    """Whose results another model than before is going to replace."""
    if not earlier:
        return
    makers = dict.fromkeys(f"other files of {model}" if each.model == model else f"{each.model}" for each in earlier)
    who = f"were cut by {' and '.join(makers)}; {model} does them anew and replaces those"
    if total == 1:
        who = f"was cut by {next(iter(makers))}; {model} does it anew and replaces that"
    subject = earlier[0].input if total == 1 else f"{len(earlier)} of {total}"
    say(f"{subject} {who} (another --out keeps both)")


def _report(outcome: Done | Failed, *, among: int, json: bool, debug: bool) -> None:
    if isinstance(outcome, Failed):
        if debug and outcome.error.__cause__ is not None:
            traceback.print_exception(outcome.error.__cause__)
        say(str(outcome if among > 1 else outcome.error))
        return
    if outcome.segmentation.truncated:
        say(f"{outcome.input.name}: the search was cut short by --max-seconds, there may be more to find")
    if json:
        tell_bytes(as_bytes(outcome.segmentation, outcome.input.name))
    else:
        count = len(outcome.segmentation.masks)
        masks = f"{count} mask{'' if count == 1 else 's'}"
        tell(f"{one_line(outcome.input.name)}: {masks} → {one_line(_place(outcome))}")


def _place(done: Done) -> str:
    """The file that a person opens first."""
    overlays = [file for file in done.files if file.name == "overlay.png"]
    if overlays or len(done.files) == 1:
        return str((overlays or done.files)[0])
    return str(Path(os.path.commonpath([file.parent for file in done.files]))) if done.files else "no file"


def _read_stdin(settings: Settings) -> bytes:
    return sys.stdin.buffer.read(settings.max_bytes + 1)


@contextmanager
def _progress_bar(total: int) -> Generator[Callable[[float], None]]:
    """A bar on standard error, for several pictures on a terminal; takes how many are behind us, with a fraction."""
    if total < 2 or not sys.stderr.isatty():
        yield ignore
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    on_terminal = sys.stdout.isatty()  # then lines of results go above the bar; else they must not be caught
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=on_terminal, transient=True) as bar:
        task = bar.add_task("pictures", total=total)
        yield lambda position: bar.update(task, completed=position)
