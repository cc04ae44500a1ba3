"""Picture and prompt → Segmentation, with the model of your choice."""

from typing import cast

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.image import Image
from rubylith.domain.prompt import Objects, Prompt, Subject
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter, everything, models, prompted, subject
from rubylith.registry import load


def ignore(share_done: float, /) -> None:
    """A progress callback for callers who do not want one."""


class Engine:
    """One loaded model. It remembers nothing about pictures, so any number of threads may share it."""

    def __init__(self, model: str = "embedded") -> None:
        """UnknownName if there is no such model."""
        self.model = model
        self._segmenter = cast("Segmenter", load(models.__name__, models.NAMES, model, kind="model").load())

    def embed(self, image: Image) -> Embedding:
        """Look at the picture; the result answers any number of prompts about it."""
        return self._segmenter.embed(image)

    def segment(
        self, image: Image | None, prompt: Prompt, *, embedding: Embedding | None = None, progress: Progress = ignore
    ) -> Segmentation:
        """The masks that answer the prompt; InvalidPrompt where it makes no sense for this picture.

        embedding: of this picture by this model, to save looking again; with it the picture itself is needed for crop
        layers only, and may else be None.
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
        if isinstance(prompt, Objects):
            return prompted.segment(self._segmenter, embedding, prompt)
        if isinstance(prompt, Subject):
            return subject.segment(self._segmenter, embedding)
        return everything.segment(self._segmenter, image, embedding, prompt, progress=progress)
