"""Models by name: what they are, where their files come from, under which licence. The table is `catalog.toml`."""

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from rubylith.domain.errors import ModelFailed, UnknownName, WeightsMissing
from rubylith.domain.prompt import Everything
from rubylith.engine.models import Weights

EXPORT = "export"  # instead of a source: no published graphs
PAGE, LAYOUT = "model.json", 1  # what our own export writes beside the graphs, and its version
LIST = "files.json"  # of a model's files with their digests; written last, so what has it is whole
EMBEDDED = "embedded"
LICENCE_CLASSES = ("permissive", "custom", "non-commercial", "copyleft")


@dataclass(frozen=True, slots=True)
class Entry:
    """One model.

    source: repository on the hub, or EXPORT. side_files: whether weights lie beside the graphs. made_from: for an
    export, the names of weights it can be written from. parameters: millions. digests: SHA-256 of files where known.
    everything: defaults that differ from Everything's.
    """

    name: str
    family: str
    source: str
    summary: str
    licence: str
    licence_class: str
    parameters: float
    input_size: int
    mask_size: int
    side_files: bool = False
    made_from: tuple[str, ...] = ()
    digests: dict[str, str] = field(default_factory=dict[str, str])
    everything: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_published(self) -> bool:
        """True if the hub has graphs of it."""
        return self.source != EXPORT

    def files(self, precision: str) -> tuple[str, ...]:
        """Paths in the repository of what runs it: the encoder in that precision, the decoder in fp32."""
        suffix = {"fp32": "", "fp16": "_fp16", "int8": "_quantized"}[precision]
        graphs = (f"onnx/vision_encoder{suffix}.onnx", "onnx/prompt_encoder_mask_decoder.onnx")
        return tuple(f"{graph}{end}" for graph in graphs for end in (("", "_data") if self.side_files else ("",)))


@cache
def catalog() -> dict[str, Entry]:
    """All models by name, in the table's order."""
    table = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text("utf-8"))
    return {name: _entry(name, row) for name, row in table.items()}


def find_entry(name: str) -> Entry:
    """The model of that name; UnknownName, which lists all, if there is none."""
    entries = catalog()
    if name not in entries:
        raise UnknownName.among("model", name, (EMBEDDED, *entries))
    return entries[name]


def find_weights(name: str, models_folder: Path) -> tuple[str, Weights]:
    """The family and the files of a model: a folder that our export wrote, or a name with files in `models_folder`.

    UnknownName if the name is neither, WeightsMissing if its files are not on this machine.
    """
    if is_folder_name(name):
        return read_page(Path(name), str(Path(name).resolve()))
    entry, folder = find_entry(name), models_folder / name
    if (folder / PAGE).is_file():
        return read_page(folder, name)
    if not (folder / LIST).is_file():
        advice = f"rubylith models pull {name}" if entry.is_published else f"rubylith models export {name} <weights>"
        raise WeightsMissing(f"The files of {name!r} are not in {models_folder}", f"Get them with `{advice}`")
    return entry.family, Weights(name, folder, False, entry.input_size, entry.mask_size)  # noqa: FBT003


def is_folder_name(name: str) -> bool:
    """True if a model is called by the path of its folder."""
    return "/" in name or "\\" in name or (Path(name) / PAGE).is_file()


def read_page(folder: Path, name: str) -> tuple[str, Weights]:
    """The family and files of a folder that our export wrote; WeightsMissing or ModelFailed if it is not one."""
    try:
        page = json.loads((folder / PAGE).read_text("utf-8"))
        weights = Weights(name, folder, True, int(page["input_size"]), int(page["mask_size"]))  # noqa: FBT003
        family, layout = str(page["family"]), int(page["layout"])
    except OSError as failure:
        raise WeightsMissing(
            f"{folder} holds no model ({failure.strerror})", "Give a folder that `rubylith models export` wrote"
        ) from failure
    except (ValueError, KeyError, TypeError) as failure:
        raise ModelFailed(f"{folder / PAGE} cannot be read: {failure}", "Export the model again") from failure
    if layout > LAYOUT:
        raise ModelFailed(f"{folder} was written by a later version of Rubylith", "Update Rubylith, or export it again")
    return family, weights


def everything_defaults(name: str) -> Everything:
    """What everything means where the caller says nothing: segment-anything's defaults, or the model's own."""
    entry = catalog().get(name)
    if entry is not None:
        return Everything(**entry.everything)
    page = Path(name) / PAGE
    own: dict[str, Any] = json.loads(page.read_text("utf-8")) if page.is_file() else {}
    return Everything(**own.get("everything", {}))


def _entry(name: str, row: dict[str, Any]) -> Entry:
    made_from = tuple(row.pop("from", ()))
    return Entry(name, made_from=made_from, **row)


DETECTOR_FILES = {"ultraface": "ultraface_rfb320.onnx", "fastestdet": "fastestdet.onnx"}


def known_detectors() -> tuple[str, ...]:
    """Detectors by name, the smallest first."""
    return tuple(DETECTOR_FILES)


def find_detector(name: str, models_folder: Path) -> Path | None:
    """The file of a detector; None if it is not on this machine."""
    file = models_folder / name / DETECTOR_FILES[name]
    return file if file.is_file() else None
