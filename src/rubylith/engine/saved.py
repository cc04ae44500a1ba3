"""Embeddings in files, to ask about a picture later without looking at it again.

A file is a ZIP of a page (JSON) and the arrays as NumPy writes them, not compressed, and NumPy reads it: `numpy.load`.
Nothing in it is ever run. What it says of itself is held to bounds before memory is taken for it.
"""

import json
import math
import os
import secrets
import zipfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidEmbedding, InvalidPrompt, ModelFailed, NotAccessible
from rubylith.domain.geometry import Point, Size
from rubylith.domain.prompt import ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding
from rubylith.engine.engine import Engine
from rubylith.engine.promptable import Look, Promptable
from rubylith.engine.universal import Answers, Universal

FloatArray = npt.NDArray[np.float32]
Arrays = dict[str, FloatArray]

KIND, LAYOUT = "rubylith embedding", 1  # what files of this kind say they are, and which way of writing them this is
PAGE = "page.json"
MOST_BYTES = 512 << 20  # of a file; SAM 2 makes 30 MB, a universal model up to 60
MOST_ARRAYS, MOST_OF_A_PAGE, MOST_AXES = 64, 1 << 16, 8
LONGEST_SIDE = 1 << 20  # pixels of a picture: what enlarges its masks grows with its sides
ONCE = (1980, 1, 1, 0, 0, 0)  # the date in a file: equal embeddings make equal files
DAMAGED = (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile)
AGAIN, SAVED = "Embed the picture again", "Give a file that `save` wrote"


@dataclass(frozen=True, slots=True)
class Page:
    """What a file says of itself.

    weights: digest of the model's files (Origin.digest). picture: SHA-256 of the picture's bytes, in hexadecimal.
    size: its height and width. written_by: the version of Rubylith.
    """

    model: str
    weights: str
    precision: str
    picture: str
    size: tuple[int, int]
    written_by: str


def save(embedding: Embedding, engine: Engine, path: Path) -> None:
    """Write the file, whole or not at all; InvalidEmbedding for a model whose embeddings are not kept in files.

    engine: the one that made it. WeightsMissing if its files were replaced meanwhile, NotAccessible if the system
    refuses to write.
    """
    arrays, origin = _arrays(embedding), engine.origin
    if arrays is None:
        raise InvalidEmbedding(
            f"What {embedding.model!r} makes of a picture holds the picture itself and is not written to files",
            "Keep the picture and embed it again, which takes less than a second, or embed it with another model",
        )
    size = (embedding.size.height, embedding.size.width)
    page = Page(engine.model, origin.digest(), origin.precision, embedding.digest, size, version("rubylith"))
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            with partial.open("xb") as file:
                _write(file, page, arrays)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise NotAccessible.writing(path, error) from error


