"""The door for scripts and notebooks: `rubylith.segment(...)`.

Of the environment it reads where models lie and what networks run on (RUBYLITH_MODELS, RUBYLITH_PROVIDER,
RUBYLITH_THREADS, RUBYLITH_PRECISION); which model and what limits are arguments.
"""

import functools
import inspect
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith import engine
from rubylith.domain import segmentation as domain
from rubylith.domain.errors import InvalidEmbedding, InvalidImage, InvalidPrompt, UnknownName
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image, Inline, Local
from rubylith.domain.prompt import Everything, Mode, Overlap, Prompt
from rubylith.engine import Progress, saved
from rubylith.engine.catalog import EMBEDDED, everything_defaults, is_folder_name
from rubylith.engine.engine import Engine
from rubylith.engine.progress import ignore
from rubylith.engine.runtimes import Device
from rubylith.formats import NAMES as FORMATS
from rubylith.formats import Encoded
from rubylith.service import delivery, intake
from rubylith.service.intake import DEFAULT_LIMITS, Limits
from rubylith.service.prompts import BoxLike, MaskLike, PointLike, Words, read_prompt
from rubylith.settings import read_settings

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

DEFAULT_MODEL = EMBEDDED
ModelName: TypeAlias = str | os.PathLike[str]  # of the catalogue, or a folder
LINK = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # of a Path too, which has one slash left; C:/ is none
GIVE = "Give it with the embedding: Embedding.load(PATH, image=PICTURE)"


Picture: TypeAlias = str | os.PathLike[str] | bytes | PIL.Image.Image | npt.NDArray[Any] | Image


