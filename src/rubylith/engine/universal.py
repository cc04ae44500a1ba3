"""Universal models: one look at a picture → everything in it by name, things one by one and the rest by kind.

They answer with queries, each of which is a distribution over names and a mask at low resolution. How those become
segments is the same idea in every family, with differences that `Reading` names; sources are transformers' image
processors. Masks are enlarged one at a time, so that a large picture does not need them all in memory.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Label, Mask
from rubylith.domain.prompt import Everything, Mode, ObjectPrompt
from rubylith.domain.rle import RLE, BoolArray
from rubylith.engine import AreWhole, Embedding, Progress
from rubylith.engine.frames import enlarged, within
from rubylith.engine.names import Names
from rubylith.engine.refine import box_array
from rubylith.engine.runtimes import Array, Network
from rubylith.engine.windows import anything

FloatArray = npt.NDArray[np.float32]

HALF = 0.5  # probability from which a pixel is a query's
OWN_SHARE = 0.8  # of a query's pixels that it must win against the others to be a segment
CLASSES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Reading:
    """How a family's answers are read.

    least: a query whose best name is less certain is none. inner: side of the square to which mask logits are enlarged
    before they become probabilities; None leaves them as they are. is_padded: the picture fills the square's longer
    side only, else it is stretched. enlarges_logits: from the square to the picture logits are enlarged and not
    probabilities. keeps_half: a segment keeps pixels of at least HALF only, else all that its query wins.
    """

    least: float
    inner: int | None
    is_padded: bool = False
    enlarges_logits: bool = False
    keeps_half: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says of one picture. names: (Q, C + 1) logits, the last is nothing. masks: (Q, h, w) logits."""

    names: FloatArray = field(repr=False)
    masks: FloatArray = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.names.nbytes + self.masks.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One segment: where (H, W) bool, the index of its name, and how certain that is."""

    bitmap: BoolArray = field(repr=False)
    name: int
    score: float


class Universal:
    """A Segmenter that names what it finds; it answers no clicks and boxes."""

    def __init__(
        self,
        model: str,
        network: Network,
        names: Names,
        reading: Reading,
        show: Callable[[Image], dict[str, Array]],
    ) -> None:
        self.model = model
        self.names = names
        self._network = network
        self._reading = reading
        self._show = show

    def embed(self, image: Image) -> Embedding:
        """Look at the picture; all that can be asked is in the answer."""
        results = self._network.run(self._show(image))
        answers = Answers(results["class_logits"][0], results["mask_logits"][0])
        return Embedding(self.model, image.size, image.digest, answers, answers.nbytes)

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:  # noqa: ARG002
        """InvalidPrompt: it cannot be pointed at things."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """InvalidPrompt, which says what can be asked instead."""
        raise InvalidPrompt(
            f"{self.model} names what is in a picture and takes no points or boxes",
            "Leave them out, name something with text, or ask another model, such as embedded",
        )

    def propose(
        self, embedding: Embedding, everything: Everything, progress: Progress, are_whole: AreWhole = anything
    ) -> tuple[Mask, ...]:
        """All segments, named, best first."""
        masks = self.parse(embedding, Mode.PANOPTIC)
        progress(1.0)
        whole = are_whole(box_array([mask.box for mask in masks]) - np.array([0, 0, 1, 1]))
        good = [mask.predicted_iou >= everything.pred_iou_thresh for mask in masks]
        return tuple(itertools.compress(masks, whole & np.array(good, np.bool_)))

    def vocabulary(self, mode: Mode) -> tuple[Label, ...]:
        """All labels that `parse` gives in this mode, in order of their numbers."""
        labels = (self._label(index) for index in range(len(self.names.shown)))
        return tuple(label for label in labels if label.is_thing or mode is not Mode.INSTANCE)

    def parse(self, embedding: Embedding, mode: Mode) -> tuple[Mask, ...]:
        """Disjoint, named masks, best first: of each name one (SEMANTIC), of each thing one (INSTANCE), or both."""
        assert isinstance(embedding.features, Answers), (
            "checked by the engine: embeddings go to the model that made them"
        )
        if mode is Mode.SEMANTIC:
            found = list(semantic_segments(embedding.features, embedding.size, self._reading))
        else:
            found = panoptic_segments(embedding.features, embedding.size, self._reading, self.names.stuff)
        masks = [self._mask(segment) for segment in found]
        if mode is Mode.INSTANCE:
            masks = [mask for mask in masks if mask.label is not None and mask.label.is_thing]
        return tuple(sorted(masks, key=lambda mask: -mask.predicted_iou))

    def _mask(self, segment: Segment) -> Mask:
        rle = RLE.from_bitmap(segment.bitmap)
        return Mask(rle, rle.box, segment.score, label=self._label(segment.name, segment.score))

    def _label(self, index: int, score: float | None = None) -> Label:
        return Label(self.names.shown[index], index + 1, is_thing=index not in self.names.stuff, score=score)


def panoptic_segments(answers: Answers, size: Size, reading: Reading, stuff: frozenset[int]) -> list[Segment]:
    """Every pixel to the query that is most certain of it; queries that lose most of their pixels go.

    size: of the picture. stuff: indices of names whose segments are one. Source: transformers,
    post_process_panoptic_segmentation of the family's image processor.
    """
    chances = _softmax(answers.names)
    scores, names = chances.max(axis=1), chances.argmax(axis=1)
    kept = np.flatnonzero((names < chances.shape[1] - 1) & (scores > reading.least))
    best = np.full((size.height, size.width), -1, np.float32)
    owner = np.full((size.height, size.width), -1, np.int16)
    claims: list[RLE] = []
    for place, query in enumerate(kept):
        likely = _plane(answers.masks[query], size, reading)
        weighted = likely * scores[query]
        wins = weighted > best
        best[wins], owner[wins] = weighted[wins], place
        claims.append(RLE.from_bitmap((likely if reading.keeps_half else weighted) >= HALF))
    segments: list[Segment] = []
    merged: dict[int, int] = {}
    for place, query in enumerate(kept):
        won, name = owner == place, int(names[query])
        area = np.count_nonzero(won)
        if not area or not claims[place].area or area / claims[place].area <= OWN_SHARE:
            continue
        bitmap = won & claims[place].bitmap() if reading.keeps_half else won
        if not bitmap.any():
            continue
        if name in merged:
            earlier = segments[merged[name]]
            segments[merged[name]] = Segment(earlier.bitmap | bitmap, name, earlier.score)
            continue
        if name in stuff:
            merged[name] = len(segments)
        segments.append(Segment(bitmap, name, float(scores[query])))
    return segments


def semantic_segments(answers: Answers, size: Size, reading: Reading) -> Iterator[Segment]:
    """Every pixel to the name that all queries together hold for the likeliest; one segment of each name.

    Source: transformers, post_process_semantic_segmentation of the family's image processor; of a padded picture only
    the part that shows it is enlarged. score: the mean, over the segment, of how likely it is.
    """
    chances = _softmax(answers.names)[:, :-1]  # (Q, C)
    likely = np.stack([_sigmoid(_inner(mask, reading)) for mask in answers.masks])  # (Q, h, w)
    best = np.full((size.height, size.width), -1, np.float32)
    owner = np.zeros((size.height, size.width), np.int16)
    for start in range(0, chances.shape[1], CLASSES_AT_ONCE):
        several = np.tensordot(chances[:, start : start + CLASSES_AT_ONCE].T, likely, axes=1)  # (<= 16, h, w)
        for offset, plane in enumerate(several):
            full = enlarged(_used(plane.astype(np.float32), size, reading), size)
            wins = full > best
            best[wins], owner[wins] = full[wins], start + offset
    for name in np.unique(owner):
        bitmap = owner == name
        yield Segment(bitmap, int(name), float(min(1.0, best[bitmap].mean())))


def _plane(logits: FloatArray, size: Size, reading: Reading) -> FloatArray:
    """How likely each pixel of the picture is the query's: (H, W) float32."""
    inner = _used(_inner(logits, reading), size, reading)
    if reading.enlarges_logits:
        return _sigmoid(enlarged(inner, size))
    return enlarged(_sigmoid(inner), size)


def _inner(logits: FloatArray, reading: Reading) -> FloatArray:
    return logits if reading.inner is None else enlarged(logits, Size(reading.inner, reading.inner))


def _used(plane: FloatArray, size: Size, reading: Reading) -> FloatArray:
    if not reading.is_padded:
        return plane
    used = within(size, plane.shape[0], plane.shape[0])
    return plane[: used.height, : used.width]


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
