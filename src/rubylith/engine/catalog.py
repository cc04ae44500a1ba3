"""Models by name: what they are, where their files come from, under which licence. The table is `catalog.toml`."""

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import InvalidPrompt, ModelFailed, UnknownName, WeightsMissing
from rubylith.domain.prompt import Everything
from rubylith.engine.folders import is_transformers_folder, read_transformers_folder
from rubylith.engine.lists import is_whole
from rubylith.engine.models import Weights
from rubylith.engine.precisions import CALIBRATED, STATIC
from rubylith.engine.runtimes import KEPT_AS

EXPORT = "export"  # instead of a source: no published graphs
PAGE, LAYOUT = "model.json", 1  # what our own export writes beside the graphs, and its version
EMBEDDED = "embedded"
SUFFIXES = {"fp32": "", "fp16": "_fp16", "int8": "_quantized", "bf16": "", STATIC: CALIBRATED}  # of graphs
BYTES = {"fp32": 4, "fp16": 2, "int8": 1, "bf16": 4, STATIC: 1}  # of a parameter
SEGMENTER, DETECTOR = "segmenter", "detector"  # boxes and clicks → masks; words → boxes
PANOPTIC = "panoptic"  # of Entry.prompts: names all of a picture
PROMPTS = ("points", "boxes", "everything")
EVERYTHING: dict[str, dict[str, Any]] = {"sam2": {"pred_iou_thresh": 0.8}}  # authors' defaults, unlike SAM's, by family
LICENCE_CLASSES = ("permissive", "custom", "non-commercial", "copyleft")


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file for good: its size in bytes, its SHA-256 in hexadecimal, and its URL if not the hub's."""

    size: int
    sha256: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One model.

    kind: SEGMENTER or DETECTOR. source: repository on the hub, EXPORT, or the page of a project whose files have
    addresses of their own. revision: of that repository. made_from: weights that an export can be
    written from, the first by default: a repository, REPOSITORY/FILE, or the name of a file that the user has.
    pull: paths in the repository of what a detector of any words needs; other models have files of known names.
    parameters: millions. known: files by path. prompts: what it is good for.
    """

    name: str
    family: str
    source: str
    summary: str
    licence: str
    licence_class: str
    parameters: float
    kind: str = SEGMENTER
    input_size: int = 0
    mask_size: int = 0
    revision: str = "main"
    made_from: tuple[str, ...] = ()
    pull: tuple[str, ...] = ()
    known: dict[str, File] = field(default_factory=dict[str, File])
    prompts: tuple[str, ...] = PROMPTS

    @property
    def is_published(self) -> bool:
        """True if the hub has graphs of it."""
        return self.source != EXPORT

    def kept_as(self, precision: str) -> str:
        """The precision of the files that it is counted with; detectors have one graph in int8 for every runtime."""
        if precision == STATIC and self.kind == DETECTOR:
            return "int8"
        return KEPT_AS.get(precision, precision)

    def wanted(self, precision: str) -> tuple[str, ...]:
        """Paths of what runs it: the encoder, or the only graph, in that precision, the rest as it is."""
        if self.pull:
            return tuple(path.replace(".onnx", f"{SUFFIXES[precision]}.onnx") for path in self.pull)
        if self.kind == DETECTOR:
            return tuple(self.known)
        return f"onnx/vision_encoder{SUFFIXES[precision]}.onnx", "onnx/prompt_encoder_mask_decoder.onnx"

    def files(self, precision: str) -> dict[str, File]:
        """Those of them, and the weights beside graphs, that are known for good."""
        return {path: file for path, file in self.known.items() if path.partition("_data")[0] in self.wanted(precision)}

    def is_known(self, precision: str) -> bool:
        """True if nobody need be asked which files there are."""
        return set(self.wanted(precision)) <= set(self.known)

    def size(self, precision: str = "fp32") -> int:
        """Bytes to be fetched; estimated from the parameters where the files are not known."""
        known = self.files(precision)
        if self.is_known(precision):
            return sum(file.size for file in known.values())
        return round(self.parameters * 1e6 * BYTES[precision])

    def sha256(self, path: str) -> str | None:
        """What the file must have, where that is known."""
        return self.known[path].sha256 if path in self.known else None


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


def known_detectors() -> tuple[str, ...]:
    """Names of the models that turn words into boxes, the smallest first."""
    found = [entry for entry in catalog().values() if entry.kind == DETECTOR]
    return tuple(entry.name for entry in sorted(found, key=Entry.size))


def known_segmenters() -> tuple[str, ...]:
    """Names of the models that make masks, in the table's order."""
    return tuple(name for name, entry in catalog().items() if entry.kind == SEGMENTER)


def known_universals() -> tuple[str, ...]:
    """Names of the models that name all of a picture, the smallest first."""
    found = [entry for entry in catalog().values() if PANOPTIC in entry.prompts]
    return tuple(entry.name for entry in sorted(found, key=Entry.size))


