"""Many pictures, one after the other: one that fails does not stop the rest, and a stopped run can go on."""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rubylith.domain.errors import ModelFailed, RubylithError
from rubylith.domain.image import Image
from rubylith.domain.prompt import Prompt
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Progress
from rubylith.engine.engine import Engine
from rubylith.engine.origin import Origin
from rubylith.engine.progress import ignore
from rubylith.service.delivery import encode, write_files
from rubylith.service.inputs import Input
from rubylith.service.intake import DEFAULT_LIMITS, Limits, digest_of, open_image, read_bytes
from rubylith.service.manifest import Entry, Manifest, Status

__version__ = version("rubylith")


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with each picture. Without `out` nothing is written."""

    engine: Engine
    prompt: Prompt
    formats: tuple[str, ...] = ()
    out: Path | None = None
    limits: Limits = DEFAULT_LIMITS

    @property
    def weights(self) -> str:
        """Tells the files that the model was opened from from any others."""
        return _digest_of_files(self.engine.origin)

    @property
    def digest(self) -> str:
        """The same for two runs if they would make the same files of the same picture."""
        asked = {
            "prompt": [type(self.prompt).__name__, asdict(self.prompt)],
            "model": self.engine.model,
            "weights": self.weights,
            "formats": sorted(set(self.formats)),
            "rubylith": __version__,
        }
        return digest_of(json.dumps(asked, sort_keys=True, default=_as_text).encode())


@functools.cache
def _digest_of_files(origin: Origin) -> str:
    """Read once in a process: they may be gigabytes."""
    return digest_of(f"{origin.digest()} {origin.precision}".encode())


def _as_text(value: bytes) -> str:
    """Of a previous mask: JSON has no bytes."""
    return value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Done:
    """A picture with its masks, and the files written."""

    input: Input
    segmentation: Segmentation
    files: tuple[Path, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """A picture that could not be done, and why. is_named: whether the error names the picture itself."""

    input: Input
    error: RubylithError
    is_named: bool = True

    def __str__(self) -> str:
        """The error, with the picture's name."""
        return str(self.error) if self.is_named else f"{self.input.name}: {self.error}"


def pending(inputs: Sequence[Input], work: Work) -> tuple[Input, ...]:
    """Those whose results do not lie in `work.out` yet, made from the same bytes with the same options."""
    if work.out is None:
        return tuple(inputs)
    manifest = Manifest(work.out)
    return tuple(each for each in inputs if not _is_done(each, work, manifest))


def made_by_others(inputs: Sequence[Input], work: Work) -> tuple[Entry, ...]:
    """What the manifest says of results that `work` would replace although another model, or other files, made them."""
    if work.out is None:
        return ()
    manifest, here = Manifest(work.out), (work.engine.model, work.weights)
    entries = [manifest.find(each.folder) for each in inputs]
    done = [entry for entry in entries if entry is not None and entry.status == "done" and entry.model is not None]
    return tuple(entry for entry in done if (entry.model, entry.weights) != here)


def run(inputs: Sequence[Input], work: Work, *, progress: Progress = ignore) -> Iterator[Done | Failed]:
    """What becomes of each, in order; a line of the manifest comes before it is told. NotAccessible if it cannot be.

    progress: the share of the picture at hand.
    """
    manifest = None if work.out is None else Manifest(work.out)
    for each in inputs:
        yield _attempt(each, work, manifest, progress)


def _attempt(each: Input, work: Work, manifest: Manifest | None, progress: Progress) -> Done | Failed:
    digest: str | None = None
    is_named = True
    try:
        image = open_image(each.source, work.limits)  # whose errors name the picture
        digest = image.digest
        segmentation = work.engine.segment(image, work.prompt, progress=progress)
        files = _deliver(each, segmentation, image, work, manifest)
    except RubylithError as error:
        failure, is_named = error, digest is None
    except Exception as error:  # noqa: BLE001  one picture that breaks us must not take the others down
        failure = ModelFailed(
            f"{each.name} made Rubylith fail with {type(error).__name__}: {error}",
            "Please report it with the picture; RUBYLITH_DEBUG=1 shows where it happened",
        )
        failure.__cause__ = error
    else:
        return Done(each, segmentation, files)
    if manifest is not None:
        earlier = manifest.find(each.folder)
        files = earlier.files if earlier else ()  # they still lie there, for a later run to replace
        manifest.add(_entry(each, "failed", work, digest, files=files, error=str(failure)))
    return Failed(each, failure, is_named=is_named)


def _deliver(
    each: Input, segmentation: Segmentation, image: Image, work: Work, manifest: Manifest | None
) -> tuple[Path, ...]:
    if work.out is None or manifest is None:
        return ()
    earlier = manifest.find(each.folder)
    encoded = encode(segmentation, image, work.formats, path=each.name)
    stale = earlier.files if earlier else ()
    names = tuple(file.name for file in encoded)
    either = tuple(dict.fromkeys((*stale, *names)))  # what may lie there if we are stopped in between
    manifest.add(_entry(each, "begun", work, image.digest, files=either))
    files = write_files(encoded, work.out / each.folder, stale=stale)
    count = len(segmentation.masks)
    sizes = tuple(len(file.data) for file in encoded)
    manifest.add(_entry(each, "done", work, image.digest, masks=count, files=names, sizes=sizes))
    return files


def _entry(each: Input, status: Status, work: Work, digest: str | None, **more: Any) -> Entry:
    maker = {"model": work.engine.model, "weights": work.weights}
    return Entry(each.folder, each.name, status, work.digest, digest, **maker, **more)


def _is_done(each: Input, work: Work, manifest: Manifest) -> bool:
    entry = manifest.find(each.folder)
    if entry is None or entry.status != "done" or entry.options != work.digest or work.out is None:
        return False
    try:
        if not all(_lies_there(work.out / each.folder / name, size) for name, size in _with_sizes(entry)):
            return False
        return digest_of(read_bytes(each.source, work.limits)) == entry.digest
    except (RubylithError, OSError):
        return False


def _with_sizes(entry: Entry) -> Iterator[tuple[str, int | None]]:
    """The files of an entry with their sizes, None where it does not tell them."""
    yield from zip(entry.files, entry.sizes or (None,) * len(entry.files), strict=True)


def _lies_there(path: Path, size: int | None) -> bool:
    """True for a file of this size; None is any. One that was cut short or added to is no result of ours."""
    return path.is_file() and size in {None, path.stat().st_size}
