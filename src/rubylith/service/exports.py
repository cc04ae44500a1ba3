"""Weights of any origin → a model of this machine, written and compared by `engine/export`."""

import importlib.util
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rubylith.domain.errors import InvalidPrompt, ModelFailed, NotAccessible, NotFound, UnknownName
from rubylith.domain.image import AtHand
from rubylith.engine import models
from rubylith.engine.arrivals import Report
from rubylith.engine.catalog import DETECTOR, Entry, find_entry, is_folder_name, way_to
from rubylith.engine.folders import CONFIGURATION, UNIVERSAL, is_transformers_folder, read_transformers_folder
from rubylith.engine.runtimes import FloatArray
from rubylith.engine.weights import Store
from rubylith.registry import load
from rubylith.service.intake import inspect, open_image, read_bytes

PACKAGES = ("torch", "transformers", "onnx", "onnxscript")
WRITTEN = ("fp32", "int8")  # precisions
MOST_PICTURES = 17  # looked at: sixteen for their ranges and one to compare on


def export_model(
    store: Store,
    target: str,
    origin: str | None,
    *,
    precision: str = "fp32",
    pictures: Sequence[AtHand] = (),
    say: Callable[[str], None],
    report: Report,
) -> tuple[Path, dict[str, float]]:
    """Write a model's graphs; returns their folder and by how much each differs from the weights' own framework.

    target: a name of the catalogue, or the path of a new folder. origin: a folder in transformers' form, an original
    checkpoint, `owner/name` or `owner/name/file` on the hub; None takes the catalogue's first. precision: with
    int8 an encoder in that is written beside the one in fp32, other than these two there is none; with pictures, of
    which MOST_PICTURES are looked at, another one for OpenVINO, with ranges measured on them. Nothing is registered
    if a graph differs (ModelFailed), or the weights are of another family or none at all. NotFound if packages or
    weights are missing, NotAccessible if the folder refuses, Conflict if another export of the model is under way,
    UnknownName for a detector, InvalidPrompt for pictures without int8 or for a lone one, and what `open_image` raises.
    """
    entry = None if is_folder_name(target) else find_entry(target)
    if entry is not None and entry.kind == DETECTOR:
        raise UnknownName(
            f"{target!r} is a detector, which runs as it is published: there is nothing to export",
            f"Get it with {way_to(entry)}",
        )
    where = origin or _default_origin(entry, target)
    if precision not in WRITTEN:
        raise UnknownName.among("export precision", precision, WRITTEN)
    if pictures and precision != "int8":
        raise InvalidPrompt("Pictures are for measuring ranges, which only int8 wants", "Add --precision int8")
    looked_at = _evenly(pictures, MOST_PICTURES)
    if len(looked_at) == 1:
        raise InvalidPrompt(
            "Ranges cannot be measured and compared on one picture",
            f"Give a folder with two at least, better {MOST_PICTURES}, like those that the model will see",
        )
    for picture in looked_at:
        inspect(read_bytes(picture), picture.name)
    _check_packages()
    wanted = _Wanted(precision, looked_at, say)
    if entry is None:
        if Path(target).exists():
            raise NotFound(f"There is something at {target} already", "Name a new folder, or remove that one")
        differences = _write(_weights(store, None, where, report), Path(target), None, wanted)
        return Path(target), differences
    store.check_licence(entry)
    with store.exporting(entry.name) as folder:
        differences = _write(_weights(store, entry, where, report), folder, entry, wanted)
        home = store.register_export(entry.name, folder)
    store.clear_origin(entry)
    return home, differences


def _default_origin(entry: Entry | None, target: str) -> str:
    if entry is None:
        raise NotFound(
            f"Nothing says what {target} is to be written from", "Name weights: a folder, a file, OWNER/NAME"
        )
    return entry.made_from[0]


def _check_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise NotFound(
            f"Exporting needs {', '.join(missing)}, which the core installation leaves out",
            "pip install 'rubylith[torch]', or take the model from a bundle of a machine that has it",
        )


