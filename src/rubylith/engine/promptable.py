"""A SAM-like model as a Segmenter: pictures and prompts on one side, a network's square and logits on the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Logits, Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import AreWhole, Embedding, Progress, grid
from rubylith.engine.decoders import MULTIPLE, SINGLE, Answers, Clicks, Decoder, measure
from rubylith.engine.frames import Frame
from rubylith.engine.prompted import AT_A_TIME
from rubylith.engine.runtimes import Network
from rubylith.engine.windows import anything

FloatArray = npt.NDArray[np.float32]

FALLBACK_OFFSET, FALLBACK_STABILITY = 0.05, 0.98  # sam2: dynamic_multimask_stability_delta and _thresh


@dataclass(frozen=True, slots=True)
class Model:
    """What a family needs to know of one set of weights.

    name: what embeddings are marked with. side: of the square. mask_size: of the logits. features: those of the
    encoder's outputs that the decoder wants. frame: how a picture is laid on the square (Frame.padded or .stretched).
    falls_back: of two ways to answer a clear prompt take the best of three masks where the single one is not firm.
    """

    name: str
    side: int
    mask_size: int
    features: tuple[str, ...]
    frame: Callable[[Size, int, int], Frame]
    falls_back: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """An embedding's features: how the picture lay on the square, and what the networks made of it."""

    frame: Frame
    arrays: dict[str, npt.NDArray[np.float32]] = field(repr=False)


class Promptable:
    """Answers prompts with an encoder and a decoder. Holds no picture."""

    def __init__(self, model: Model, encoder: Network, decoder: Decoder) -> None:
        self.model = model
        self._encoder = encoder
        self._decoder = decoder

    def embed(self, image: Image) -> Embedding:
        """Look at the picture once: the encoder and all that no prompt changes."""
        model = self.model
        frame = model.frame(image.size, model.side, model.mask_size)
        outputs = self._encoder.run({"pixel_values": frame.pixels(image)})
        arrays = dict(self._decoder.begin({name: outputs[name] for name in model.features}))
        size = frame.nbytes + sum(array.nbytes for array in arrays.values())
        return Embedding(model.name, image.size, image.digest, Look(frame, arrays), size)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """For each prompt up to three candidates, best first: three for a lone click, else one or what there is."""
        look = look_of(embedding)
        results: dict[int, tuple[Mask, ...]] = {}
        for indices in _alike(prompts):
            clicks = _clicks(look.frame, [prompts[i] for i in indices], self.model.mask_size)
            answers = self._decoder.answer(look.arrays, clicks)
            for index, logits, iou in zip(indices, answers.logits, answers.iou, strict=True):
                chosen = self.choose(Answers(logits[None], iou[None]), is_ambiguous=clicks.is_ambiguous)
                results[index] = masks_of(look.frame, *chosen)
        return tuple(results[index] for index in range(len(prompts)))

    def choose(self, answers: Answers, *, is_ambiguous: bool) -> tuple[FloatArray, FloatArray]:
        """Of one prompt's masks those to be shown, best first: logits (K, low, low) and predicted IoU (K,).

        The mask for clear prompts answers those alone, as segment-anything's `multimask_output=False` does; SAM 2 takes
        the best of the other three where it is not firm. A decoder that gives three has no such mask.
        """
        logits, iou = answers.logits[0], answers.iou[0]
        three = slice(None) if len(iou) < 4 else MULTIPLE
        if len(iou) == 4 and not is_ambiguous:
            low = self.model.mask_size
            firm = measure(logits[SINGLE], FALLBACK_OFFSET, Size(low, low))[0][0] if self.model.falls_back else 1.0
            if firm >= FALLBACK_STABILITY or not (logits[0] > -FALLBACK_OFFSET).any():
                return logits[SINGLE], iou[SINGLE]
            best = 1 + int(np.argmax(iou[MULTIPLE]))
            return logits[best : best + 1], iou[best : best + 1]
        order = np.argsort(-iou[three], kind="stable")
        return logits[three][order], iou[three][order]

    def propose(
        self, embedding: Embedding, everything: Everything, progress: Progress, are_whole: AreWhole = anything
    ) -> tuple[Mask, ...]:
        """Masks of all that the seeds fall on, best first."""
        look = look_of(embedding)
        return grid.propose(self._decoder, look.frame, look.arrays, everything, progress=progress, are_whole=are_whole)


def look_of(embedding: Embedding) -> Look:
    """An embedding's features, as this kind of model keeps them."""
    assert isinstance(embedding.features, Look), "checked by the engine: embeddings go to the model that made them"
    return embedding.features


def masks_of(frame: Frame, logits: FloatArray, iou: FloatArray) -> tuple[Mask, ...]:
    """Logits (K, low, low) and predicted IoU (K,) → masks at the picture's size."""
    return tuple(
        grid.draw(frame, one, float(quality), offset=1.0, keeps_logits=True)
        for one, quality in zip(logits, iou, strict=True)
    )


def _alike(prompts: Sequence[ObjectPrompt]) -> list[list[int]]:
    """Indices of prompts that can share a call: as many points, box or not; a mask to correct goes alone."""
    groups: dict[tuple[int, bool], list[list[int]]] = {}
    alone: list[list[int]] = []
    for index, prompt in enumerate(prompts):
        if prompt.previous is not None:
            alone.append([index])
            continue
        batches = groups.setdefault((len(prompt.points), prompt.box is not None), [[]])
        if len(batches[-1]) == AT_A_TIME:
            batches.append([])
        batches[-1].append(index)
    return [batch for batches in groups.values() for batch in batches] + alone


def _clicks(frame: Frame, prompts: Sequence[ObjectPrompt], mask_size: int) -> Clicks:
    points = np.stack([frame.points(prompt.points) for prompt in prompts])
    labels = np.array([[int(point.positive) for point in prompt.points] for prompt in prompts], np.int64)
    boxes = [frame.corners(prompt.box) for prompt in prompts if prompt.box is not None]
    previous = prompts[0].previous
    mask = frame.logits_of(previous) if isinstance(previous, RLE) else _own_logits(previous, mask_size)
    return Clicks(points, labels.reshape(len(prompts), -1), np.stack(boxes) if boxes else None, mask)


def _own_logits(previous: Logits | None, mask_size: int) -> FloatArray | None:
    return None if previous is None else previous.of_side(mask_size)
