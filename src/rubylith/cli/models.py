"""`rubylith models`: which there are, bringing them here, and carrying them on."""

import enum
import json as jsonlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rubylith.cli._lines import in_bytes, say, tell
from rubylith.domain.errors import InvalidPrompt, NotFound

if TYPE_CHECKING:
    from rubylith.engine.catalog import Entry
    from rubylith.engine.weights import Store
    from rubylith.settings import Settings

BUNDLE = "rubylith-models.zip"
DAMAGED = 1


class Action(enum.StrEnum):
    """What to do."""

    LIST = "list"
    PULL = "pull"
    EXPORT = "export"
    VERIFY = "verify"
    BUNDLE = "bundle"
    IMPORT = "import"
    PATH = "path"
    REMOVE = "remove"


TAKES = {
    Action.LIST: {"--json", "--here", "--from"},
    Action.PULL: {"--precision", "--from", "--license"},
    Action.EXPORT: {"--precision", "--calibrate", "--license"},
    Action.VERIFY: {"--json"},
    Action.IMPORT: {"--license"},
}

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Models. For export NAME [WEIGHTS], for bundle and import FILE [NAME]..."),
]


def command(
    action: Annotated[Action, typer.Argument(help="list, pull, export, verify, bundle, import, path or remove")],
    words: Words = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="List or verify as one JSON document.")] = False,
    here: Annotated[bool, typer.Option("--here", help="List only what is on this machine.")] = False,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="fp32|fp16|int8|bf16", help="Which encoder to pull (RUBYLITH_PRECISION), or to write too."
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(metavar="PICTURES", help="A folder: measure ranges on them, to write int8 for OpenVINO as well."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="MIRROR", help="Pull from a URL, folder or bundle.")
    ] = None,
    license: Annotated[  # noqa: A002  typer names the option after it
        list[str] | None, typer.Option(metavar="CLASS", help="Say yes to licences of this class, this once.")
    ] = None,
) -> int:
    """List models and their licences; pull them, write them from weights, check them, carry them to other machines.

    A bundle is one file with models. `import` takes them from it on a machine without network.
    """
    from rubylith.settings import read_settings

    given = {"--json": json, "--here": here, "--precision": precision, "--calibrate": calibrate}
    _check_options(action, {**given, "--from": source, "--license": license})
    settings = read_settings()
    store = _store(settings, source, license)
    names = tuple(words or ())
    if action is Action.LIST:
        return _list(store, names, json=json, here=here)
    if action is Action.PATH:
        return _paths(store, names)
    if action is Action.VERIFY:
        return _verify(store, names or store.installed() + store.damaged(), json=json)
    if not names:
        raise InvalidPrompt(f"rubylith models {action} needs {_needs(action)}", "See rubylith models list")
    if action is Action.PULL:
        return _pull(store, names, settings.files if precision is None else _precision(precision))
    if action is Action.EXPORT:
        return _export(store, names, _precision(precision or "fp32"), calibrate)
    if action is Action.BUNDLE:
        return _bundle(store, Path(names[0]), names[1:] or store.installed())
    if action is Action.IMPORT:
        return _import(store, Path(names[0]), names[1:])
    for name in names:
        store.remove(name)
        say(f"Removed {name}.")
    return 0


def _check_options(action: Action, given: dict[str, Any]) -> None:
    """InvalidPrompt for an option that the action would not look at."""
    for option, value in given.items():
        takers = [each for each, options in TAKES.items() if option in options]
        if value not in (None, False, []) and action not in takers:
            raise InvalidPrompt(
                f"rubylith models {action} takes no {option}", f"Leave it out; it is for {' and '.join(takers)}"
            )


def _store(settings: "Settings", source: str | None, licences: list[str] | None) -> "Store":
    from rubylith.domain.errors import UnknownName
    from rubylith.engine.catalog import LICENCE_CLASSES

    for name in licences or ():
        if name not in LICENCE_CLASSES:
            raise UnknownName.among("class of licences", name, LICENCE_CLASSES)
    store = settings.store
    return replace(store, mirror=source or store.mirror, licences=(*store.licences, *(licences or ())))


def _precision(name: str) -> str:
    from rubylith.domain.errors import UnknownName
    from rubylith.engine.runtimes import PRECISIONS

    if name not in PRECISIONS:
        raise UnknownName.among("precision", name, PRECISIONS)
    return name


def _needs(action: Action) -> str:
    return {Action.BUNDLE: "the name of a file to write", Action.IMPORT: "a bundle"}.get(action, "the name of a model")