def _weights(store: Store, entry: Entry | None, origin: str, report: Report) -> Path:
    """Where the weights lie; they are fetched if they are on the hub."""
    path = Path(origin).expanduser()
    if path.is_dir() and not (path / CONFIGURATION).is_file():
        raise NotFound(
            f"{path} holds no weights: there is no {CONFIGURATION} in it",
            "Name a folder that transformers wrote, or an original checkpoint itself",
        )
    if path.exists():
        return path
    if entry is None or origin.count("/") < 1 or origin.startswith((".", "/", "~")):
        raise NotFound(f"There are no weights at {origin}", "Name a folder, a checkpoint, or OWNER/NAME on the hub")
    return store.fetch_origin(entry, origin, report=report)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How to write."""

    precision: str
    pictures: tuple[AtHand, ...]
    say: Callable[[str], None]


def _evenly(pictures: Sequence[AtHand], most: int) -> tuple[AtHand, ...]:
    count = min(most, len(pictures))
    return tuple(pictures[index * len(pictures) // count] for index in range(count))


def _write(weights: Path, folder: Path, entry: Entry | None, wanted: _Wanted) -> dict[str, float]:
    from rubylith.engine.export.checkpoints import load_checkpoint  # noqa: PLC0415  they import PyTorch
    from rubylith.engine.export.sources import load_transformers  # noqa: PLC0415
    from rubylith.engine.export.write import export  # noqa: PLC0415

    wanted.say(f"Reading {weights}")
    if weights.is_dir() and is_transformers_folder(weights):
        family, known = read_transformers_folder(weights)
        if family in UNIVERSAL:
            if wanted.precision != "fp32":
                raise UnknownName.among("universal export precision", wanted.precision, ("fp32",))
            return _write_universal(weights, folder, known.input_size, entry, wanted.say)
    source = load_checkpoint(weights) if weights.is_file() else load_transformers(weights)
    if entry is not None and (source.family, source.side) != (entry.family, entry.input_size):
        raise ModelFailed(
            f"The weights at {weights} are of family {source.family} with an input of {source.side}, "
            f"but {entry.name} is {entry.family} with {entry.input_size}",
            "Name other weights, or a folder instead of the model's name",
        )
    pictures = [_shown(one, source.family, source.side, source.mask_size) for one in wanted.pictures]
    with _writing(folder, is_new=entry is None):
        return export(source, folder, precision=wanted.precision, pictures=pictures, say=wanted.say)


@contextmanager
def _writing(folder: Path, *, is_new: bool) -> Generator[None]:
    """Nothing half-written stays in a new folder. NotAccessible if the system refuses."""
    try:
        yield
    except BaseException as failure:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(failure, OSError):
            raise NotAccessible.writing(folder, failure) from failure
        raise


def _shown(picture: AtHand, family: str, side: int, low: int) -> FloatArray:
    """A picture as the family's encoder sees it."""
    image = open_image(picture)
    return load(models.__name__, models.NAMES, family, kind="family").FRAME(image.size, side, low).pixels(image)


def _write_universal(
    weights: Path, folder: Path, side: int, entry: Entry | None, say: Callable[[str], None]
) -> dict[str, float]:
    """A universal model, which sees a square of the catalogue's side, or of the side that its own pages say."""
    from rubylith.engine.export.universal import export_universal, load_universal  # noqa: PLC0415  PyTorch

    whole = load_universal(weights, side if entry is None or entry.family == "eomt" else entry.input_size)
    if entry is not None and (whole.family, whole.side) != (entry.family, entry.input_size):
        raise ModelFailed(
            f"The weights at {weights} are of family {whole.family} with an input of {whole.side}, "
            f"but {entry.name} is {entry.family} with {entry.input_size}",
            "Name other weights, or a folder instead of the model's name",
        )
    with _writing(folder, is_new=entry is None):
        return export_universal(whole, folder, say=say)