def load(
    path: Path, engine_of: Callable[[str], Engine], *, model: str | None = None, max_pixels: int
) -> tuple[Embedding, Engine]:
    """The embedding in a file, and who reads it; InvalidEmbedding if it is none, damaged or another model's.

    engine_of: opens a model by name. model: None takes the one that the file names, which may be a folder. max_pixels:
    the largest picture. NotAccessible if there is no such file.
    """
    with ExitStack() as closing:
        with _told(path):
            archive = closing.enter_context(zipfile.ZipFile(closing.enter_context(path.open("rb"))))
            entries = _entries(archive, path.stat().st_size)
            page = _page(archive, entries, max_pixels)
        engine = engine_of(model or page.model)
        _check_origin(page, engine)
        with _told(path):
            arrays = {name: _array(archive, entry) for name, entry in entries.items() if name != PAGE}
    return _embedding(page, engine, arrays), engine


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Whatever reading the file runs into, in one error of ours."""
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise NotAccessible(f"{path} cannot be read: {error.strerror}", SAVED) from error
    except DAMAGED as failure:
        raise InvalidEmbedding(f"{path} is no embedding, or it is damaged: {failure}", AGAIN) from failure


def _arrays(embedding: Embedding) -> Arrays | None:
    features = embedding.features
    if isinstance(features, Look):
        return features.arrays
    return {"names": features.names, "masks": features.masks} if isinstance(features, Answers) else None


def _write(file: IO[bytes], page: Page, arrays: Arrays) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        text = json.dumps({"kind": KIND, "layout": LAYOUT, **asdict(page)}, indent=2)
        archive.writestr(zipfile.ZipInfo(PAGE, ONCE), text + "\n")
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", ONCE), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.require(array, "<f4", "C"), version=(1, 0), allow_pickle=False)


def _entries(archive: zipfile.ZipFile, file_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """What is in the file by name; ValueError unless all of it lies there as it is, beside each other."""
    if file_bytes > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
    entries = archive.infolist()
    by_name = {entry.filename: entry for entry in entries}
    if len(entries) > MOST_ARRAYS or len(by_name) != len(entries) or PAGE not in by_name:
        raise ValueError("it does not hold what an embedding holds")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise ValueError("it is compressed or encrypted")
    if sum(entry.file_size for entry in entries) > file_bytes:
        raise ValueError("it claims to hold more than it has bytes")
    return by_name


def _page(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], max_pixels: int) -> Page:
    if entries[PAGE].file_size > MOST_OF_A_PAGE:
        raise ValueError("its page is too long")
    try:
        said: Any = json.loads(archive.read(PAGE))
        layout, kind = said["layout"], said["kind"]
    except (TypeError, RecursionError) as failure:
        raise ValueError(f"its page is unreadable ({failure})") from failure
    if kind != KIND or not isinstance(layout, int):
        raise ValueError("it does not say that it is one")
    if layout != LAYOUT:
        raise InvalidEmbedding(
            f"The embedding is written in layout {layout}, and this version of Rubylith reads {LAYOUT}",
            "Update Rubylith, or embed the picture again",
        )
    texts = {name: said[name] for name in ("model", "weights", "precision", "picture", "written_by")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its page names no model or no picture")
    size = said["size"]
    if not isinstance(size, list) or [type(side) for side in cast("list[Any]", size)] != [int, int]:
        raise ValueError("its page has no size of a picture")
    height, width = cast("list[int]", size)
    if not (0 < height <= LONGEST_SIDE and 0 < width <= LONGEST_SIDE and height * width <= max_pixels):
        raise ValueError(f"it is of a picture of {width} x {height} pixels, and {max_pixels:,} are the limit")
    return Page(**texts, size=(height, width))


def _check_origin(page: Page, engine: Engine) -> None:
    """InvalidEmbedding unless the engine was opened from the files that made the embedding, in that precision."""
    origin = engine.origin
    if not isinstance(engine.segmenter, Promptable | Universal):
        raise InvalidEmbedding(
            f"The embedding was made by {page.model!r}, which {engine.model!r} cannot read",
            "Name that model, or leave it out",
        )
    if origin.precision != page.precision:
        raise InvalidEmbedding(
            f"The embedding was made in {page.precision}, and {engine.model!r} runs in {origin.precision} here",
            f"Set RUBYLITH_PRECISION={page.precision}, or embed the picture again",
        )
    if origin.digest() != page.weights:
        raise InvalidEmbedding(
            f"The embedding was made by {page.model!r} from other files than {engine.model!r} has here",
            f"{AGAIN}, or bring the model's files that made it",
        )


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> FloatArray:
    """One array; ValueError unless it is of finite float32 and as large as its place in the file."""
    with archive.open(entry) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{entry.filename} is in another format")
        shape, by_columns, kind = np.lib.format.read_array_header_1_0(stream)
        if by_columns or kind != np.dtype("<f4") or len(shape) > MOST_AXES or any(side < 1 for side in shape):
            raise ValueError(f"{entry.filename} is no array of float32 in C order")
        if 4 * math.prod(shape) != entry.file_size - stream.tell():
            raise ValueError(f"{entry.filename} says that it is of shape {shape}, which it is not")
        array = np.frombuffer(stream.read(), "<f4").reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{entry.filename} has values that are no numbers")
    return np.asarray(array, np.float32)


def _embedding(page: Page, engine: Engine, arrays: dict[str, FloatArray]) -> Embedding:
    by_name = {name.removesuffix(".npy"): array for name, array in arrays.items()}
    size, nbytes = Size(*page.size), sum(array.nbytes for array in arrays.values())
    segmenter = engine.segmenter
    misfit = InvalidEmbedding(f"The arrays of the embedding are not such as {engine.model!r} makes", AGAIN)
    if isinstance(segmenter, Promptable):
        model = segmenter.model
        frame = model.frame(size, model.side, model.mask_size)
        if not _are_taken(segmenter, by_name):
            raise misfit
        return Embedding(engine.model, size, page.picture, Look(frame, by_name), frame.nbytes + nbytes)
    assert isinstance(segmenter, Universal), "_check_origin has refused others"
    names, masks = by_name.get("names"), by_name.get("masks")
    if names is None or masks is None or len(by_name) > 2 or masks.ndim != 3:
        raise misfit
    if names.shape != (len(masks), len(segmenter.names.shown) + 1):
        raise misfit
    return Embedding(engine.model, size, page.picture, Answers(names, masks), nbytes)


def _are_taken(segmenter: Promptable, arrays: Arrays) -> bool:
    """Whether a click on a small picture, and a mask to be corrected where the model takes one, find what they need."""
    model, small = segmenter.model, Size(16, 16)
    trial = Embedding(model.name, small, "", Look(model.frame(small, model.side, model.mask_size), arrays))
    click = ObjectPrompt((Point(0, 0),))
    nothing = RLE.from_bitmap(np.zeros((small.height, small.width), np.bool_))
    try:
        segmenter.decode(trial, [click])
        with suppress(InvalidPrompt):
            segmenter.decode(trial, [replace(click, previous=nothing)])
    except (KeyError, ValueError, IndexError, ModelFailed):
        return False
    return True