@dataclass(frozen=True, slots=True)
class Embedding:
    """A picture that a model has looked at. Give it to `segment` as often as you like: each answer comes at once.

    image: the picture; None where the embedding came from a file and the picture was not given along.
    """

    image: Image | None
    features: engine.Embedding = field(repr=False)
    by: Engine = field(repr=False)

    @property
    def model(self) -> str:
        """The model that has looked at it and can answer."""
        return self.features.model

    @property
    def size(self) -> Size:
        """Of the picture."""
        return self.features.size

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, whole or not at all, and return the path. The picture itself is not in it.

        InvalidEmbedding for the model `embedded`, whose embeddings are not kept in files; NotAccessible if the system
        refuses.
        """
        saved.save(self.features, self.by, Path(path))
        return Path(path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        image: Picture | None = None,
        model: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> "Embedding":
        """The embedding in a file. It answers prompts as it did, and the picture is not looked at again.

        image: the picture, for crops, tiles, most words and files that draw on it; clicks and boxes do without. model:
        None takes the one that the file names; its files here must be those that made the embedding, in the same
        precision. limits: how large a picture may be. InvalidEmbedding if the file is none, damaged or another model's.
        """
        opened = None if image is None else _open(image, limits)
        features, by = saved.load(Path(path), _engine, model=model, max_pixels=limits.max_pixels)
        if opened is not None and opened.digest != features.digest:
            raise InvalidEmbedding(
                f"The embedding in {path} is not of this picture", "Give the picture that it was made of, byte for byte"
            )
        return cls(opened, features, by)


@dataclass(frozen=True, slots=True)
class Segmentation(domain.Segmentation):
    """The masks of one picture, best first, together with the picture. A notebook shows its overlay.

    image: None where they come from an embedding that was loaded without it.
    """

    image: Image | None = field(repr=False)

    def save(
        self, folder: str | os.PathLike[str], formats: Sequence[str] = ("overlay", "png", "json")
    ) -> tuple[Path, ...]:
        """Write the files of these formats into the folder, which is made if need be, and return their paths."""
        names = (formats,) if isinstance(formats, str) else formats
        if not names:
            raise InvalidPrompt("No format is asked for", f"Name at least one of {', '.join(FORMATS)}")
        _check_drawn(self.image, names)
        return delivery.write_files(delivery.encode(self, self.image, names), Path(folder))

    def encode(self, name: str) -> tuple[Encoded, ...]:
        """The files of one format, in memory: each has a name, a media type and its data."""
        _check_drawn(self.image, (name,))
        return delivery.encode(self, self.image, (name,))

    def overlay(self) -> PIL.Image.Image:
        """The picture with its masks in colour."""
        return PIL.Image.open(io.BytesIO(self.encode("overlay")[0].data))

    def _repr_png_(self) -> bytes | None:
        from rubylith.formats import overlay  # noqa: PLC0415  OpenCV is loaded when a picture is shown

        return None if self.image is None else overlay.preview(self, self.image)


def embed(image: Picture, *, model: ModelName = DEFAULT_MODEL, limits: Limits = DEFAULT_LIMITS) -> Embedding:
    """Look at a picture once, to ask about it many times.

    image: a path, the bytes of a picture file, a Pillow image, or an array: (H, W) or (H, W, 1) grey,
    (H, W, 3) RGB or (H, W, 4) RGBA.
    limits: how large a file may be.
    """
    opened = _open(image, limits)
    by = _engine(os.fspath(model))
    return Embedding(opened, by.embed(opened), by)


def _with_known_options(call: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """The same, with an error of ours for what it does not take: typing tools see it as it was."""
    known = tuple(name for name, one in inspect.signature(call).parameters.items() if one.kind is one.KEYWORD_ONLY)
    taken = {*inspect.signature(call).parameters}

    @functools.wraps(call)
    def checked(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        unknown = next((name for name in kwargs if name not in taken), None)
        if unknown is None:
            return call(*args, **kwargs)
        inside = kwargs[unknown]
        if unknown != "options" or not isinstance(inside, Mapping):
            raise UnknownName.among("option", unknown, known)
        first = next((f": {name}={value!r}" for name, value in cast("Mapping[str, object]", inside).items()), "")
        raise UnknownName(
            "There is no option called 'options'", f"Give each by its own name{first}, or unpack them: **options"
        )

    return checked


@_with_known_options
def segment(
    image: Picture | Embedding,
    *,
    points: Sequence[PointLike] | None = None,
    boxes: Sequence[BoxLike] | None = None,
    previous: MaskLike | None = None,
    text: str | Sequence[str] | None = None,
    mode: Mode | str | None = None,
    threshold: float | Sequence[float] | None = None,
    detector: str | None = None,
    multimask: bool = False,
    model: ModelName | None = None,
    points_per_side: int | None = None,
    pred_iou_thresh: float | None = None,
    stability_score_thresh: float | None = None,
    stability_score_offset: float | None = None,
    box_nms_thresh: float | None = None,
    crop_n_layers: int | None = None,
    crop_nms_thresh: float | None = None,
    crop_overlap_ratio: float | None = None,
    crop_n_points_downscale_factor: int | None = None,
    min_mask_region_area: int | None = None,
    max_masks: int | None = None,
    overlap: Overlap | str | None = None,
    tile_side: int | None = None,
    fast: bool | None = None,
    max_seconds: float | None = None,
    label: bool | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = ignore,
) -> Segmentation:
    """Cut what the points or boxes say or the words name, or without them everything that can be told apart.

    image: as for `embed`, or what `embed` returned. points: (x, y) in pixels, or (x, y, 0) beside it; all belong
    to one object, together with the box if there is one. boxes: (x0, y0, x1, y1); several are an object each. previous:
    the mask to be corrected: of an earlier result, a record of masks.json or its `segmentation`, or an array (H, W),
    bool, or uint8 of two values or shades up to 255, the object bright. multimask: up to three candidates of each
    object, best first. text: phrases such as "face" or "the largest object", in a list, or in one string with
    commas or "and" between; each mask is labelled with its phrase. mode: a mask per thing, per phrase, or both without
    overlap; without text, of all that the picture shows. threshold: what words find with a lower score is dropped; one
    number for all phrases, or one for each. detector: who looks, by name or a folder that transformers wrote. label:
    masks of everything get names, from who on this machine knows any.

    The options from points_per_side to label act without all those only, as in `Everything`; max_masks and tile_side
    go with text too. model: None takes
    the one that embedded the picture, else `embedded`. limits: how large a file may be. progress: called with the
    share done, 0 to 1. Whatever is wrong is a RubylithError.
    """
    given = locals()
    options = {field.name: given[field.name] for field in fields(Everything)}
    words = Words(text, mode, threshold, detector)
    name = _model_for(image, model)
    defaults = functools.partial(everything_defaults, name)
    prompt = read_prompt(points, boxes, previous, words=words, multimask=multimask, options=options, defaults=defaults)
    return _segment(image, name, prompt, limits, progress)


def _segment(
    image: Picture | Embedding, model: str, prompt: Prompt, limits: Limits, progress: Progress
) -> Segmentation:
    seen = image if isinstance(image, Embedding) else None
    by = seen.by if seen else _engine(model)
    by.check(prompt)
    opened = seen.image if seen else _open(cast("Picture", image), limits)
    if opened is None and by.needs_picture(prompt):
        raise InvalidPrompt(
            "Crops, tiles and names are looked up in the picture, which is not in a saved embedding", GIVE
        )
    found = by.segment(opened, prompt, embedding=seen.features if seen else None, progress=progress)
    return Segmentation(
        found.size,
        found.masks,
        found.disjoint,
        found.model,
        opened,
        truncated=found.truncated,
        vocabulary=found.vocabulary,
    )


def _check_drawn(image: Image | None, names: Sequence[str]) -> None:
    drawn = [] if image is not None else [name for name in names if delivery.find_formats((name,))[0].NEEDS_PIXELS]
    if drawn:
        raise InvalidPrompt(f"{' and '.join(drawn)} shows the picture, which is not in a saved embedding", GIVE)


def _engine(model: str) -> Engine:
    settings = read_settings()
    return _opened(model, settings.models, settings.device)


@functools.cache
def _opened(model: str, folder: Path, device: Device) -> Engine:
    return Engine(model, models_folder=folder, device=device)


def _model_for(image: Picture | Embedding, model: ModelName | None) -> str:
    name = None if model is None else os.fspath(model)
    if not isinstance(image, Embedding):
        return name or DEFAULT_MODEL
    if name is not None and not _are_same(name, image.model):
        raise InvalidPrompt(
            f"The picture was embedded by {image.model!r}, which {name!r} cannot read",
            "Leave out model, or give the picture itself",
        )
    return image.model


def _are_same(name: str, other: str) -> bool:
    """Whether two names mean one model; a folder can be written in many ways."""
    return name == other or (
        is_folder_name(name) and Path(name).exists() and os.path.realpath(name) == os.path.realpath(other)
    )


def _open(image: Picture, limits: Limits) -> Image:
    if isinstance(image, Image):
        return image
    if isinstance(image, bytes | bytearray | memoryview):
        return intake.open_image(Inline(bytes(image)), limits)
    if isinstance(image, str | os.PathLike):
        if LINK.match(os.fspath(image)) and not Path(image).exists():
            raise InvalidPrompt(f"{image} is a link, and links are not fetched", "Download it and give the file")
        return intake.open_image(Local(Path(image)), limits)
    if isinstance(image, PIL.Image.Image):
        return intake.from_pil(image)
    if hasattr(image, "__array__"):  # NumPy's, and those that turn into one, such as tensors
        return intake.from_array(np.asarray(image))
    raise InvalidImage(
        f"A {type(image).__name__} is no picture", "Give a path, bytes, a Pillow image or an array of RGB pixels"
    )
