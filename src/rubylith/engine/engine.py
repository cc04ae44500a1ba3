"""Picture and prompt → Segmentation, with the model of your choice."""

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, Objects, Prompt, Scene, Subject, Text, check_sense
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter, everything, grounded, models, prompted, scene, subject
from rubylith.engine.catalog import EMBEDDED, everything_defaults, find_weights
from rubylith.engine.embedded import network
from rubylith.engine.folders import is_transformers_folder, read_transformers_folder
from rubylith.engine.lists import opening
from rubylith.engine.memory import give_back
from rubylith.engine.models import Weights
from rubylith.engine.origin import Origin
from rubylith.engine.progress import ignore
from rubylith.engine.runtimes import Device
from rubylith.engine.shelf import Shelf
from rubylith.engine.universal import Universal
from rubylith.engine.vocabulary import vocabulary
from rubylith.registry import load

MODELS_FOLDER = Path("~/.cache/rubylith/models")
ANY_PROCESSOR = Device()
OPENINGS = itertools.count(1)
GIVE_BACK_EVERY = 32  # looks: pictures of different sizes leave memory in pieces that nobody else can use


def _find(model: str, models_folder: Path) -> tuple[str, Weights | None]:
    if model == EMBEDDED:
        return EMBEDDED, None
    if is_transformers_folder(Path(model)):
        return read_transformers_folder(Path(model))
    return find_weights(model, models_folder)


class Engine:
    """One loaded model. It remembers nothing about pictures, so any number of threads may share it.

    model: its name. opening: another number for each in this process, for a model's files may change between two.
    origin: the files that it was opened from: those of a folder, or of the package.
    """

    def __init__(
        self,
        model: str = EMBEDDED,
        *,
        models_folder: Path = MODELS_FOLDER,
        device: Device = ANY_PROCESSOR,
        called: str | None = None,
    ) -> None:
        """model: `embedded`, a name from the catalogue with its files in `models_folder`, or a folder.

        The folder is one that our export wrote, or transformers; that needs the extra `torch`. called: its name in
        results and errors; None takes `model`, and for a folder its path.
        UnknownName if there is no such model, WeightsMissing if its files are not here, or are being replaced.
        """
        models_folder = models_folder.expanduser()
        with opening(models_folder / model, model):
            family, weights = _find(model, models_folder)
            if weights is not None and called is not None:
                weights = replace(weights, name=called)
            self.model = model if weights is None else weights.name
            room = cast("Any", load(models.__name__, models.NAMES, family, kind="model family"))
            self._segmenter = cast("Segmenter", room.load(weights, device))
            self.origin = Origin.of_package(model, network.files()) if weights is None else Origin.of(weights, device)
        self.opening = next(OPENINGS)
        self._shelf = Shelf(models_folder, device)
        self._defaults = partial(everything_defaults, model)
        self._looks = itertools.count(1)

    def check(self, prompt: Prompt) -> None:
        """What is wrong with a prompt whatever the picture, before anybody opens it.

        InvalidPrompt for objects that make no sense; that or UnknownWord for words that cannot be looked up here.
        """
        if isinstance(prompt, Objects):
            check_sense(prompt)
        if isinstance(prompt, Text) and isinstance(self._segmenter, Universal):
            scene.check_words(self._segmenter, prompt)
        elif isinstance(prompt, Text):
            grounded.check(prompt, self._shelf)
        elif isinstance(prompt, Scene) or (isinstance(prompt, Everything) and prompt.label):
            scene.check(self._segmenter, self._shelf)
        elif isinstance(self._segmenter, Universal) and not isinstance(prompt, Everything):
            self._segmenter.refuse()

    @property
    def segmenter(self) -> Segmenter:
        """The model itself."""
        return self._segmenter

    def needs_picture(self, prompt: Prompt) -> bool:
        """True if the prompt is answered from the picture, and not from its embedding alone."""
        names = isinstance(prompt, Text | Scene) or (isinstance(prompt, Everything) and prompt.label)
        looks_again = isinstance(prompt, Everything) and prompt.looks_again
        return looks_again or (names and not isinstance(self._segmenter, Universal))

    def embed(self, image: Image) -> Embedding:
        """Look at the picture; the result answers any number of prompts about it."""
        embedding = self._segmenter.embed(image)
        if next(self._looks) % GIVE_BACK_EVERY == 0:
            give_back()
        return embedding

    def segment(
        self, image: Image | None, prompt: Prompt, *, embedding: Embedding | None = None, progress: Progress = ignore
    ) -> Segmentation:
        """The masks that answer the prompt; InvalidPrompt where it makes no sense for this picture.

        embedding: of this picture by this model, to save looking again; with it the picture itself may be None, unless
        `needs_picture` says otherwise.
        """
        if embedding is None:
            if image is None:
                raise InvalidPrompt("Neither a picture nor an embedding is given", "Give one of them")
            embedding = self.embed(image)
        elif embedding.model != self.model or (image is not None and embedding.digest != image.digest):
            raise InvalidPrompt(
                f"The embedding was made by {embedding.model!r} from another picture or for another model",
                f"Embed this picture with {self.model!r}",
            )
        found = self._answer(image, prompt, embedding, progress)
        return replace(found, vocabulary=vocabulary(prompt, self._segmenter, self._shelf))

    def _answer(self, image: Image | None, prompt: Prompt, embedding: Embedding, progress: Progress) -> Segmentation:
        if isinstance(prompt, Objects):
            return prompted.segment(self._segmenter, embedding, prompt, progress=progress)
        if isinstance(prompt, Text) and isinstance(self._segmenter, Universal):
            return scene.with_words(self._segmenter, embedding, prompt)
        if isinstance(prompt, Text):
            return grounded.segment(
                self._segmenter, image, embedding, prompt, self._shelf, defaults=self._defaults, progress=progress
            )
        if isinstance(prompt, Subject):
            return subject.segment(self._segmenter, embedding, progress=progress)
        if isinstance(prompt, Scene):
            return scene.segment(self._segmenter, image, embedding, prompt, self._shelf, defaults=self._defaults)
        found = everything.segment(self._segmenter, image, embedding, prompt, progress=progress)
        return scene.label(found, self._segmenter, image, self._shelf) if prompt.label else found