def installed_universals(models_folder: Path) -> tuple[str, ...]:
    """Those of them that are here."""
    folder = models_folder.expanduser()
    return tuple(name for name in known_universals() if is_whole(folder / name))


def find_detector(name: str, models_folder: Path) -> Path | None:
    """The folder of a detector in `models_folder`, None if it is not there; UnknownName if there is none called so."""
    if name not in known_detectors():
        raise UnknownName.among("detector", name, known_detectors())
    folder = models_folder.expanduser() / name
    return folder if is_whole(folder) else None


def find_weights(name: str, models_folder: Path) -> tuple[str, Weights]:
    """The family and the files of a model: a folder that our export wrote, or a name with files in `models_folder`.

    UnknownName if the name is neither, WeightsMissing if its files are not on this machine.
    """
    if is_folder_name(name):
        return read_page(Path(name), str(Path(name).resolve()))
    if name not in known_segmenters():
        raise no_segmenter(name, (EMBEDDED, *known_segmenters()))
    entry, folder = find_entry(name), models_folder / name
    if not is_whole(folder):
        raise WeightsMissing(f"The files of {name!r} are not in {models_folder}", f"Get them with {way_to(entry)}")
    if (folder / PAGE).is_file():
        return read_page(folder, name)
    return entry.family, Weights(name, folder, False, entry.input_size, entry.mask_size)  # noqa: FBT003


def no_segmenter(name: str, known: tuple[str, ...]) -> UnknownName:
    """What to say of a name that is not among the models that cut; a detector's is told where it belongs."""
    if name not in known_detectors():
        return UnknownName.among("model", name, known)
    return UnknownName(
        f"{name!r} is a detector: it finds things by name and cuts nothing",
        f"Name it as the detector, beside a model that cuts: {', '.join(known)}",
    )


def way_to(entry: Entry) -> str:
    """The command that brings a model here."""
    if entry.is_published:
        return f"`rubylith models pull {entry.name}`"
    return f"`rubylith models export {entry.name}`, or from a bundle, for nobody publishes its graphs"


def is_folder_name(name: str) -> bool:
    """True if a model is called by the path of its folder."""
    return "/" in name or "\\" in name or (Path(name) / PAGE).is_file()


def read_page(folder: Path, name: str) -> tuple[str, Weights]:
    """The family and files of a folder that our export wrote; WeightsMissing or ModelFailed if it is not one."""
    page = _page(folder)
    try:
        weights = Weights(name, folder, True, int(page["input_size"]), int(page["mask_size"]))  # noqa: FBT003
        family, layout = str(page["family"]), int(page["layout"])
    except (ValueError, KeyError, TypeError) as failure:
        raise _unreadable(folder, failure) from failure
    if layout > LAYOUT:
        raise ModelFailed(f"{folder} was written by a later version of Rubylith", "Update Rubylith, or export it again")
    return family, weights


def everything_defaults(name: str) -> Everything:
    """What everything means where the caller says nothing: segment-anything's defaults, or those of the family.

    The page of a folder may say otherwise. Names that are no model's get segment-anything's; ModelFailed if a page is
    there and cannot be read.
    """
    entry, folder = catalog().get(name), Path(name)
    if entry is not None:
        return Everything(**EVERYTHING.get(entry.family, {}))
    if name == EMBEDDED or not is_folder_name(name):
        return Everything()
    if is_transformers_folder(folder):
        return Everything(**EVERYTHING.get(read_transformers_folder(folder)[0], {}))
    if not (folder / PAGE).is_file():
        return Everything()
    page = _page(folder)
    try:
        return Everything(**page.get("everything", EVERYTHING.get(str(page.get("family")), {})))
    except (TypeError, InvalidPrompt) as failure:
        raise _unreadable(folder, failure) from failure


def _page(folder: Path) -> dict[str, Any]:
    try:
        page = json.loads((folder / PAGE).read_text("utf-8"))
    except OSError as failure:
        raise WeightsMissing(
            f"{folder} holds no model ({failure.strerror})", "Give a folder that `rubylith models export` wrote"
        ) from failure
    except (ValueError, RecursionError) as failure:
        raise _unreadable(folder, failure) from failure
    if not isinstance(page, dict):
        raise _unreadable(folder, TypeError("it is no object of JSON"))
    return cast("dict[str, Any]", page)


def _unreadable(folder: Path, failure: Exception) -> ModelFailed:
    return ModelFailed(f"{folder / PAGE} cannot be read: {str(failure).rstrip('.')}", "Export the model again")


def _entry(name: str, row: dict[str, Any]) -> Entry:
    made_from = tuple(row.pop("from", ()))
    known = {path: File(**file) for path, file in row.pop("files", {}).items()}
    pull, prompts = tuple(row.pop("pull", ())), tuple(row.pop("prompts", PROMPTS))
    return Entry(name, made_from=made_from, pull=pull, known=known, prompts=prompts, **row)
