"""The one function that does the work: source → picture → embedding → Segmentation. Now or in a job, it is the same."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

from opentelemetry import trace

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image, ImageSource, Inline
from rubylith.domain.prompt import Everything, Scene, Text
from rubylith.domain.request import SegmentRequest
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.formats import Encoded
from rubylith.service.delivery import encode, find_formats
from rubylith.service.failures import noted
from rubylith.service.intake import Limits, digest_of, open_image
from rubylith.service.models import Models

TRACER = trace.get_tracer("rubylith")
LOOKED = 0.1  # how far the work is once the picture has been looked at


@dataclass(frozen=True)
class Opened:
    """A picture and what to call it in a result. read: gives its bytes; known_digest: theirs, where it is known."""

    name: str
    read: Callable[[], bytes] = field(repr=False)
    known_digest: str | None = None

    @classmethod
    def of(cls, data: bytes, name: str) -> "Opened":
        """One whose bytes are at hand."""
        return cls(name, lambda: data)

    @cached_property
    def data(self) -> bytes:
        """Its bytes, read when first asked for."""
        return self.read()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes in hexadecimal."""
        return self.known_digest or digest_of(self.data)


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with where it came from. files: those of the formats asked for. timings: seconds of each stage.

    image: only where the request says `with_pixels`.
    """

    name: str
    digest: str
    request: SegmentRequest
    segmentation: Segmentation
    files: tuple[Encoded, ...]
    timings: dict[str, float]
    image: Image | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Worker:
    """What the work is done with. `open` reads a source on behalf of the caller with that id."""

    models: Models
    cache: EmbeddingCache
    limits: Limits
    open: Callable[[ImageSource, str], Opened]

    def check(self, request: SegmentRequest) -> None:
        """What is wrong with a request whatever the picture: the model's name, or words that nobody here knows."""
        self.models.check(request.model)
        prompt = request.prompt
        if isinstance(prompt, Text | Scene) or (isinstance(prompt, Everything) and prompt.label):
            engine = self.models.get(request.model)
            with noted(request.model):
                engine.check(prompt)

    def segment(self, request: SegmentRequest, caller_id: str, progress: Progress) -> Answer:
        """Do all of it. The picture is decoded only if its embedding is not held or its pixels are needed."""
        engine = self.models.get(request.model)
        with noted(request.model):
            return self._answer(engine, request, caller_id, progress)

    def embed(self, source: ImageSource, model: str, caller_id: str) -> tuple[Opened, Size]:
        """Look at a picture now, so that prompts about it are quick later."""
        opened = self.open(source, caller_id)
        engine = self.models.get(model)
        with noted(model):
            embedding = self._embedding(model, engine, _Look(opened, self.limits, {}))
        return opened, embedding.size

    def _answer(self, engine: Engine, request: SegmentRequest, caller_id: str, progress: Progress) -> Answer:
        timings: dict[str, float] = {}
        engine.check(request.prompt)
        with _timed(timings, "open"):
            opened = self.open(request.source, caller_id)
        look = _Look(opened, self.limits, timings)
        progress(0.0)
        embedding = self._embedding(request.model, engine, look)
        progress(LOOKED)
        image = look.image() if _needs_pixels(request, engine) else None
        with _timed(timings, "segment"):
            segmentation = engine.segment(
                image,
                request.prompt,
                embedding=embedding,
                progress=lambda share: progress(LOOKED + share * (1 - LOOKED)),
            )
        with _timed(timings, "encode"):
            files = encode(segmentation, image, request.formats, path=opened.name)
        shown = image if request.with_pixels else None
        return Answer(opened.name, opened.digest, request, segmentation, files, timings, shown)

    def _embedding(self, model: str, engine: Engine, look: "_Look") -> Embedding:
        """By the engine that answers, for a model's files may be others the next time it is opened."""
        key = (model, engine.opening, look.opened.digest)
        with _timed(look.timings, "embed"):
            return self.cache.find_or_make(key, lambda: engine.embed(look.image()))


@dataclass(slots=True)
class _Look:
    """Decodes a picture once, and only when somebody looks."""

    opened: Opened
    limits: Limits
    timings: dict[str, float]
    _image: Image | None = None

    def image(self) -> Image:
        if self._image is None:
            with _timed(self.timings, "decode"):
                self._image = open_image(Inline(self.opened.data, self.opened.name), self.limits)
        return self._image


def _needs_pixels(request: SegmentRequest, engine: Engine) -> bool:
    if request.with_pixels or engine.needs_picture(request.prompt):
        return True
    return any(form.NEEDS_PIXELS for form in find_formats(request.formats))


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Generator[None]:
    started = time.perf_counter()
    try:
        with TRACER.start_as_current_span(stage) if trace.get_current_span().is_recording() else nullcontext():
            yield
    finally:
        timings[stage] = round(timings.get(stage, 0.0) + time.perf_counter() - started, 6)