def _list(store: "Store", names: tuple[str, ...], *, json: bool, here: bool) -> int:
    from rubylith.engine.catalog import catalog, find_entry, way_to

    installed = store.installed()
    wanted = [find_entry(name) for name in names] or [e for e in catalog().values() if not here or e.name in installed]
    rows = [_row(store, entry, is_here=entry.name in installed) for entry in wanted]
    if json:
        tell(jsonlib.dumps({"folder": str(store.folder), "models": rows}, indent=2))
        return 0
    tell(f"{'NAME':<23} {'HERE':<15} {'SIZE':>8}  {'LICENCE':<25} {'FOR':<25}  WHAT")
    for row in rows:
        found = "incomplete" if row["incomplete"] else row["here"]
        state = "-" if found is None else f"{found} {'+'.join(row['precisions'])}".rstrip()
        licence = f"{row['licence']} ({row['licence_class']})"
        size, purpose = in_bytes(row["bytes"]), ", ".join(row["prompts"])
        tell(f"{row['name']:<23} {state:<15} {size:>8}  {licence:<25} {purpose:<25}  {row['summary']}")
    for row in rows:
        if files := ", ".join(row["incomplete"]):
            way = way_to(find_entry(row["name"]))
            say(f"{row['name']} is incomplete: {files} is gone or not of its size. Mend it with {way}.")
    for name in store.damaged():
        say(f"{name} is damaged: its list of files cannot be read. Mend it with {way_to(find_entry(name))}.")
    say(f"Models lie in {store.folder}; others come from {store.source.shown}")
    return 0


def _row(store: "Store", entry: "Entry", *, is_here: bool) -> dict[str, Any]:
    found = store.find(entry.name) if is_here else None
    return {
        "name": entry.name,
        "here": None if found is None else "exported" if found.is_export else "pulled",
        "incomplete": [] if found is None else list(store.incomplete(entry.name)),
        "precisions": [] if found is None else list(found.precisions),
        "bytes": entry.size() if found is None else found.size,
        "folder": None if found is None else str(found.folder),
        "kind": entry.kind,
        "family": entry.family,
        "licence": entry.licence,
        "licence_class": entry.licence_class,
        "parameters_millions": entry.parameters,
        "prompts": list(entry.prompts),
        "source": entry.source,
        "revision": entry.revision,
        "from": list(entry.made_from),
        "summary": entry.summary,
    }


def _paths(store: "Store", names: tuple[str, ...]) -> int:
    for path in [store.find(name).folder for name in names] or [store.folder]:
        tell(str(path))
    return 0


def _verify(store: "Store", names: tuple[str, ...], *, json: bool) -> int:
    damaged = {name: list(store.verify(name)) for name in names}
    if json:
        tell(jsonlib.dumps(damaged))
    else:
        for name, files in damaged.items():
            tell(f"{name}: {'all files are what they were' if not files else 'damaged or gone: ' + ', '.join(files)}")
        if any(damaged.values()):
            say("Pull or export again what is damaged: only that is fetched.")
    return DAMAGED if any(damaged.values()) else 0


def _pull(store: "Store", names: tuple[str, ...], precision: str) -> int:
    from rubylith.cli._pulling import pull

    for name in names:
        pull(store, name, precision)
        found = store.find(name)
        tell(f"{name}: {in_bytes(found.size)} in {found.folder}")
    return 0


def _export(store: "Store", words: tuple[str, ...], precision: str, calibrate: str | None) -> int:
    from rubylith.cli._pulling import reporting
    from rubylith.service.exports import export_model
    from rubylith.service.inputs import find_inputs

    name, *rest = words
    if len(rest) > 1:
        raise InvalidPrompt(f"rubylith models export takes a name and weights, not {len(words)} words", "Export one")
    inputs = find_inputs((calibrate,) if calibrate else (), out=None, read_stdin=sys.stdin.buffer.read)
    with reporting() as report:
        folder, differences = export_model(
            store,
            name,
            rest[0] if rest else None,
            precision=precision,
            pictures=[one.source for one in inputs],
            say=say,
            report=report,
        )
    told = ", ".join(f"{graph} {difference:.1e}" for graph, difference in differences.items())
    say(f"Largest differences from what the weights say in PyTorch: {told}")
    tell(f"{name}: written to {folder}")
    return 0


def _bundle(store: "Store", path: Path, names: tuple[str, ...]) -> int:
    from rubylith.cli._pulling import reporting

    if not names:
        raise NotFound(f"There are no models in {store.folder}", "Pull one with rubylith models pull NAME")
    target = path / BUNDLE if path.is_dir() else path
    with reporting() as report:
        store.bundle(names, target, report=report)
    tell(f"{target}: {', '.join(names)}, {in_bytes(target.stat().st_size)}")
    say(f"There, take it with: rubylith models import {target.name}")
    return 0


def _import(store: "Store", path: Path, names: tuple[str, ...]) -> int:
    if not path.exists():
        raise NotFound(f"There is no {path}", "Give a file that rubylith models bundle wrote")
    bundle = replace(store, mirror=str(path))
    found = names or bundle.names_at_source()
    if not found:
        raise NotFound(f"{path} holds no model that is known here", "Update Rubylith, or make the bundle again")
    from rubylith.cli._pulling import reporting

    with reporting() as report:
        for name in found:
            bundle.pull(name, None, report=report)
            tell(f"{name}: {in_bytes(store.find(name).size)} in {store.find(name).folder}")
    return 0
