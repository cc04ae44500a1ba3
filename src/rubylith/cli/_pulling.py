"""Brings a model here and shows how far it is: bars on a terminal, a line per file elsewhere."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rubylith.cli._lines import in_bytes, say
from rubylith.engine.catalog import Entry
from rubylith.engine.weights import Store

Report = Callable[[str, int, int | None], None]


def pull(store: Store, name: str, precision: str) -> None:
    """Pull a model, saying what is fetched, from where and under which licence, before it is."""
    entry = store.check_pull(name, precision)
    say(f"{described(entry, precision)}, from {store.source.shown} to {store.folder}")
    with reporting() as report:
        store.pull(name, precision, report=report)


def described(entry: Entry, precision: str) -> str:
    """A model for people who are about to fetch it."""
    return f"{entry.name}: {entry.summary}; {entry.licence}, about {in_bytes(entry.size(precision))}"


@contextmanager
def reporting() -> Generator[Report]:
    """Takes news of files: the name, the bytes here so far, and in all if known."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, object] = {}

        def report(path: str, here: int, size: int | None) -> None:
            if path not in tasks:
                tasks[path] = bars.add_task(path, total=size, completed=here)
            bars.update(tasks[path], completed=here, total=size)  # type: ignore[arg-type]

        yield report


@dataclass(slots=True)
class _Lines:
    """One line for each file that is here."""

    told: set[str] = field(default_factory=set[str])

    def __call__(self, path: str, here: int, size: int | None) -> None:
        if here == size and path not in self.told:
            self.told.add(path)
            say(f"{path} is here, {in_bytes(here)}")
